"""Frames in memory: heavy atoms of a store, superposed, limited, cached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from eginterpolator.chemistry.codes import ENSEMBLES, ensemble_code
from eginterpolator.data.batching import collate_graphs
from eginterpolator.data.frames import build_frames, load_frames, superpose
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError
from tests.builders.networks import CHIRAL, graph
from tests.builders.records import SMILES, record, written


def test_structures_of_several_ensembles_are_rows_of_their_own_with_their_temperatures():
    good = record("CCO", "a", replicas=4, n_frames=1)
    codes, kelvin = np.array([2, 0, 2, 1], dtype=np.int8), np.array([310, 0, 420, 260], dtype=np.float32)
    frames = build_frames(
        [Record(**{**vars(good), "trajectories": None, "ensembles": codes, "temperatures_K": kelvin})], 12, 12
    )
    assert frames.replicas.tolist() == [1, 1, 2] and frames.length.tolist() == [1, 1, 1]
    assert frames.ensemble.tolist() == [ensemble_code(name) for name in ("minimum", "vacuum", "obc2")]
    assert frames.temperature.tolist() == [300, 260, 310, 420]


def test_frames_are_the_stores_heavy_atoms(tmp_path):
    records = [record(s, f"m{k}", replicas=2, n_frames=4, seed=k) for k, s in enumerate(SMILES)]
    frames = build_frames(records, max_atoms=9, max_triples=8)
    assert len(frames) == 6  # conformers and trajectories of one molecule are rows of their own
    assert frames.length.tolist() == [1, 4] * 3 and frames.replicas.tolist() == [2, 2] * 3
    np.testing.assert_allclose(frames.frame_ps, [0.0, 0.4] * 3)
    for m, item in enumerate(records):
        n, row = item.molecule.n_heavy, 2 * m + 1
        assert frames.keys[row] == item.molecule.smiles_flat and frames.n_atoms[row] == n
        for replica in range(2):
            first = frames.start[row] + replica * 4
            got, wanted = frames.positions[first : first + 4], item.trajectories[replica, :, :n]
            assert not got[:, n:].any()
            np.testing.assert_allclose(got[:, :n].mean(axis=1), 0.0, atol=1e-5)
            inner = np.linalg.norm(got[:, :n, None] - got[:, None, :n], axis=-1)
            np.testing.assert_allclose(inner, np.linalg.norm(wanted[:, :, None] - wanted[:, None], axis=-1), atol=1e-5)
    one = collate_graphs([graph(SMILES[0])], n_atoms=9, n_triples=8)
    for name, value in vars(frames.graphs(np.array([1]))).items():
        assert torch.equal(value, getattr(one, name)), name


def test_frames_carry_their_temperature_and_ensemble():
    records = [
        replace(record(SMILES[0], "a", replicas=2, n_frames=4), temperature_K=450.0, ensemble="vacuum"),
        record(SMILES[1], "b", replicas=2, n_frames=4),
    ]
    frames = build_frames(records, max_atoms=9, max_triples=8)
    batch = frames.graphs(np.array([1, 3]), frame=frames.start[[1, 3]] + 3)
    assert batch.temperature.tolist() == [450.0, 300.0]
    assert [ENSEMBLES[code] for code in batch.ensemble] == ["vacuum", "thermal"]
    chosen = frames.rows(np.array([False, True, False, True]))
    assert len(chosen) == 16 and set(frames.temperature[chosen]) == {450.0, 300.0}
    assert frames.select(frames.ensemble == 0).graphs(np.array([0])).temperature.tolist() == [300.0]


def test_superpose_turns_every_frame_onto_the_first():
    random = np.random.default_rng(1)
    base = random.standard_normal((7, 3))
    turns = Rotation.random(5, random_state=2).as_matrix()
    blocks = (np.einsum("tij,nj->tni", turns, base) + random.standard_normal((5, 1, 3)))[None]
    got = superpose(blocks)
    np.testing.assert_allclose(got, np.broadcast_to(got[:, :1], got.shape), atol=1e-9)
    np.testing.assert_allclose(got[0, 0], blocks[0, 0] - blocks[0, 0].mean(axis=0), atol=1e-12)
    noisy = blocks + 0.3 * random.standard_normal(blocks.shape)
    centred = noisy - noisy.mean(axis=2, keepdims=True)
    turned = superpose(noisy)[0]
    for frame, result in zip(centred[0], turned, strict=True):
        rotation, _ = Rotation.align_vectors(centred[0, 0], frame)
        np.testing.assert_allclose(result, rotation.apply(frame), atol=1e-7)
    mirrored = superpose(np.stack([base, base * [1, 1, -1]])[None])[0]
    assert np.abs(mirrored[0] - mirrored[1]).max() > 0.1  # a mirror image is no rotation


def test_molecules_over_the_limits_and_empty_datasets_are_refused(tmp_path):
    with pytest.raises(InputError, match="'m' has 9 heavy atoms"):
        build_frames([record(CHIRAL, "m")], max_atoms=8, max_triples=8)
    with pytest.raises(InputError, match="1 stereo triples"):
        build_frames([record(CHIRAL, "m")], max_atoms=9, max_triples=0)
    with pytest.raises(InputError, match="no molecule"):
        build_frames([], 9, 8)
    with pytest.raises(InputError, match="names no store"):
        load_frames([], 9, 8)
    with pytest.raises(InputError, match="no dataset"):
        load_frames([tmp_path / "none.h5"], 9, 8)


def test_frames_are_cached_until_the_store_changes(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    written(path, ["CCO", "CCC"])
    first = load_frames([path], 9, 8)
    with monkeypatch.context() as patched:
        patched.setattr("eginterpolator.data.frames.Store", None)  # the second time no store is opened
        again = load_frames([path], 9, 8)
    for name, value in vars(first).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert load_frames([path], 9, 4).triples.shape[1] == 4
    written(path, ["CCO", "CCC", "CCN"])
    assert len(load_frames([path], 9, 8)) == 6
