"""Torsion lists by hand: bonds that turn, and one quadruple of each ring."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import TorsionFingerprints

from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.evaluation.published_protocol.torsion_list import (
    published_features,
    published_torsions,
    torsion_angles,
)
from tests.builders.conformers import embedded


@pytest.mark.parametrize(
    ("smiles", "chain", "rings"),
    [
        ("CCCC", 1, 0),
        ("C1CC1", 0, 1),  # cyclopropane: a-b-c-a
        ("C1CCCCC1", 0, 1),  # cyclohexane: the first of six
        ("Cc1ccccc1", 0, 0),  # toluene: wholly aromatic, and a methyl has no torsion
        ("CCc1ccccc1", 1, 0),
        ("C1CC[C@@H]2CCCC[C@H]2C1", 0, 2),  # decalin: one a ring, the shared bond turns in neither
        ("c1ccc2c(c1)CCCC2", 0, 1),  # tetralin: the ring with two aromatic atoms of six counts
        ("c1ccc2ccccc2c1", 0, 0),
        ("CCC1CCCCC1", 1, 1),
        ("COCCOCC1CC1", 5, 1),
        ("CCC#CCC", 0, 0),  # bonds beside a triple bond are left out
    ],
)
def test_how_many_torsions_a_molecule_has(smiles, chain, rings):
    molecule = Molecule.from_smiles(smiles)
    found = published_torsions(molecule)
    ring_bonds = [molecule.rdmol.GetBondBetweenAtoms(int(q[1]), int(q[2])).IsInRing() for q in found]
    assert ring_bonds == [False] * chain + [True] * rings, "chains first"
    assert found.shape == (chain + rings, 4) and (found < molecule.n_heavy).all()


def test_a_ring_of_three_gives_one_that_returns_to_its_first_atom():
    (quadruple,) = published_torsions(Molecule.from_smiles("C1CC1"))
    assert quadruple[0] == quadruple[3] and set(quadruple.tolist()) == {0, 1, 2}
    assert len(torsion_quadruples(Molecule.from_smiles("C1CC1"))) == 0, "our own protocol has none"


def test_the_ring_torsion_is_the_first_of_rdkit():
    molecule = Molecule.from_smiles("C1CCCCC1")
    ring = Chem.GetSymmSSSR(molecule.rdmol)[0]
    assert published_torsions(molecule).tolist() == [list(ring)[:4]]
    assert len(torsion_quadruples(molecule)) == 6


def test_the_list_is_made_with_hydrogens():
    """Of C=O and O at the carboxyl carbon the all-atom list takes the ester's O, the heavy-atom list the other."""
    molecule = Molecule.from_smiles("CCC(=O)OCC(C)C")
    with_hydrogens, without = (
        [quadruples[0] for quadruples, _ in TorsionFingerprints.CalculateTorsionLists(mol)[0]]
        for mol in (molecule.rdmol, molecule.heavy_mol)
    )
    assert with_hydrogens != without, "the molecule tells the lists apart"
    assert published_torsions(molecule).tolist() == [list(quadruple) for quadruple in with_hydrogens]


def test_the_angle_of_a_three_ring_is_exactly_zero():
    """Rounding would scatter it over two bins, and its distance would be noise."""
    molecule, frames = embedded("CC1CC1")
    noisy = frames + np.random.default_rng(0).normal(0, 0.05, frames.shape)
    assert (torsion_angles(noisy, published_torsions(molecule)) == 0).all()


def test_bonds_and_angles_are_those_of_all():
    features = published_features(Molecule.from_smiles("CCO"))
    assert features.bonds.tolist() == [[0, 1], [1, 2]] and features.angles.tolist() == [[0, 1, 2]]
    assert features.torsions.shape == (0, 4)
