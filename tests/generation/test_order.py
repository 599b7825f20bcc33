"""Orders of independent pieces: wells change as often as their rates say, and without slow ones every frame comes."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.jumps import Mover
from eginterpolator.generation import order as module
from eginterpolator.generation.order import ordered
from eginterpolator.generation.paths import changing
from eginterpolator.generation.pieces import Pieces

SHAPE = (8, 250)


def mover(wells: np.ndarray, time_ps: float) -> Mover:
    shares = np.bincount(wells) / len(wells)
    rates = (shares[None, :] - np.eye(len(shares))) / time_ps
    return Mover((0,), wells, shares, rates, 0, time_ps)


def single(movers: list[Mover]) -> Pieces:
    return Pieces.single(movers, len(movers[0].wells))


def pool(seed: int = 0, alike: float = 0.5) -> list[Mover]:
    """Two movers whose wells agree in a share `alike` of the frames."""
    random = np.random.default_rng(seed)
    slow = random.integers(2, size=SHAPE[0] * SHAPE[1])
    same = random.random(len(slow)) < alike
    return [mover(slow, 70.0), mover(np.where(same, slow, 1 - slow), 30.0)]


@pytest.mark.parametrize("alike", [0.5, 0.9])
def test_wells_change_as_often_as_rates_say_also_where_movers_depend_on_each_other(alike):
    movers = pool(alike=alike)
    order = ordered(movers, single(movers), SHAPE, 5.2, seed=1, few_changes=0)
    assert sorted(order.ravel().tolist()) == list(range(SHAPE[0] * SHAPE[1]))
    for each in movers:
        changes = (np.diff(each.wells[order], axis=1) != 0).mean()
        assert changes == pytest.approx(changing(each, 5.2), rel=0.35)  # 70 and 150 are expected, give or take 9 and 12


def test_correlations_fall_with_the_time_of_the_mover():
    movers = pool()
    order = ordered(movers, single(movers), SHAPE, 5.2, seed=2)
    for each in movers:
        signal = 2.0 * each.wells[order] - 1
        signal -= signal.mean()
        for lag in (3, 8):
            found = (signal[:, lag:] * signal[:, :-lag]).mean() / signal.var()
            assert found == pytest.approx(np.exp(-lag * 5.2 / each.time_ps), abs=0.15)


def test_a_seed_gives_one_order_and_nothing_that_moves_any():
    first, again, other = (ordered(pool(), single(pool()), SHAPE, 5.2, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    still = ordered([], Pieces.single([], 6), (2, 3), 5.2, 0)
    assert sorted(still.ravel().tolist()) == list(range(6)) and still.shape == (2, 3)


def test_movers_that_are_taken_for_one_add_up():
    random = np.random.default_rng(0)
    sizes = (3, 2, 4, 5, 3)
    wells = [random.integers(size, size=50) for size in sizes]
    tables = [random.normal(size=(size, size)) for size in sizes]
    (joint, tails), made = module._together(wells, wells, tables)
    assert np.array_equal(joint, tails)
    assert [len(table) for table in made] == [24, 15] and max(map(len, made)) <= module.STATES
    a, b = np.arange(50), random.integers(50, size=50)
    wanted = sum(table[well[a], well[b]] for well, table in zip(wells, tables, strict=True))
    found = sum(table[joint[a, m], joint[b, m]] for m, table in enumerate(made))
    np.testing.assert_allclose(found, wanted)


def test_pieces_follow_each_other_by_their_ends_and_may_run_backwards():
    """A torsion that jumps within every piece: what comes next begins where the one before has ended."""
    random = np.random.default_rng(5)
    paths = tuple(np.repeat([[0, 1]], 25, axis=1).ravel() for _ in range(40))
    rates = np.array([[-1.0, 1.0], [1.0, -1.0]]) / 400
    both = Mover((0,), random.integers(2, size=10), np.array([0.5, 0.5]), rates, 40, 200.0, paths)
    pieces = Pieces.cut([both], [50] * 40, 1, 50)
    assert (
        pieces.frames.shape == (40, 50) and pieces.heads.tolist() == [[0]] * 40 and pieces.tails.tolist() == [[1]] * 40
    )
    order = ordered([both], pieces, (1, 2000), 1.0, seed=1, few_changes=0)
    wells = np.concatenate(paths)[order[0]]
    jumps = np.flatnonzero(np.diff(wells))
    assert set(order[0]) == set(range(2000))  # every piece once, half of them backwards
    at_junctions = (jumps % 50 == 49).sum()
    assert at_junctions < 5 and len(jumps) - at_junctions == 40
    backwards = (np.diff(order[0].reshape(40, 50), axis=1) == -1).all(axis=1)
    assert 10 < backwards.sum() < 30


def test_slow_torsions_that_jump_in_every_piece_leave_none_out():
    paths = tuple(np.repeat([0, 1], 25) for _ in range(40))
    rates = np.array([[-1.0, 1.0], [1.0, -1.0]]) / 1e5
    seldom = Mover((0,), np.zeros(1, dtype=np.int64), np.array([0.5, 0.5]), rates, 40, 5e4, paths)
    order = ordered([seldom], Pieces.cut([seldom], [50] * 40, 1, 50), (2, 500), 1.0, seed=1)
    assert order.shape == (2, 500) and len(np.unique(order)) == 1000
