"""Packed simulations: HDF5 of heavy atoms as small integers, and the project's own in datasets/water."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.codes import ENSEMBLES
from eginterpolator.data.frames import build_frames
from eginterpolator.data.readers.recognise import open_source, recognise
from eginterpolator.data.readers.water import PackedSimulations, read_group
from eginterpolator.data.store import Store, write_store
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions
from eginterpolator.files.sdf import with_conformers
from tests.builders import ROOT
from tests.builders.foreign import read
from tests.builders.networks import CHIRAL, geometry, molecule


def packed(path, smiles=CHIRAL, mirror=(), **other):
    """A file with one molecule, three replicas of five frames; those in `mirror` are of the other isomer."""
    here = molecule(smiles)
    heavy = geometry(smiles)[: here.n_heavy]
    frames = heavy + np.random.default_rng(0).normal(0, 0.02, (3, 5, *heavy.shape))
    frames -= frames.mean(axis=2, keepdims=True)
    for k in mirror:
        frames[k] *= -1
    mol = Chem.RemoveHs(with_conformers(here.rdmol, geometry(smiles)[None]))
    attributes = {
        "resolution": 0.002, "smiles": here.smiles, "molblock": Chem.MolToMolBlock(mol), "frame_ps": 1.3,
        "ensemble": "tip3p", "temperature_K": 300.0, "friction_per_ps": 1.0, **other,
    }  # fmt: skip
    with h5py.File(path, "w") as file:
        group = file.create_group("one")
        group["coordinates"] = np.rint(frames / 0.002).astype(np.int16)
        group.attrs.update({key: value for key, value in attributes.items() if value is not None})
    return frames


def test_it_is_recognised_by_what_is_in_it_and_comes_back(tmp_path):
    frames = packed(tmp_path / "any.h5")
    assert recognise(tmp_path / "any.h5") == "packed"
    records, dropped = read(open_source([tmp_path / "any.h5"]))
    found = records["one"]
    assert found.molecule.smiles == molecule(CHIRAL).smiles and not dropped.structures
    assert found.conditions == Conditions("tip3p", 300.0, 1.0) and found.frame_ps == 1.3
    np.testing.assert_allclose(found.trajectories, frames, atol=2e-3)
    assert read(PackedSimulations.open(tmp_path / "any.h5", stride=2))[0]["one"].trajectories.shape[1] == 3


def test_a_store_keeps_heavy_atoms_and_their_conditions(tmp_path):
    packed(tmp_path / "any.h5", mirror=[1])
    records, dropped = read(PackedSimulations.open(tmp_path / "any.h5"))
    assert dropped.structures == {"a replica starts as another stereoisomer": 1}
    with write_store(tmp_path / "store.h5", {}) as writer:
        writer.add(records["one"])
    assert recognise(tmp_path / "store.h5") != "packed"
    with Store(tmp_path / "store.h5") as store:
        found = store["one"]
        assert store.facts("one").conditions == found.conditions == Conditions("tip3p", 300.0, 1.0)
    assert found.molecule.smiles == molecule(CHIRAL).smiles and found.trajectories.shape[2] == found.molecule.n_heavy
    assert found.first_frame().shape == (found.molecule.n_atoms, 3)
    frames = build_frames([found], 12, 4)
    assert frames.replicas.tolist() == [2] and frames.ensemble.tolist() == [ENSEMBLES.index("tip3p")]


def test_damage_is_named(tmp_path):
    packed(tmp_path / "a.h5", molblock=None)
    with h5py.File(tmp_path / "a.h5") as file, pytest.raises(InputError, match="no packed simulation"):
        read_group(file["one"], "one")
    packed(tmp_path / "b.h5", molblock=Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")))
    with h5py.File(tmp_path / "b.h5") as file, pytest.raises(InputError, match="not those of its structure"):
        read_group(file["one"], "one")
    _, dropped = read(PackedSimulations.open(tmp_path / "a.h5"))
    assert list(dropped.failures) == ["one"]
    (tmp_path / "c.h5").write_bytes((tmp_path / "b.h5").read_bytes()[:300])
    with pytest.raises(InputError, match="no complete HDF5"):
        PackedSimulations.open(tmp_path / "c.h5")


def test_the_projects_own_water_is_read():
    path = ROOT / "datasets" / "water" / "water.h5"
    assert recognise(path) == "packed"
    records, dropped = read(PackedSimulations.open(path, stride=50))
    assert records and not dropped.failures and not dropped.counts and not dropped.structures
    for found in records.values():
        assert found.conditions == Conditions("tip3p", 300.0, 1.0)
        assert found.trajectories.shape[2] == found.molecule.n_heavy and found.frame_ps == pytest.approx(65.0)
