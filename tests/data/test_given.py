"""Given frames out of datasets, and files beside them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from rdkit import Chem

from eginterpolator import generate_samples
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.given import is_store, read_given
from eginterpolator.data.store import Record, write_store
from eginterpolator.errors import InputError
from eginterpolator.files.matching import misfit
from eginterpolator.files.trajectory import Trajectory
from tests.builders.foreign import mol
from tests.builders.networks import CHIRAL, geometry, molecule

pytestmark = pytest.mark.usefixtures("no_lanes")
"""Frames are in the network's order."""


@pytest.fixture
def store(tmp_path):
    """A dataset whose atoms stand in another order than those of the SMILES: two replicas of three frames."""
    shuffled = Molecule.from_rdkit(mol(CHIRAL), "a")
    frames = shuffled.rdmol.GetConformer().GetPositions() + np.linspace(0, 1, 6).reshape(2, 3, 1, 1)
    ethanol = Record("b", molecule("CCO"), conformers=np.float32(geometry("CCO")[None]))
    with write_store(tmp_path / "s.h5", {}) as writer:
        writer.add(Record("a", shuffled, trajectories=np.float32(frames), frame_ps=1.0))
        writer.add(ethanol)
    return tmp_path / "s.h5", frames.reshape(6, -1, 3)


def test_a_frame_of_a_dataset(store):
    path, frames = store
    wanted = molecule(CHIRAL)
    for index, k in (("", 0), ("#4", 4), ("#-1", 5)):
        found = read_given(f"{path}{index}", wanted).positions
        assert not misfit(wanted, found)
        nearest = np.linalg.norm(found[:, None] - frames[k][None], axis=-1)
        assert nearest.min(axis=1).max() < 1e-5 and len(set(nearest.argmin(axis=1))) == wanted.n_atoms
    np.testing.assert_allclose(read_given(path, molecule("CCO")).positions, geometry("CCO"), atol=1e-5)


@pytest.mark.parametrize(
    ("index", "smiles", "message"),
    [("#6", CHIRAL, "6 frames and none with number 6"), ("", "CCN", "does not hold CCN"), ("#x", "CCO", "no frame")],
)
def test_what_a_dataset_lacks_is_named(store, index, smiles, message):
    with pytest.raises(InputError, match=message):
        read_given(f"{store[0]}{index}", molecule(smiles))


def test_datasets_are_told_from_other_hdf5(store, tmp_path):
    Trajectory(molecule("CCO"), np.float32(geometry("CCO")[None]), 1.0).save(tmp_path / "t.h5")
    (tmp_path / "broken.h5").write_bytes(b"nothing")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros(3)
    assert is_store(store[0])
    assert not any(is_store(tmp_path / name) for name in ("t.h5", "broken.h5", "other.h5", "none.h5"))
    np.testing.assert_allclose(read_given(tmp_path / "t.h5", molecule("CCO")).positions, geometry("CCO"), atol=1e-5)
    with pytest.raises(InputError, match="no coordinates as MDTraj"):
        read_given(tmp_path / "other.h5", molecule("CCO"))


def test_the_api_takes_files_and_refuses_arrays_in_another_order(store, tiny, tmp_path):
    wanted = molecule(CHIRAL)
    (made,) = generate_samples(wanted, 1, 6, model=tiny, start=store[0])
    np.testing.assert_array_equal(made.positions[0], read_given(store[0], wanted).positions)
    (tmp_path / "a.sdf").write_text(Chem.MolToMolBlock(mol(CHIRAL)) + "$$$$\n")
    (made,) = generate_samples(wanted, 1, 6, model=tiny, start=tmp_path / "a.sdf", end=str(store[0]))
    assert not misfit(wanted, made.positions[0]) and not misfit(wanted, made.positions[-1])
    with pytest.raises(InputError, match=r"no structure of .* in its order: a C-"):
        generate_samples(wanted, 1, 6, model=tiny, start=mol(CHIRAL).GetConformer().GetPositions())
