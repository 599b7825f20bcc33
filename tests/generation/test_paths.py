"""Chains between the states of slow movers, paths of them, and pieces for their places."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.jumps import Mover, weights
from eginterpolator.generation.order import ordered
from eginterpolator.generation.paths import chain_of, changing, filled, lumped, slow_movers, walked
from eginterpolator.generation.pieces import Pieces


def mover(wells: np.ndarray, time_ps: float, shares: np.ndarray | None = None) -> Mover:
    shares = np.bincount(wells) / len(wells) if shares is None else shares
    rates = (shares[None, :] - np.eye(len(shares))) / time_ps
    return Mover((0,), wells, shares, rates, 0, time_ps)


def wells_of(movers: list[Mover]) -> np.ndarray:
    return np.stack([each.wells for each in movers], axis=1)


def in_order(movers: list[Mover], shape: tuple[int, int], seed: int, **settings) -> np.ndarray:
    """Single frames in order, 5.2 ps apart."""
    return ordered(movers, Pieces.single(movers, len(movers[0].wells)), shape, 5.2, seed, **settings)


def geared(alike: float, count: int = 2000) -> list[Mover]:
    """Two movers whose wells agree in a share `alike` of the frames."""
    random = np.random.default_rng(4)
    first = (random.random(count) < 0.3).astype(np.int64)
    same = random.random(count) < alike
    return [mover(first, 70.0), mover(np.where(same, first, 1 - first), 300.0)]


@pytest.mark.parametrize("alike", [0.5, 0.9])
def test_a_chain_keeps_the_joint_shares_of_the_frames_and_the_numbers_of_changes(alike):
    movers = geared(alike)
    equal = np.full(2000, 1 / 2000)
    chain = chain_of(movers, wells_of(movers), 5.2, equal)
    assert chain.shares == pytest.approx(np.bincount(chain.of_pieces) / 2000)
    flow = chain.shares[:, None] * chain.transitions
    np.testing.assert_allclose(flow, flow.T, atol=1e-6)  # detailed balance, and so p stays
    np.testing.assert_allclose(chain.transitions.sum(axis=1), 1)
    for each in movers:
        wells = np.array([each.wells[np.flatnonzero(chain.of_pieces == s)[0]] for s in range(len(chain.shares))])
        changes = (flow * (wells[:, None] != wells[None, :])).sum()
        assert changes == pytest.approx(changing(each, 5.2), rel=0.03)


def test_independent_movers_jump_as_their_own_kernels_say():
    wells = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], 500, axis=0)
    movers = [mover(wells[:, 0], 40.0), mover(wells[:, 1], 9.0)]
    chain = chain_of(movers, wells, 5.2, np.full(2000, 1 / 2000))
    np.testing.assert_allclose(chain.transitions, np.kron(movers[0].kernel(5.2), movers[1].kernel(5.2)), atol=1e-6)


def test_nothing_has_to_cross_because_the_frames_hold_both_wells():
    wells = (np.random.default_rng(0).random(2000) < 0.4).astype(np.int64)
    slow = mover(wells, 1e7)
    order = in_order([slow], (4, 500), 3)
    assert (np.diff(wells[order], axis=1) == 0).all()
    assert sorted(wells[order[:, 0]].tolist()) in ([0, 0, 0, 1], [0, 0, 1, 1])  # starts are spread over the shares
    assert (np.diff(order, axis=1) != 0).all() and len(np.unique(order)) > 1000
    forced = in_order([slow], (4, 500), 3, few_changes=0)
    assert (np.diff(wells[forced], axis=1) != 0).any() and len(np.unique(forced)) == 2000


def test_a_few_of_many_frames_are_taken():
    movers = geared(0.5)
    order = in_order(movers, (1, 200), 1)
    assert order.shape == (1, 200) and len(np.unique(order)) == 200
    assert in_order(movers, (3, 1), 1).shape == (3, 1)


def test_slow_movers_are_those_that_seldom_change_and_leave_enough_frames_to_a_state():
    random = np.random.default_rng(1)
    movers = [mover(random.integers(2, size=2000), time) for time in (50.0, 5e3, 2e3, 7e3, 9e3)]
    wells = wells_of(movers)
    assert slow_movers(movers, wells, 500, 5.2) == [4, 3, 1]  # a fourth would leave 125 pieces to a state, under 200
    assert slow_movers(movers, wells, 500, 5.2, few_changes=0) == []
    assert slow_movers(movers, wells, 500, 1000.0) == []  # a nanosecond apart all of them change often


def test_paths_visit_states_as_often_as_their_shares_say():
    movers = geared(0.9)
    chain = chain_of(movers, wells_of(movers), 200.0, np.full(2000, 1 / 2000))
    states = walked(chain, (20, 500), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(states.ravel()) / states.size, chain.shares, atol=0.03)


def test_frames_come_as_often_as_their_weights_say():
    of_pieces = np.array([0, 0, 1, 1, 1])
    rank = np.array([0, 1, 2, 3, 4])
    states = np.array([[0, 0, 0, 1, 1, 0]])
    order = filled(states, of_pieces, np.array([0.3, 0.1, 0.2, 0.2, 0.2]), rank, np.random.default_rng(0))
    assert np.bincount(order[states == 0], minlength=2).tolist() == [3, 1]
    assert len(set(order[states == 1].tolist())) == 2 and set(order[states == 1].tolist()) <= {2, 3, 4}
    assert order[0, :2].tolist() == [0, 1]  # all of them once before one comes again


def test_weights_give_populations_that_the_frames_do_not_have():
    wells = (np.random.default_rng(0).random(2000) < 0.5).astype(np.int64)
    fast = mover(wells, 8.0, np.array([0.8, 0.2]))
    order = in_order([fast], (4, 500), 0, weights=weights([fast], wells[:, None]))
    assert wells[order].mean() == pytest.approx(0.2, abs=0.01)
    assert (np.diff(wells[order], axis=1) != 0).mean() == pytest.approx(changing(fast, 5.2), rel=0.15)


def test_wells_that_exchange_within_a_piece_are_one_lump():
    shares = np.array([0.3, 0.1, 0.4, 0.2])
    flow = np.zeros((4, 4))
    flow[0, 1], flow[2, 3], flow[1, 2] = 0.02, 0.02, 1e-4
    flow += flow.T
    rates = flow / shares[:, None]
    rates -= np.diag(rates.sum(axis=1))
    found, labels = lumped(Mover((0,), np.empty(0), shares, rates, 5, 1.0), 50.0)
    assert labels.tolist() == [0, 0, 1, 1] and found.shares == pytest.approx([0.4, 0.6])
    np.testing.assert_allclose(found.rates, [[-1e-4 / 0.4, 1e-4 / 0.4], [1e-4 / 0.6, -1e-4 / 0.6]])
    assert lumped(found, 5000.0)[1].tolist() == [0, 0] and lumped(found, 5000.0)[0].time_ps == 0.0
    assert lumped(Mover((0,), np.empty(0), shares, rates, 5, 1.0), 1.0)[1].tolist() == [0, 1, 2, 3]
