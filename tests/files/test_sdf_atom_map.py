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


def test_hydrogens_that_were_added_have_no_place(tmp_path):
    molecule = Molecule.from_smiles("[CH3:2][OH:1]")
    frame = np.zeros((1, 6, 3), dtype=np.float32) + np.arange(6)[:, None]
    for count, values in ((6, "0 1 n/a n/a n/a n/a"), (2, "0 1")):
        write_conformer_folder(tmp_path / "c", ConformerEnsemble(molecule, frame[:, :count]), {})
        written = Chem.SDMolSupplier(str(tmp_path / "c" / "conformers.sdf"), removeHs=False, sanitize=False)[0]
        assert written.GetProp("atom_map") == values
        assert written.GetProp("atom_map_numbers").split()[:2] == ["2", "1"]
    assert json.loads((tmp_path / "c" / "meta.json").read_text()) == {"atom_map": [0, 1], "atom_map_numbers": [2, 1]}
