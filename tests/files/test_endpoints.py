"""Given frames: from files in any order of atoms, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.endpoints import read_endpoint
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from tests.builders.trajectories import conformers


def test_given_frames_come_from_files_in_any_order(tmp_path):
    molecule, frames = conformers("CC[C@H](O)C=O")
    trajectory = Trajectory(molecule, frames, 5.2)
    write_molecule_folder(tmp_path / "m", molecule, [trajectory], {"frame_ps": 5.2})
    for name, atol in (("m.xyz", 1e-3), ("m.pdb", 2e-3), ("trajectory_000.xtc", 6e-3), ("m.sdf", 1e-4)):
        path = tmp_path / "m" / name
        if not path.exists():
            trajectory.save(path)
        for index, k in (("", 0), ("#1", 1), ("#-1", 2)):
            got = read_endpoint(f"{path}{index}", molecule).positions
            np.testing.assert_allclose(got, frames[k], atol=atol, err_msg=f"{name}{index}")
    order = np.random.default_rng(2).permutation(molecule.n_atoms).tolist()
    with Chem.SDWriter(str(tmp_path / "shuffled.sdf")) as writer:
        writer.write(Chem.RenumberAtoms(trajectory.to_rdkit(), order), confId=1)
    got = read_endpoint(tmp_path / "shuffled.sdf", molecule).positions
    np.testing.assert_allclose(got[: molecule.n_heavy], frames[1][: molecule.n_heavy], atol=1e-4)
    for i, j in molecule.bonds:
        assert np.linalg.norm(got[i] - got[j]) < 1.7
    heavy = Trajectory(molecule, frames[:, : molecule.n_heavy], 5.2)
    heavy.save(tmp_path / "run#1.sdf")
    got = read_endpoint(tmp_path / "run#1.sdf", molecule).positions
    np.testing.assert_allclose(got, frames[0][: molecule.n_heavy], atol=1e-4)


def test_given_frames_that_do_not_fit_are_named(tmp_path):
    molecule, frames = conformers("CC[C@H](O)C=O")
    mirrored = Molecule.from_smiles("CC[C@@H](O)C=O")
    Trajectory(molecule, frames, 5.2).save(tmp_path / "m.sdf")
    Trajectory(molecule, frames, 5.2).save(tmp_path / "m.xtc")
    Trajectory(molecule, frames, 5.2).save(tmp_path / "m.pdb")
    (tmp_path / "bad.pdb").write_text("ATOM nonsense\n")
    (tmp_path / "bad.sdf").write_text("nonsense\n$$$$\n")
    (tmp_path / "m.mol2").write_text("")
    for source, other, message in (
        ("missing.sdf", molecule, "no file"),
        ("m.sdf#x", molecule, "no frame number"),
        ("m.sdf#3", molecule, "has 3 frames and none with number 3"),
        ("m.sdf", mirrored, "not the molecule"),
        ("m.sdf", Molecule.from_smiles("CCO"), "not the molecule CCO"),
        ("m.pdb", Molecule.from_smiles("CCO"), "not those of CCO"),
        ("m.xtc", Molecule.from_smiles("CCO"), "says nothing of its atoms"),
        ("bad.pdb", molecule, "cannot be read|not those of"),
        ("bad.sdf", molecule, "without readable 3D"),
        ("m.mol2", molecule, "is empty"),
    ):
        with pytest.raises(InputError, match=message):
            read_endpoint(tmp_path / source, other)
