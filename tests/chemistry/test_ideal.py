"""Limits from the graph alone: which bonds may not turn, which centres are straight."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.ideal import cumulated_axes, ideal_geometry, twisting_bonds
from eginterpolator.chemistry.molecule import Molecule


def kinds(smiles: str) -> list[str]:
    return sorted(twist.kind for twist in twisting_bonds(Molecule.from_smiles(smiles)))


@pytest.mark.parametrize(
    ("smiles", "wanted"),
    [
        ("CC(=O)NC", ["amide"]),
        ("CNC(=O)NC", ["amide", "amide"]),
        ("CC(=S)N(C)C", ["amide"]),
        ("COC(C)=O", ["ester"]),
        ("COC(=O)NC", ["amide", "ester"]),
        ("C/C=C/C", ["double"]),
        ("C/C=N/O", ["double"]),
        ("C1CCC/C=C\\CC1", ["double_in_large_ring"]),
        ("O=C1CC2CCN1CC2", []),  # an amide at a bridgehead is twisted
        ("CC(=O)NN(C)C", []),  # of hydrazides MD knows any twist
        ("CC(=N)N", ["double"]),  # amidines turn
        ("CN(C)C(=N)NC(N)=[NH2+]", ["double"]),  # where the charge sits the bonds are drawn at will
        ("Cc1ccccc1-c1ccccc1C", []),
        ("CC(=O)c1ccccc1", []),
        ("O=c1cc[nH]c(=O)[nH]1", []),
    ],
)
def test_bonds_that_do_not_turn(smiles, wanted):
    assert kinds(smiles) == wanted


def test_axes_are_those_of_cumulated_carbons():
    (axis,) = cumulated_axes(Molecule.from_smiles("CC=C=C"))
    assert axis.right_angle and len(axis.substituents[0]) == 2
    (axis,) = cumulated_axes(Molecule.from_smiles("CC(C)=C=C=C"))
    assert not axis.right_angle
    assert all(not cumulated_axes(Molecule.from_smiles(s)) for s in ("CN=C=NC", "CC=C=O", "C/C=C/C", "O=C=O", "C"))


def limits(smiles: str, centre: int) -> np.ndarray:
    ideal = ideal_geometry(Molecule.from_smiles(smiles))
    return np.degrees(ideal.angle_limits[ideal.angles[:, 1] == centre])


def test_angles_by_hybridisation_and_ring():
    assert limits("CCN=[N+]=[N-]", 3).tolist() == [[153.0, 180.0]]
    assert (limits("CC", 0)[:, 1] < 150).all()
    three = limits("C1CC1", 0)
    assert (three[:, 1] < 80).sum() == 1 and len(three) == 6
    assert limits("C1CCCC#CCC1", 4)[0, 0] < 150  # a strained ring bends it
    assert len(limits("FS(F)(F)(F)(F)F", 1)) == 0  # nothing is known of six bonds
    assert limits("CCN=C=S", 2)[0, 1] > 170 > limits("C/C=N/C", 2)[0, 1]


def test_bounds_are_of_heavy_pairs_and_once_for_a_molecule():
    molecule = Molecule.from_smiles("CCCO")
    ideal = ideal_geometry(molecule)
    assert len(ideal.distances) == 6 and sorted(ideal.distance_kinds) == [0, 0, 0, 1, 1, 2]
    assert (ideal.distance_limits[:, 0] < ideal.distance_limits[:, 1]).all()
    assert ideal_geometry(molecule) is ideal
    assert not len(ideal_geometry(Molecule.from_smiles("C")).distances)


def test_a_hydrogen_bond_that_folds_an_amidine_is_no_clash():
    ideal = ideal_geometry(Molecule.from_smiles("NC(=O)N/C=N/C1CC1"))
    row = ideal.distances.tolist().index([0, 5])
    assert ideal.distance_limits[row, 0] < 2.6  # 1 % of MD's frames have N...N under 2.6 Å, none under 2.5
