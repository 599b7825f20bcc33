"""Salts and solvates: refused with the parent named, or taken without the rest."""

from __future__ import annotations

import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import read_inputs


@pytest.mark.parametrize(
    ("salt", "parent"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)[O-]"),
        ("[Na+].CC(=O)[O-]", "CC(=O)[O-]"),
        ("Cl.CCN", "CCN"),
        ("CO.F[Sb-](F)(F)(F)(F)F", "CO"),
        ("O.O.NCCO", "NCCO"),
    ],
)
def test_salts(tmp_path, salt, parent):
    with pytest.raises(InputError, match="several fragments; give the largest alone") as error:
        read_inputs(salt)
    assert f"'{parent}'" in str(error.value) and "--largest-fragment" in str(error.value)
    (molecule,), _ = read_inputs(salt, largest_fragment=True)
    assert molecule.smiles == Chem.CanonSmiles(parent) and molecule.name == read_inputs(parent)[0][0].name
    assert Molecule.from_smiles(salt, largest_fragment=True).smiles == molecule.smiles
    (tmp_path / "l.smi").write_text(f"{salt} salt\n")
    assert read_inputs(str(tmp_path / "l.smi"), largest_fragment=True)[0][0].smiles == molecule.smiles
    (tmp_path / "m.sdf").write_text("salt" + Chem.MolToMolBlock(Chem.MolFromSmiles(salt)) + "$$$$\n")
    (kept,), failures = read_inputs(str(tmp_path / "m.sdf"), largest_fragment=True)
    assert (kept.name, kept.smiles, failures) == ("salt", molecule.smiles, [])


def test_an_open_isomer_of_a_salt_is_enumerated():
    found, _ = read_inputs("CC(O)CN.Cl", "enumerate", largest_fragment=True)
    assert {m.smiles for m in found} == {"C[C@@H](O)CN", "C[C@H](O)CN"}
    assert [m.atom_map[:5] for m in found] == [[0, 1, 2, 3, 4]] * 2
