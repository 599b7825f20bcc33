"""Published simulations in their folders: replicas, splits, damage."""

from __future__ import annotations

import pickle
from pathlib import Path

import mdtraj
import numpy as np
import pytest

from eginterpolator.data.build import build
from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.data.readers.recognise import open_source
from eginterpolator.data.store import Store
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import with_conformers
from tests.builders.foreign import ALKENE, cut, frames_of, mol, read, same_structure, write_system
from tests.builders.networks import CHIRAL, molecule


def write_replica(folder: Path, smiles: str, frames: np.ndarray, frame_ps: float = 0.4, **files: bytes) -> None:
    folder.mkdir(parents=True)
    write_system(folder / "system.pdb", smiles)
    times = np.arange(1, len(frames) + 1) * frame_ps
    solute = mdtraj.Trajectory(frames / 10.0, None, time=times)
    solute.save_xtc(str(folder / "traj.xtc"))
    (folder / "mol.pkl").write_bytes(pickle.dumps(mol(smiles)))
    (folder / "smiles.txt").write_text(molecule(smiles).smiles + "\n")
    rows = [f"{k},{time},{-5.0},{300.0}" for k, time in enumerate(times)]
    (folder / "scalars.csv").write_text("\n".join(['#"Step","Time (ps)","Energy","Temperature (K)"', *rows, ""]))
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)


@pytest.fixture
def published(tmp_path) -> Path:
    root = tmp_path / "md"
    for k in range(3):
        write_replica(root / "train" / f"{k}_results" / f"mol_a_{k}", CHIRAL, frames_of(CHIRAL, seed=k))
    write_replica(root / "train" / "1_results" / "mol_a_3", CHIRAL, frames_of(CHIRAL, 8))
    write_replica(root / "train" / "1_results" / "mol_b_0", ALKENE, frames_of(ALKENE))
    return root


def test_published_simulations(published, tmp_path):
    write_replica(published / "train" / "2_results" / "broken_0", "CCN", frames_of("CCN"), mol__pkl=b"cos\nsystem\n.")
    write_replica(published / "train" / "2_results" / "other_0", "CCO", frames_of("CCO"), smiles__txt=b"CCC\n")
    manifest = build(open_source([published], options=ImportOptions(stride=3)), tmp_path / "md.h5", with_held_out=True)
    assert manifest["molecules"] == 2 and manifest["frames"] == 3 * 4 + 4
    assert manifest["dropped_structures"] == {
        "a replica of another length or spacing": 1,
        "its graph is not that of its SMILES": 1,
    }
    assert manifest["dropped_names"]["a replica of another length or spacing"] == ["mol_a, mol_a_3"]
    assert manifest["failures"].keys() == {"broken, broken_0"} and "split train" in manifest["source"]
    with Store(tmp_path / "md.h5") as store:
        assert store.names == ["mol_a", "mol_b"]
        got = store["mol_a"]
    assert got.frame_ps == pytest.approx(1.2) and got.molecule.smiles == molecule(CHIRAL).smiles
    for k in range(3):
        wanted = with_conformers(mol(CHIRAL), frames_of(CHIRAL, seed=k)[3:4])
        same_structure(got.trajectories[k, 1], wanted, got, tolerance=0.01)


def test_splits_of_published_simulations_are_not_mixed(published):
    write_replica(published / "test" / "0_results" / "mol_c_0", "CCO", frames_of("CCO"))
    with pytest.raises(InputError, match=r"several splits \(test, train\); choose one with --split"):
        open_source([published])
    records, _ = read(open_source([published], options=ImportOptions(split="test")))
    assert list(records) == ["mol_c"]
    assert open_source([published / "train"]).total == 2 and open_source([published / "train" / "1_results"]).total == 2
    with pytest.raises(InputError, match="no split 'val'"):
        open_source([published], options=ImportOptions(split="val"))


@pytest.mark.parametrize("name", ["traj.xtc", "mol.pkl", "smiles.txt", "system.pdb"])
def test_a_missing_file_of_a_published_replica_is_named(published, name):
    folder = published / "train" / "1_results" / "mol_b_0"
    if name == "traj.xtc":
        (folder / name).write_bytes(cut((folder / name).read_bytes(), 7))
    else:
        (folder / name).unlink()
    _, dropped = read(open_source([published]))
    assert dropped.failures.keys() == {"mol_b, mol_b_0"} and name in dropped.failures["mol_b, mol_b_0"]


def test_a_trajectory_cut_between_frames_is_found_by_its_scalars(published):
    folder = published / "train" / "1_results" / "mol_b_0"
    mdtraj.Trajectory(frames_of(ALKENE)[:4] / 10.0, None, time=np.arange(1, 5) * 0.4).save_xtc(str(folder / "traj.xtc"))
    _, dropped = read(open_source([published]))
    assert "covers 1.2 ps, and its scalars.csv 4.4 ps: it is cut off" in dropped.failures["mol_b, mol_b_0"]


def test_another_order_of_atoms_in_a_published_replica_is_found(published):
    folder = published / "train" / "1_results" / "mol_b_0"
    (folder / "mol.pkl").write_bytes(pickle.dumps(mol(ALKENE, shuffle=False)))
    _, dropped = read(open_source([published]))
    assert "other atoms than mol.pkl, or another order" in dropped.failures["mol_b, mol_b_0"]
