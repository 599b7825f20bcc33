"""What is known beforehand of hydrogens: where they sit, in which order, what pushes and charges them."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.hydrogen_sites import Site, hydrogen_sites, lennard_jones, partial_charges
from eginterpolator.chemistry.molecule import Molecule


def sites(smiles: str) -> dict[int, Site]:
    return {site.atom: site for site in hydrogen_sites(Molecule.from_smiles(smiles))}


@pytest.mark.parametrize(
    ("smiles", "kinds"),
    [
        ("C", {0: ("alone", 4)}),
        ("CCO", {0: ("cone", 3), 1: ("pair", 2), 2: ("cone", 1)}),
        ("C#CC", {0: ("opposite", 1), 2: ("cone", 3)}),
        ("CNC", {0: ("cone", 3), 1: ("pyramid", 1), 2: ("cone", 3)}),
        ("CC(C)C", {0: ("cone", 3), 1: ("opposite", 1), 2: ("cone", 3), 3: ("cone", 3)}),
        ("FC(F)(F)F", {}),
    ],
)
def test_kinds_are_those_of_the_bonds(smiles, kinds):
    assert {atom: (site.kind, len(site.hydrogens)) for atom, site in sites(smiles).items()} == kinds


@pytest.mark.parametrize("smiles", ["CC[C@H](O)C#CCOC", "NC(=O)c1ccccc1", "C[NH3+]", "C1CN1", "C/C=N/C"])
def test_every_hydrogen_has_one_site_and_rotors_come_last(smiles):
    molecule = Molecule.from_smiles(smiles)
    found = hydrogen_sites(molecule)
    assert sorted(np.concatenate([s.hydrogens for s in found])) == list(range(molecule.n_heavy, molecule.n_atoms))
    rotors = [s.kind == "cone" and len(s.wells) > 1 for s in found]
    assert rotors == sorted(rotors), "what is rigid comes first, so that rotors see it"
    assert all(0.9 < s.length < 1.6 and np.isfinite(s.angle) for s in found)


def test_the_side_of_a_stereocentre_is_that_of_the_isomer():
    one, other = sites("CC[C@H](O)C#C"), sites("CC[C@@H](O)C#C")
    assert one[2].side == -other[2].side != 0
    assert sites("CCC(C)C")[2].side == 0


def test_contacts_are_three_bonds_away_and_the_nearest_are_weaker():
    molecule = Molecule.from_smiles("CCO")
    methyl = sites("CCO")[0]
    assert 2 in methyl.contacts and not {0, 1} & set(methyl.contacts.tolist())
    hydroxyl = molecule.n_atoms - 1
    first, second = methyl.scales(np.array([2, hydroxyl]))
    np.testing.assert_allclose(first, [0.5, 1.0])
    np.testing.assert_allclose(second, [1 / 1.2, 1.0])


def test_lennard_jones_is_lorentz_berthelot_by_hand():
    molecule = Molecule.from_smiles("CO")
    of_carbon, of_oxygen = 2, molecule.n_atoms - 1
    distance, depth = lennard_jones(molecule, of_carbon, np.array([1]))
    np.testing.assert_allclose([distance[0], depth[0]], [1.387 + 1.661, (0.0157 * 0.210) ** 0.5])
    assert lennard_jones(molecule, of_oxygen, np.array([0]))[0][0] == pytest.approx(0.60 + 1.908)


def test_charges_add_up_and_are_finite_where_gasteiger_has_none():
    for smiles, total in (("CCO", 0), ("C[NH3+]", 1), ("CC(=O)[O-]", -1)):
        assert partial_charges(Molecule.from_smiles(smiles)).sum() == pytest.approx(total, abs=1e-3)
    assert np.isfinite(partial_charges(Molecule.from_smiles("C[Se]C"))).all()
