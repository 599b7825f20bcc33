"""Sections of a prmtop: read, replaced, and waters made rigid."""

from __future__ import annotations

import pytest

from eginterpolator.simulation.export.prmtop import section, with_residues, with_rigid_waters, with_section

PRMTOP = "%FLAG MASS\n%FORMAT(5E16.8)\n  1.0E+00  2.0E+00\n%FLAG RADII\n%FORMAT(5E16.8)\n  0.0E+00\n"
POINTERS = [7, 4, 3, 0, 2, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0, 2, *([0] * 12), 7, 0, 0]
WATERS = "".join(
    f"%FLAG {flag}\n%FORMAT({form})\n{text}\n"
    for flag, form, text in (
        ("POINTERS", "10I8", " ".join(map(str, POINTERS))),
        ("BOND_FORCE_CONSTANT", "5E16.8", "3.4E+02 5.5E+02"),
        ("BOND_EQUIL_VALUE", "5E16.8", "1.1E+00 9.6E-01"),
        ("BONDS_INC_HYDROGEN", "10I8", "0 3 1 12 15 2 12 18 2"),
        ("ANGLES_INC_HYDROGEN", "10I8", "3 0 6 1 15 12 18 2"),
        ("RESIDUE_LABEL", "20a4", "RES"),
        ("RESIDUE_POINTER", "10I8", "1"),
        ("SOLVENT_POINTERS", "3I8", "1 1 2"),
        ("ATOMS_PER_MOLECULE", "10I8", "7"),
    )
)


def test_a_section_is_replaced_and_the_others_stay():
    found = with_section(PRMTOP, "MASS", [1.5, 2.5, 3.5, 4.5, 5.5, 6.5])
    assert [float(word) for word in section(found, "MASS")] == [1.5, 2.5, 3.5, 4.5, 5.5, 6.5]
    assert all(len(line) <= 80 for line in found.splitlines())
    assert found.split("%FLAG RADII")[1] == PRMTOP.split("%FLAG RADII")[1]
    with pytest.raises(ValueError, match="no section SCREEN"):
        with_section(PRMTOP, "SCREEN", [1.0])


def test_water_has_a_bond_of_hydrogens_in_place_of_its_angle():
    found = with_rigid_waters(WATERS, [4], 0.9572, 1.5139)
    assert section(found, "BONDS_INC_HYDROGEN") == "0 3 1 12 15 3 12 18 3 15 18 4".split()
    assert section(found, "ANGLES_INC_HYDROGEN") == "3 0 6 1".split()
    assert [float(word) for word in section(found, "BOND_EQUIL_VALUE")] == pytest.approx([1.1, 0.96, 0.9572, 1.5139])
    pointers = [int(word) for word in section(found, "POINTERS")]
    assert (pointers[2], pointers[4], pointers[15]) == (4, 1, 4) and pointers[:2] == POINTERS[:2]


def test_every_residue_is_a_molecule():
    found = with_residues(WATERS, ["MOL", "WAT"], [4, 3])
    assert section(found, "RESIDUE_LABEL") == ["MOL", "WAT"] and section(found, "RESIDUE_POINTER") == ["1", "5"]
    assert section(found, "SOLVENT_POINTERS") == ["1", "2", "2"]
    assert section(found, "ATOMS_PER_MOLECULE") == ["4", "3"]
    pointers = [int(word) for word in section(found, "POINTERS")]
    assert (pointers[11], pointers[28]) == (2, 4)
