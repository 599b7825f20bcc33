"""Exclusions and splits by key: no spelling, isomer, isotopologue or ion of a test molecule slips in."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.identity import held_out_key
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.build import build_trajectories
from eginterpolator.data.frames import load_frames
from eginterpolator.data.readers.qm9 import qm9_rows
from eginterpolator.data.splits import read_exclusions, validation_mask
from eginterpolator.data.store import Store
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from tests.builders.records import written
from tests.builders.spellings import structure

WRITTEN = ["[CH3:1][C@@H:2]([OH:3])[CH2:4][CH3:5]", "CC[C@H](O)C", "CCC(C)[O-]", "[2H]C(C)(O)CC", "[13CH3]C(O)CC"]


@pytest.mark.parametrize("smiles", WRITTEN)
def test_any_way_to_name_a_molecule_excludes_it(smiles, tmp_path):
    (tmp_path / "test.smi").write_text(f"{smiles} held_out\n")
    for name, text in (("a", "C[C@H](O)CC"), ("b", "CCCO")):
        molecule = Molecule.from_rdkit(structure(text), name)
        frames = np.repeat(molecule.rdmol.GetConformer().GetPositions()[None], 3, axis=0).astype(np.float32)
        (tmp_path / "md").mkdir(exist_ok=True)
        write_molecule_folder(
            tmp_path / "md" / name, molecule, [Trajectory(molecule, frames, 1.0)], molecule.named | {"frame_ps": 1.0}
        )
    build_trajectories(tmp_path / "md", tmp_path / "md.h5", exclude=[tmp_path / "test.smi"])
    with Store(tmp_path / "md.h5") as store:
        assert store.names == ["b"]
    build_trajectories(tmp_path / "md", tmp_path / "all.h5")
    with Store(tmp_path / "all.h5") as store:
        assert store.names == ["a", "b"]


def test_folders_exclude_by_what_their_meta_json_names(tmp_path):
    for k, smiles in enumerate(["[2H]C([2H])([2H])O", "C[NH3+]", "CC=C=CC"]):
        (tmp_path / f"m{k}").mkdir()
        (tmp_path / f"m{k}" / "meta.json").write_text(json.dumps({"smiles": smiles}))
    assert read_exclusions([tmp_path]) == {"CO", "CN", "CC=C=CC"}
    (tmp_path / "axes.smi").write_text("CC=C=CC;P(0,1,3,4) right\n")
    assert read_exclusions([tmp_path / "axes.smi"]) == {"CC=C=CC"}


def test_the_held_out_molecules_are_those_of_before(tmp_path):
    """The key of the hash is what it was before there were keys, written out here, for all without net charge."""
    smiles = [row["SMILES"] for row, _ in zip(qm9_rows(), range(3000), strict=False)]
    smiles = [text for text in (*smiles, "[NH3+]CC(=O)[O-]", "C[N+](=O)[O-]", "[2H]OC") if "." not in text]
    before = []
    for text in smiles:
        flat = Chem.MolToSmiles(Chem.RemoveHs(Chem.MolFromSmiles(text)), isomericSmiles=False)
        before.append(Chem.MolToSmiles(Chem.MolFromSmiles(flat)))
    assert [held_out_key(text) for text in smiles] == before
    assert 0 < validation_mask(before, 0.1).sum() < len(before) and len(before) > 2900
    written(tmp_path / "ions.h5", ["C[NH3+]", "CN", "CCO"])
    assert set(load_frames([tmp_path / "ions.h5"], 9, 8).keys) == {"CCO", "CN"}
