"""Replica archives: one .npz a molecule."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.data.readers.archives import ReplicaArchives, read_archive
from eginterpolator.data.readers.recognise import recognise
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import with_conformers
from tests.builders.foreign import read
from tests.builders.networks import CHIRAL, geometry, molecule


def arrays(smiles=CHIRAL, replicas=3, frames=5, **other):
    here = geometry(smiles)
    noise = np.random.default_rng(0).normal(0, 0.02, (replicas, frames, *here.shape))
    moved = here + noise - (here + noise).mean(axis=2, keepdims=True)
    mol = with_conformers(molecule(smiles).rdmol, here[None])
    return {
        "coordinates": np.rint(moved / 0.002).astype(np.int16), "resolution": 0.002, "frame_ps": 1.3,
        "molblock": Chem.MolToMolBlock(mol), "numbers": molecule(smiles).atomic_numbers.astype(np.int16),
        "friction_per_ps": 20.0, **other,
    }  # fmt: skip


def test_replicas_come_back_in_angstrom_with_their_isomer(tmp_path):
    held = arrays()
    np.savez_compressed(tmp_path / "one.npz", **held)
    assert recognise(tmp_path) == recognise(tmp_path / "one.npz") == "archives"
    records, dropped = read(ReplicaArchives.open([tmp_path]))
    assert records["one"].molecule.smiles == molecule(CHIRAL).smiles and not dropped.structures
    assert records["one"].frame_ps == 1.3 and "friction 20/ps" in records["one"].source
    np.testing.assert_allclose(records["one"].trajectories, held["coordinates"] * 0.002, atol=1e-4)
    strided, _ = read(ReplicaArchives.open([tmp_path / "one.npz"], stride=2))
    assert strided["one"].trajectories.shape[1] == 3 and strided["one"].frame_ps == 2.6


def test_a_replica_of_the_mirror_image_is_left_out_and_counted(tmp_path):
    held = arrays()
    held["coordinates"][1] *= -1
    np.savez_compressed(tmp_path / "one.npz", **held)
    records, dropped = read(ReplicaArchives.open([tmp_path]))
    assert records["one"].trajectories.shape[0] == 2
    assert dropped.structures == {"a replica starts as another stereoisomer": 1}


def test_damage_is_named_and_the_others_are_read(tmp_path):
    with pytest.raises(InputError, match="holds no replica archives"):
        ReplicaArchives.open([tmp_path])
    np.savez_compressed(tmp_path / "good.npz", **arrays())
    whole = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    np.savez(tmp_path / "empty.npz", positions=np.zeros(3))
    np.savez(tmp_path / "fewer.npz", **arrays(numbers=molecule("CO").atomic_numbers))
    for name, words in (("cut", "damaged"), ("empty", "no replica archive"), ("fewer", "not those of its structure")):
        with pytest.raises(InputError, match=words):
            read_archive(tmp_path / f"{name}.npz")
    records, _ = read(ReplicaArchives.open([tmp_path]))
    assert list(records) == ["good"]
