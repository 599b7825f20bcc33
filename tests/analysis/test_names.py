"""What torsions are called."""

from __future__ import annotations

import pytest

from eginterpolator.analysis.names import atom_label, bond_kinds, distinct, folds, well_name
from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule


def kinds_and_folds(smiles: str) -> list[tuple[str, int]]:
    molecule = Molecule.from_smiles(smiles)
    quadruples = torsion_quadruples(molecule)
    return list(zip(bond_kinds(molecule, quadruples), folds(molecule, quadruples).tolist(), strict=True))


@pytest.mark.parametrize(
    ("smiles", "wanted"),
    [
        ("CCCC", [("single", 1)]),
        ("CC(C)CCl", [("single", 1)]),  # the two methyls of an isopropyl are not one turn apart
        ("FC(F)(F)COC", [("single", 1), ("single", 3)]),
        ("CC(C)(C)CO", [("single", 3)]),
        ("CC(=O)NC", [("planar", 1)]),
        ("COC(C)=O", [("planar", 1)]),
        ("C/C=C/C", [("double", 1)]),
        ("C=CC=C", [("conjugated", 1)]),
        ("c1ccccc1-c1ccccc1", [("conjugated", 2)]),
        ("c1ccccc1-c1ccccc1Cl", [("conjugated", 2)]),
        ("Clc1ccccc1-c1ccccc1Cl", [("conjugated", 1)]),
        ("CCc1ccccc1", [("single", 2)]),
        ("CC(C)(C)c1ccccc1", [("single", 6)]),
        ("C[C@H](O)C(=O)[O-]", [("single", 2)]),  # resonance makes the oxygens equal
        ("C[C@H](O)C(=O)O", [("single", 1)]),
        ("OCC[N+](=O)[O-]", [("single", 2), ("single", 1)]),
        ("NC(=[NH2+])c1ccc(Cl)cc1", [("conjugated", 2)]),
        ("C1CCCO1", [("ring", 1)] * 5),
    ],
)
def test_kind_and_symmetry_of_bonds(smiles, wanted):
    assert sorted(kinds_and_folds(smiles)) == sorted(wanted)


@pytest.mark.parametrize(
    ("kind", "fold", "degrees", "name"),
    [
        ("single", 1, 180, "trans"), ("single", 1, -151, "trans"), ("single", 1, 62, "gauche+"),
        ("single", 1, -62, "gauche-"), ("single", 1, 5, "cis"), ("single", 1, 118, "anticlinal+"),
        ("single", 1, -118, "anticlinal-"), ("conjugated", 1, 3, "s-cis"), ("conjugated", 1, -179, "s-trans"),
        ("conjugated", 1, 45, "gauche+"), ("planar", 1, 10, "cis"), ("planar", 1, -170, "trans"),
        ("double", 1, 100, "trans"), ("conjugated", 2, 10, "planar"), ("conjugated", 2, -40, "twisted-"),
        ("single", 2, 88, "perpendicular"), ("single", 3, 58, "staggered"), ("single", 3, 4, "eclipsed"),
        ("single", 6, 12, "rotor"), ("ring", 1, -55, "gauche-"),
    ],
)  # fmt: skip
def test_name_of_an_angle(kind, fold, degrees, name):
    assert well_name(kind, fold, degrees) == name


def test_equal_names_get_their_angles():
    assert distinct(["gauche+", "trans", "gauche+"], [48.2, 180, 81.9]) == ["gauche+ (48)", "trans", "gauche+ (82)"]


def test_label():
    assert atom_label([0, 2], ["C", "N", "O"]) == "C1–O3"
