"""Batches are functions of seed, step and rank; windows, mirror images, noise levels, buckets."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eginterpolator.chemistry.codes import CHIRALITY_COLUMN, COLUMNS
from eginterpolator.data.batches import FrameBatches, Source, _mirror
from eginterpolator.data.frames import FrameSet, build_frames
from eginterpolator.nn.batch import Batch
from tests.builders.networks import CHIRAL, MIRRORED, frames, graph, graphs, molecule
from tests.builders.records import SMILES, record


def labelled(replicas: int, length: int, count: int = 3) -> FrameSet:
    """Frames of three atoms whose one distance says molecule, replica and time: 100 m + 10 replica + time / 100."""
    m, r, t = np.meshgrid(np.arange(count), np.arange(replicas), np.arange(length), indexing="ij")
    positions = np.zeros((m.size, 3, 3), dtype=np.float32)
    positions[:, 1, 0] = (1 + 100 * m + 10 * r + t / 100).ravel()
    ones = np.ones(count, dtype=np.int64)
    empty = np.zeros((count, 3), dtype=np.uint8)
    return FrameSet(
        keys=np.array(list("abcdefgh"[:count])),
        codes=np.zeros((count, 3, len(COLUMNS)), dtype=np.uint8),
        charges=empty.astype(np.float32),
        edges=np.zeros((count, 3, 3), dtype=np.uint8),
        triples=np.zeros((count, 1, 4), dtype=np.uint8),
        signs=np.zeros((count, 1), dtype=np.int8),
        ensemble=0 * ones,
        times_ps=np.ones((count, 3), dtype=np.float32),
        n_atoms=3 * ones,
        positions=positions,
        temperature=np.full(len(positions), 300.0, dtype=np.float32),
        start=np.arange(count) * replicas * length,
        replicas=replicas * ones,
        length=length * ones,
        frame_ps=np.full(count, 0.4, dtype=np.float32),
    )


def labels(batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Molecule, replica and time of every frame [B, T]."""
    distance = (batch.x0[:, :, 1] - batch.x0[:, :, 0]).double().norm(dim=-1).numpy() - 1
    m, rest = np.divmod(distance + 1e-3, 100)
    r, t = np.divmod(rest, 10)
    return m, r, np.floor(100 * t)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    length=st.integers(1, 40),
    n_frames=st.integers(1, 6),
    stride=st.integers(1, 6),
    replicas=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_windows_keep_to_one_replica_and_their_stride(length, n_frames, stride, replicas, seed):
    span = (n_frames - 1) * stride + 1
    length = max(length, span)
    batches = FrameBatches([Source(labelled(replicas, length), 1.0)], 16, n_frames, [stride], seed=seed)
    batch = batches.batch(0)
    m, r, t = labels(batch)
    assert (m == m[:, :1]).all() and (r == r[:, :1]).all() and (r < replicas).all() and (m < 3).all()
    assert (np.diff(t, axis=1) == stride).all() and t.min() >= 0 and t.max() < length
    assert batch.frame_ps == pytest.approx(0.4 * stride)


def test_every_frame_has_its_chance():
    batches = FrameBatches([Source(labelled(2, 9), 1.0)], 64, 3, [1, 4])
    seen = [labels(batches.batch(step)) for step in range(20)]
    starts = {
        (int(m[k, 0]), int(r[k, 0]), int(t[k, 0])) for m, r, t in seen for k in range(64) if t[k, 1] == t[k, 0] + 1
    }
    assert starts == {(m, r, t) for m in range(3) for r in range(2) for t in range(7)}
    strides = Counter(int(t[0, 1] - t[0, 0]) for _, _, t in seen)
    assert set(strides) == {1, 4} and min(strides.values()) >= 5


def same(a: Batch, b: Batch) -> bool:
    tensors = (vars(a) | vars(a.graph), vars(b) | vars(b.graph))
    return a.frame_ps == b.frame_ps and all(
        torch.equal(value, tensors[1][name]) for name, value in tensors[0].items() if isinstance(value, torch.Tensor)
    )


def chiral_batches(seed: int = 0, rank: int = 0, **options) -> FrameBatches:
    frames = build_frames([record(s, f"m{k}", seed=k) for k, s in enumerate(SMILES)], 9, 8)
    trajectories = frames.select(frames.length > 1)
    batches = FrameBatches([Source(trajectories, 0.6), Source(trajectories, 0.4)], 12, 3, [1, 2], seed=seed, **options)
    batches.rank = rank
    return batches


def test_a_batch_is_a_function_of_seed_step_and_rank():
    one, other = chiral_batches(), chiral_batches()
    wanted = [one.batch(step) for step in range(4)]
    torch.manual_seed(5)
    np.random.seed(5)
    assert all(same(other.batch(step), wanted[step]) for step in (3, 1, 0, 2, 1))
    other.start_step = 2
    assert same(next(iter(other)), wanted[2])
    changed = [one.batch(1), chiral_batches(seed=1).batch(0), chiral_batches(rank=1).batch(0)]
    assert not any(same(batch, wanted[0]) for batch in changed)


def test_ranks_wait_for_no_larger_batch_than_their_own():
    sizes = (2, 3, 4, 5, 6, 7, 8, 9)
    ranks = [chiral_batches(rank=rank, buckets=sizes) for rank in range(3)]
    shapes = set()
    for step in range(20):
        batches = [each.batch(step) for each in ranks]
        (shape,) = {(tuple(batch.x0.shape), batch.frame_ps) for batch in batches}
        shapes.add(shape)
        assert not torch.equal(batches[0].noise, batches[1].noise)
        assert not torch.equal(batches[1].uniform, batches[2].uniform)
    assert len(shapes) > 3


