"""Places and map numbers of the input on the atoms of a molecule."""

from __future__ import annotations

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.inputs import read_inputs


@pytest.mark.parametrize(
    ("smiles", "atom_map", "numbers"),
    [
        ("CCO", [0, 1, 2, *[None] * 6], None),
        ("[OH:1][CH2:5]C", [0, 1, 2, *[None] * 6], [1, 5, *[None] * 7]),
        ("[C:1]([H:4])([H:5])([H:6])[O:2][H:3]", [0, 4, 1, 2, 3, 5], [1, 2, 4, 5, 6, 3]),
        ("[H]OC", [1, 2, 0, *[None] * 3], None),
        ("[H:9][O:8][CH3:7]", [1, 2, 0, *[None] * 3], [8, 7, 9, *[None] * 3]),
        ("[2H]C([2H])([2H])O", [1, 4, 0, 2, 3, None], None),
        ("[Na+].[CH3:3][C:2](=[O:4])[O-:9]", [1, 2, 3, 4, *[None] * 3], [3, 2, 4, 9, *[None] * 3]),
    ],
)
def test_smiles(smiles, atom_map, numbers):
    molecule = Molecule.from_smiles(smiles, largest_fragment=True)
    assert molecule.atom_map == atom_map and molecule.atom_map_numbers == numbers


def test_hydrogens_with_numbers_are_those_of_their_atom():
    smiles = "[H:10][C@:1]([F:2])([Cl:3])[C:4]([H:11])([H:12])[H:13]"
    (isomer,) = read_inputs(smiles, "enumerate")[0]
    for molecule in (Molecule.from_smiles(smiles), isomer):
        assert sorted(molecule.atom_map_numbers) == [1, 2, 3, 4, 10, 11, 12, 13]
        parents = {a: b for a, b in ((10, 1), (11, 4), (12, 4), (13, 4))}
        numbers = molecule.atom_map_numbers
        for first, second in molecule.bonds:
            if numbers[second] in parents:
                assert numbers[first] == parents[numbers[second]]
