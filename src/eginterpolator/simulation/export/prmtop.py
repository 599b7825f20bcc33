"""AMBER's prmtop as sections of values, so that what Interchange leaves out can be put in."""

from __future__ import annotations

import re
from collections.abc import Sequence

NBONH, NTHETH, NRES, NUMBND, NMXRS = 2, 4, 11, 15, 28
"""Where POINTERS counts bonds and angles with hydrogen, residues, kinds of bonds, and atoms of the largest residue."""
WATER_CONSTANT = 553.0
"""kcal/mol/Å², AMBER's for the distances in TIP3P, which are held rigid."""


def section(prmtop: str, flag: str) -> list[str]:
    """The words of a section of numbers.

    Raises
    ------
    ValueError
        When there is no such section.
    """
    return _found(prmtop, flag).group(2).split()


def with_section(prmtop: str, flag: str, values: Sequence[float] | Sequence[int] | Sequence[str]) -> str:
    """A prmtop whose section `flag` holds `values`: floats, whole numbers or words of four letters.

    Raises
    ------
    ValueError
        When there is no such section.
    """
    found = _found(prmtop, flag)
    if values and isinstance(values[0], str):
        each, form = 20, "{:<4}"
    elif values and isinstance(values[0], int):
        each, form = 10, "{:8d}"
    else:
        each, form = 5, "{:16.8E}"
    rows = [values[k : k + each] for k in range(0, len(values), each)]
    block = "\n".join("".join(form.format(value) for value in row) for row in rows)
    return f"{prmtop[: found.start(2)]}{block}\n{prmtop[found.end(2) :]}"


def with_rigid_waters(prmtop: str, waters: Sequence[int], oh_angstrom: float, hh_angstrom: float) -> str:
    """Waters as AMBER's programs hold them rigid: with a bond between the hydrogens in place of the angle.

    Interchange writes a flexible water of the force field's own bonds, since its constraints have no place in a prmtop.

    Parameters
    ----------
    waters : sequence of int
        Indices of the oxygens, each followed by its hydrogens.
    oh_angstrom, hh_angstrom : float
        Distances O-H and H-H.
    """
    oxygens = set(waters)
    angles = [row for row in _rows(prmtop, "ANGLES_INC_HYDROGEN", 4) if row[1] // 3 not in oxygens]
    bonds = _rows(prmtop, "BONDS_INC_HYDROGEN", 3)
    kind = len(section(prmtop, "BOND_FORCE_CONSTANT")) + 1
    for row in bonds:
        if oxygens & {row[0] // 3, row[1] // 3}:
            row[2] = kind
    bonds += [[3 * (first + 1), 3 * (first + 2), kind + 1] for first in waters]
    more = {"BOND_FORCE_CONSTANT": [WATER_CONSTANT] * 2, "BOND_EQUIL_VALUE": [oh_angstrom, hh_angstrom]}
    for flag, values in more.items():
        prmtop = with_section(prmtop, flag, [*map(float, section(prmtop, flag)), *values])
    prmtop = with_section(prmtop, "ANGLES_INC_HYDROGEN", [number for row in angles for number in row])
    prmtop = with_section(prmtop, "BONDS_INC_HYDROGEN", [number for row in bonds for number in row])
    return _pointed(prmtop, {NBONH: len(bonds), NTHETH: len(angles), NUMBND: kind + 1})


def with_residues(prmtop: str, names: Sequence[str], sizes: Sequence[int]) -> str:
    """Residues of these names and numbers of atoms; the first is the solute, and each is a molecule."""
    firsts = [1 + sum(sizes[:k]) for k in range(len(sizes))]
    prmtop = with_section(prmtop, "RESIDUE_LABEL", list(names))
    prmtop = with_section(prmtop, "RESIDUE_POINTER", firsts)
    if len(sizes) > 1:
        prmtop = with_section(prmtop, "SOLVENT_POINTERS", [1, len(sizes), 2])
        prmtop = with_section(prmtop, "ATOMS_PER_MOLECULE", list(sizes))
    return _pointed(prmtop, {NRES: len(sizes), NMXRS: max(sizes)})


def _pointed(prmtop: str, changes: dict[int, int]) -> str:
    pointers = [int(word) for word in section(prmtop, "POINTERS")]
    for place, value in changes.items():
        pointers[place] = value
    return with_section(prmtop, "POINTERS", pointers)


def _rows(prmtop: str, flag: str, width: int) -> list[list[int]]:
    numbers = [int(word) for word in section(prmtop, flag)]
    return [numbers[k : k + width] for k in range(0, len(numbers), width)]


def _found(prmtop: str, flag: str) -> re.Match[str]:
    found = re.search(rf"(%FLAG {flag} *\n%FORMAT\([^)]*\)[^\n]*\n)([^%]*)", prmtop)
    if found is None:
        raise ValueError(f"the prmtop has no section {flag}")
    return found