def test_mirrored_rows_are_the_other_isomer_in_coordinates_signs_and_labels():
    batches = chiral_batches(mirror=0.5)
    isomers = {tuple(graph(s).codes[:, CHIRALITY_COLUMN]): graph(s).signs[0] for s in (CHIRAL, MIRRORED)}
    found = Counter()
    for step in range(6):
        batch = batches.batch(step)
        for k in range(12):
            n = int(batch.graph.n_atoms[k])
            if n != molecule(CHIRAL).n_heavy:
                continue
            i, a, b, c = batch.graph.triples[k, 0].tolist()
            sign = batch.graph.signs[k, 0].item()
            x = batch.x0[k]
            volume = torch.linalg.det(torch.stack([x[:, j] - x[:, i] for j in (a, b, c)], dim=-2))
            assert (volume.sign() == sign).all()
            assert isomers[tuple(batch.graph.codes[k, :n, CHIRALITY_COLUMN].tolist())] == sign
            found[sign] += 1
    assert min(found[1.0], found[-1.0]) > 3
    assert not same(chiral_batches(mirror=0.0).batch(0), chiral_batches(mirror=1.0).batch(0))


def test_noise_levels_conditioning_and_shares_of_the_sources():
    few, many = labelled(1, 6, count=1), labelled(1, 6, count=8)
    batches = FrameBatches([Source(few, 1.0), Source(many, 3.0)], 200, 4, conditioning=(0.2, 0.5, 0.3))
    batch = batches.batch(0)
    assert (batch.x0.mean(dim=2).abs() < 1e-3).all() and (batch.noise.mean(dim=2).abs() < 1e-5).all()
    # removing the centre of three atoms takes a third of the variance
    assert batch.noise.var().item() == pytest.approx(2 / 3, abs=0.03)
    assert batch.uniform.shape == (200, 1) and 0 < batch.uniform.min() < 0.05 < 0.95 < batch.uniform.max() < 1
    patterns = Counter(tuple(row) for row in batch.predicted.tolist())
    expected = {(True,) * 4: 40, (False, True, True, True): 100, (False, True, True, False): 60}
    assert patterns.keys() == expected.keys()
    assert all(abs(patterns[key] - count) < 30 for key, count in expected.items())
    first = (labels(batch)[0][:, 0] == 0).sum()  # all of the first source, an eighth of the second
    assert abs(first - (50 + 150 / 8)) < 25


def test_buckets_pad_to_their_limit_and_leave_each_molecule_its_chance():
    frames = build_frames([record(s, f"m{k}", seed=k) for k, s in enumerate(SMILES)], 9, 8)
    trajectories = frames.select(frames.length > 1)
    sizes = sorted(set(trajectories.n_atoms.tolist()))
    assert len(sizes) > 2, "the molecules of this test must fill several buckets"
    batches = FrameBatches([Source(trajectories, 1.0)], 8, 3, buckets=(sizes[0], sizes[1], 99))
    seen: Counter[int] = Counter()
    for step in range(400):
        batch = batches.batch(step)
        n = batch.graph.n_atoms
        limit = batch.x0.shape[2]
        assert limit in (sizes[0], sizes[1], 9) and batch.graph.edges.shape[1:] == (limit, limit)
        below = {sizes[0]: 0, sizes[1]: sizes[0], 9: sizes[1]}[limit]
        assert (n > below).all() and (n <= limit).all()
        seen.update(n.tolist())
    total = sum(seen.values())
    for size in sizes:
        wanted = (trajectories.n_atoms == size).mean()
        assert seen[size] / total == pytest.approx(wanted, abs=0.06)


def test_a_limit_of_atoms_gives_large_molecules_fewer_rows_and_each_molecule_its_chance():
    frames = build_frames([record(s, f"m{k}", seed=k) for k, s in enumerate(SMILES)], 9, 8)
    sizes = sorted(set(frames.n_atoms.tolist()))
    batches = FrameBatches([Source(frames, 1.0)], 16, buckets=sizes[:2], batch_atoms=36)
    assert batches.batch_sizes.tolist() == [min(16, 36 // size) for size in batches.sizes]
    assert len(set(batches.batch_sizes)) > 1
    seen: Counter[int] = Counter()
    for step in range(1500):
        graph = batches.batch(step).graph
        assert graph.mask.numel() <= 36 and len(graph.mask) == 36 // graph.mask.shape[1]
        seen.update(graph.n_atoms.tolist())
    total = sum(seen.values())
    assert total / 1500 == pytest.approx(batches.mean_rows, rel=0.05)
    for size in sizes:
        assert seen[size] / total == pytest.approx((frames.n_atoms == size).mean(), abs=0.04)


def test_mirrored_batches_are_those_of_the_other_isomer():
    batch, other = graphs(CHIRAL), graphs(MIRRORED)
    x = frames(CHIRAL, 1)
    got, mirrored = _mirror(batch, x, torch.tensor([True]))
    assert torch.equal(got.codes, other.codes) and torch.equal(got.signs, other.signs)
    assert set(batch.codes[0, :, CHIRALITY_COLUMN].tolist()) != set(got.codes[0, :, CHIRALITY_COLUMN].tolist())
    assert torch.equal(mirrored, -x)
    same, untouched = _mirror(batch, x, torch.tensor([False]))
    assert torch.equal(same.codes, batch.codes) and torch.equal(untouched, x)
