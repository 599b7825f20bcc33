"""Times of torsions against processes whose times are known, bounds, and which torsions can be judged."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.clocks import (
    PooledTimes,
    crossings,
    measured,
    median_ratio,
    pooled_autocorrelation,
    pooled_times,
    share_within,
    survival,
    transitions_of,
)
from eginterpolator.chemistry.torsion_times import autocorrelation


def telegraph(rate: float, n: int, seed: int, start: int | None = None) -> np.ndarray:
    """A torsion in one of two wells, 2 radians apart, that changes it with probability `rate` a frame: [n, 1]."""
    random = np.random.default_rng(seed)
    first = random.integers(2) if start is None else start
    well = (first + np.cumsum(random.random(n) < rate)) % 2
    return np.where(well, 1.0, -1.0)[:, None]


@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_a_telegraph_process_has_its_known_time(rate):
    # Two wells, rate p each way: C(t) = (1 - 2p)^t, so that it is 1/e at t = -1 / ln(1 - 2p).
    replicas = [telegraph(rate, 20_000, seed) for seed in range(8)]
    found = pooled_times(replicas, 5.2)
    expected = -5.2 / np.log(1 - 2 * rate)
    assert found.ps[0] == pytest.approx(expected, rel=0.08)
    assert found.low[0] < expected < found.high[0] and found.low[0] <= found.ps[0] <= found.high[0]
    assert found.bound_ps == 10_000 * 5.2


def test_the_mean_is_that_of_all_replicas():
    # Each replica stays in one well: about its own mean nothing moves; about the common one nothing is forgotten.
    stuck = [np.full((100, 1), 1.0), np.full((100, 1), -1.0)]
    assert np.isnan(autocorrelation(stuck[0])).all()
    assert pooled_autocorrelation(stuck, 50) == pytest.approx(np.ones((50, 1)))
    found = pooled_times(stuck, 2.0)
    assert np.isinf(found.ps).all() and found.bound_ps == 100.0 and np.isinf(found.high).all()


def test_it_is_the_plain_autocorrelation_of_equal_replicas():
    random = np.random.default_rng(2)
    angles = np.cumsum(random.normal(0, 0.4, (3, 80, 2)), axis=1)
    assert np.allclose(pooled_autocorrelation(list(angles), 40), autocorrelation(angles)[:40], atol=1e-12)


def test_replicas_of_different_lengths_count_by_their_pairs():
    # By hand: z = 1, -1 at angles 0, pi; replicas (1, 1, -1, -1) and (1, -1) have the mean 0;
    # C(0) = 6/6, C(1) = (1 - 1 + 1 - 1)/4 = 0: pairs (1,1), (1,-1), (-1,-1) give 1, and (1,-1) gives -1.
    replicas = [np.array([0.0, 0.0, np.pi, np.pi])[:, None], np.array([0.0, np.pi])[:, None]]
    assert pooled_autocorrelation(replicas, 3)[:, 0] == pytest.approx([1.0, 0.0, -1.0])
    # It falls from 1 to 0 within one frame: 1/e is 1 - 1/e of the way.
    assert crossings(pooled_autocorrelation(replicas, 3))[0] == pytest.approx(1 - np.exp(-1))


def test_a_torsion_that_does_not_forget_is_a_bound_and_no_number():
    slow = [telegraph(1e-3, 400, seed, seed % 2) for seed in range(4)]  # remembers for 500 frames; 200 can be used
    found = pooled_times(slow, 5.2)
    assert np.isinf(found.ps[0]) and found.bound_ps == 200 * 5.2
    constant = pooled_times([np.zeros((50, 1)), np.zeros((50, 1))], 1.0)
    assert np.isinf(constant.ps[0]) and constant.bound_ps == 25.0
    alone = pooled_times([telegraph(0.1, 500, 1)], 1.0)
    assert np.isfinite(alone.ps).all() and np.isnan(alone.low).all()


def test_measured_are_those_over_the_lag_that_have_gone_ten_times():
    spacing = 5.2
    times = PooledTimes(np.array([10.3, 10.5, 50.0, np.inf, 50.0]), np.zeros(5), np.zeros(5), 1000.0)
    transitions = np.array([99, 99, 10, 99, 9])
    # not over two frames; over; ten transitions; only a bound; nine transitions
    assert measured(times, transitions, spacing).tolist() == [False, True, True, False, False]


def test_transitions_are_those_of_each_torsion():
    random = np.random.default_rng(0)
    hops = np.where(np.repeat([0, 1, 0, 1, 0], 200), 1.0, -1.5) + random.normal(0, 0.15, 1000)
    still = random.normal(0, 0.15, 1000)
    both = np.stack([hops, still], axis=1)
    assert transitions_of([both[:500], both[500:]]).tolist() == [4, 0]  # four ends of wells, none of them at the cut


def test_survival_is_kaplan_meiers():
    # Events at 1, 2 and 4, a bound at 3: S = 3/4 after 1, 3/4 * 2/3 = 1/2 after 2, and 1/2 * 0 = 0 after 4.
    values, censored = np.array([3.0, 1.0, 4.0, 2.0]), np.array([True, False, False, False])
    assert survival(values, censored, [0.5, 1, 2, 3.5, 4])[0] == pytest.approx([1, 0.75, 0.5, 0.5, 0])
    # The bound leaves the risk set: with it last, nothing falls below what the events before it leave.
    assert survival(np.array([1.0, 2.0]), np.array([False, True]), [5.0])[0] == pytest.approx([0.5])
    # A weight of two is the same value twice: 1, 1, 2 -> 1/3 after 1.
    weights = np.array([[2.0, 1.0]])
    assert survival(np.array([1.0, 2.0]), np.zeros(2, bool), [1.0], weights)[0] == pytest.approx([1 / 3])


def test_the_share_within_a_factor_of_two_counts_bounds_for_what_they_say():
    plain, none = np.array([0.4, 0.5, 1.0, 2.0, 2.1]), np.zeros(5, bool)
    assert share_within(plain, none)[0] == pytest.approx(3 / 5)  # 0.5 and 2 are within
    assert median_ratio(plain, none)[0] == 1.0
    # A ratio that is more than 2.5 is not within; one that is more than 1 may be: the two values above it tell.
    assert share_within(np.array([1.0, 2.5]), np.array([False, True]))[0] == pytest.approx(0.5)
    # Ratios 0.8, >1, 1.5, 3: S(0.5-) = 1; S(2) = 3/4 * 1/2 = 3/8; so 5/8 are within.
    found = share_within(np.array([0.8, 1.0, 1.5, 3.0]), np.array([False, True, False, False]))
    assert found[0] == pytest.approx(5 / 8)
    assert np.isinf(median_ratio(np.array([0.8, 1.0, 1.0]), np.array([False, True, True]))[0])
