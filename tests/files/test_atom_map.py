"""Where an atom of the output stands in the input: in meta.json and in the SDF; properties of the input are kept."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import read_molecule_folder, write_conformer_folder, write_molecule_folder
from eginterpolator.files.inputs import read_inputs
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from tests.builders.foreign import mol
from tests.builders.networks import CHIRAL


def record(source: Chem.Mol, **properties: str) -> str:
    lines = [f">  <{key}>\n{value}\n\n" for key, value in properties.items()]
    return Chem.MolToMolBlock(source) + "".join(lines) + "$$$$\n"


@pytest.fixture
def folder(tmp_path):
    """A molecule folder made of an SDF with hydrogens between the heavy atoms and properties of its own."""
    source = mol(CHIRAL)
    source.SetProp("_Name", "lead 7")
    (tmp_path / "in.sdf").write_text(record(source, activity="5.2 nM", energy_kcal="-7", smiles="CCO", atom_map="0 1"))
    (given,), _ = read_inputs(str(tmp_path / "in.sdf"))
    given = pickle.loads(pickle.dumps(given))  # as a worker gets it
    frame = given.rdmol.GetConformer().GetPositions().astype(np.float32)[None]
    write_molecule_folder(tmp_path / "out", given, [Trajectory(given, frame, 5.2)], {"frame_ps": 5.2, "a": 1})
    write_conformer_folder(tmp_path / "c", ConformerEnsemble(given, frame), {"a": 1})
    return tmp_path


@pytest.mark.parametrize("file", ["out/molecule.sdf", "c/conformers.sdf"])
def test_an_sdf_with_its_atoms_in_any_order(folder, file):
    source = Chem.SDMolSupplier(str(folder / "in.sdf"), removeHs=False)[0]
    written = Chem.SDMolSupplier(str(folder / file), removeHs=False)[0]
    meta = json.loads((folder / file).with_name("meta.json").read_text())
    rows = meta["atom_map"]
    assert sorted(rows) == list(range(source.GetNumAtoms())) and rows != sorted(rows)
    assert written.GetProp("atom_map") == " ".join(map(str, rows)) and "atom_map_numbers" not in meta
    numbers = [atom.GetAtomicNum() for atom in source.GetAtoms()]
    assert [atom.GetAtomicNum() for atom in written.GetAtoms()] == [numbers[k] for k in rows]
    positions = source.GetConformer().GetPositions()[rows]
    np.testing.assert_allclose(written.GetConformer().GetPositions(), positions, atol=1e-3)
    found = {key: value for key, value in written.GetPropsAsDict(False, False, False).items() if key != "numArom"}
    assert found == {
        "activity": "5.2 nM", "smiles": Molecule.from_smiles(CHIRAL).smiles, "atom_map": written.GetProp("atom_map"),
    }  # fmt: skip


def test_a_folder_comes_back_with_the_properties(folder):
    back, _, meta = read_molecule_folder(folder / "out")
    assert meta["a"] == 1 and back.rdmol.GetProp("activity") == "5.2 nM"
    (again,), _ = read_inputs(str(folder))
    assert again.rdmol.GetProp("activity") == "5.2 nM" and again.atom_map == list(range(again.n_atoms))


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


def test_hydrogens_that_were_added_have_no_place(tmp_path):
    molecule = Molecule.from_smiles("[CH3:2][OH:1]")
    frame = np.zeros((1, 6, 3), dtype=np.float32) + np.arange(6)[:, None]
    for count, values in ((6, "0 1 n/a n/a n/a n/a"), (2, "0 1")):
        write_conformer_folder(tmp_path / "c", ConformerEnsemble(molecule, frame[:, :count]), {})
        written = Chem.SDMolSupplier(str(tmp_path / "c" / "conformers.sdf"), removeHs=False, sanitize=False)[0]
        assert written.GetProp("atom_map") == values
        assert written.GetProp("atom_map_numbers").split()[:2] == ["2", "1"]
    assert json.loads((tmp_path / "c" / "meta.json").read_text()) == {"atom_map": [0, 1], "atom_map_numbers": [2, 1]}
