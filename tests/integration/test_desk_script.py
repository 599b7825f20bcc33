"""What `desk.py` and `time_left.py` count, on made-up folders and lines."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

import desk
import time_left
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import write_conformer_folder, write_molecule_folder
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from tests.builders.networks import CHIRAL, MIRRORED

FACTS = {"model": "m", "valid": 1.0, "stereo_retention": 1.0, "warnings": []}


def frames_of(smiles: str, n: int) -> tuple[Molecule, np.ndarray]:
    molecule = Molecule.from_smiles(smiles)
    mol = Chem.Mol(molecule.rdmol)
    Chem.rdDistGeom.EmbedMultipleConfs(mol, n, randomSeed=1)
    return molecule, np.stack([c.GetPositions() for c in mol.GetConformers()]).astype(np.float32)


def test_the_options_of_a_sentence_are_its_remedies():
    assert desk.remedies("open; name one or pass --stereo enumerate (Python: x), or --force.") == [
        "--stereo enumerate", "--force",
    ]  # fmt: skip
    assert desk.remedies("pass --largest-fragment.") == ["--largest-fragment"] and desk.remedies("choose --model") == []


def test_sound_folders_have_no_fault_and_a_mirrored_or_folded_one_has(tmp_path):
    molecule, frames = frames_of(CHIRAL, 3)
    write_molecule_folder(tmp_path / "a", molecule, [Trajectory(molecule, frames, 5.2)], {"smiles": CHIRAL, **FACTS})
    found = desk.judge_folder(tmp_path / "a")
    assert [found[key] for key in desk.WRONG] == [0] * 6 and found["frames"] == 3 and found["read"] >= 1
    assert desk.faults({"a": found}) == "none of 3"
    write_conformer_folder(tmp_path / "b", ConformerEnsemble(molecule, frames), {"smiles": MIRRORED, **FACTS})
    found = desk.judge_folder(tmp_path / "b")
    assert found["stereo of records"] == 3 and found["graph"] == 0
    assert desk.faults({"b": found}) == "stereo of records 3 of 3"
    assert desk.faults({}) == "nothing was made"


def test_stereo_that_a_molecule_leaves_open_may_be_any():
    for smiles in ("C[NH+]1CCC[C@H](F)C1", "CCOP(=O)([O-])O"):
        molecule, frames = frames_of(smiles, 4)
        mol = Chem.Mol(molecule.rdmol)
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.SetPositions(frames[0].astype(float))
        mol.AddConformer(conformer)
        Chem.AssignStereochemistryFrom3D(mol)
        plain = Chem.RemoveHs(mol)
        assert desk._same_stereo(plain, Chem.MolFromSmiles(smiles))
    assert not desk._same_stereo(plain, Chem.MolFromSmiles("C[C@H](F)O"))


def test_atoms_on_top_of_each_other_clash():
    molecule, frames = frames_of("CCCCCCCC", 2)
    assert not desk.clashes(molecule, frames).any()
    frames[1, 7] = frames[1, 0] + 0.5
    assert desk.clashes(molecule, frames).tolist() == [False, True]


def test_errors_of_what_is_left_are_from_the_second_molecule_on():
    lines = [["a", 10, 20.0, 500], ["b", 40, 40.0, 66], ["b", 80, 80.0, 10], ["c", 99, 99.0, 5], ["c", 100, 100.0, 0]]
    assert time_left.errors({"lines": lines, "seconds": 100.0}, "a") == pytest.approx([0.1, -0.5])
    spent = [0.0, 10.0, 30.0, 39.0, 40.0]  # processor seconds: 20 for the 40 % from 40 to 80, 10 for the last 20
    run = {"lines": [[*line, processor] for line, processor in zip(lines, spent, strict=True)], "seconds": 100.0}
    assert time_left.processor_errors(run, "a") == pytest.approx([0.0])
    assert time_left.summed([0.1, -0.5]) == "median 30%, largest 50%; 1 of 2 within 30%"
    assert time_left.summed([]) == "–"
    assert time_left.TOLD.match("ibuprofen_S: 40 %, 12 s, about 66 s left").groups() == ("ibuprofen_S", "40", "66")
    assert time_left.DRY.findall("15 molecules, about 2 min by a table of measured speeds") == [("2", "min")]
