"""Wells of a torsion that two groups of trajectories share, against draws whose shares are known."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.shared import shared_wells


def angles(shares: dict[float, float], n: int, seed: int) -> np.ndarray:
    """Angles in radians, around places in degrees with given shares, no memory."""
    random = np.random.default_rng(seed)
    places = random.choice(list(shares), size=n, p=list(shares.values()))
    return np.angle(np.exp(1j * np.radians(places + random.normal(0, 12, n))))


def test_shares_are_those_that_were_drawn_and_wells_lie_where_they_were_put():
    one = [angles({-60.0: 0.2, 60.0: 0.5, 180.0: 0.3}, 400, k) for k in range(8)]
    two = [angles({-60.0: 0.6, 60.0: 0.1, 180.0: 0.3}, 400, 50 + k) for k in range(8)]
    found = shared_wells([one, two])
    middles = found.middle_degrees.copy()
    np.testing.assert_allclose(np.sort(np.abs(middles)), [60, 60, 180], atol=3)
    at = {round(float(m) / 60): k for k, m in enumerate(middles)}
    trans = at.get(3, at.get(-3))
    np.testing.assert_allclose(found.shares[0][[at[-1], at[1], trans]], [0.2, 0.5, 0.3], atol=0.03)
    np.testing.assert_allclose(found.shares[1][[at[-1], at[1], trans]], [0.6, 0.1, 0.3], atol=0.03)
    assert found.apart()[[at[-1], at[1]]].all() and not found.apart()[trans]
    for share, interval in zip(found.shares, found.intervals, strict=True):
        assert share.sum() == pytest.approx(1) and (interval[:, 0] <= share).all() and (share <= interval[:, 1]).all()


def test_intervals_hold_the_truth_as_often_as_they_say():
    held = []
    for seed in range(60):
        group = [angles({-60.0: 0.3, 60.0: 0.7}, 60, 1000 * seed + k) for k in range(12)]
        found = shared_wells([group, group])
        low, high = found.intervals[0][int(found.middle_degrees.argmax())]
        held.append(low <= 0.7 <= high)
    assert 0.82 <= np.mean(held) <= 1.0


def test_a_well_that_the_smaller_side_alone_visits_is_found():
    long, short = [angles({60.0: 1.0}, 100_000, 1)], [angles({-60.0: 0.9, 60.0: 0.1}, 300, 2)]
    found = shared_wells([long, short])
    assert len(found.middle_degrees) == 2 and found.shares[1][0] == pytest.approx(0.9, abs=0.06)
    np.testing.assert_allclose(found.shares[0], [0.0, 1.0])


def test_one_trajectory_has_an_interval_from_its_blocks():
    moving = [angles({-60.0: 0.5, 60.0: 0.5}, 1000, 3)]
    stuck = [np.concatenate([np.full(500, -1.0), np.full(500, 1.0)])]
    spans = [np.ptp(shared_wells([each, each]).intervals[0], axis=1)[0] for each in (moving, stuck)]
    assert 0.02 < spans[0] < 0.12 and spans[1] > 0.4
    assert len(shared_wells([[np.zeros(40)], [np.zeros(30)]]).middle_degrees) == 1
