"""Intervals of shares hold the true share as often as they say, whatever the memory; lifetimes with their bounds."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.intervals import Groups, lifetime, shares
from tests.builders.wells import two_state_chain


def test_many_trajectories_are_the_groups_and_few_are_cut():
    assert Groups.of([7] * 6).rows == [(k, 0, 7) for k in range(6)]
    assert Groups.of([7] * 6).text == "6 trajectories"
    two = Groups.of([100, 40])
    assert len(two.rows) == 10 and two.sizes().sum() == 140 and two.text == "10 blocks of 2 trajectories"
    assert Groups.of([1]).text == "1 blocks of 1 trajectory"


@pytest.mark.parametrize(("stay", "n"), [(0.0, 100), (0.95, 300), (0.99, 300)])
def test_the_interval_of_ten_trajectories_holds_the_share_however_long_the_memory(stay, n):
    random = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        found = [two_state_chain(n, stay, 0.3, random) for _ in range(10)]
        groups = Groups.of([n] * 10)
        _, low, high = shares(groups.counts(found, 2), groups.sizes())[1]
        inside += low <= 0.3 <= high
    assert 0.9 <= inside / 200 <= 0.995


def test_memory_widens_the_interval():
    random = np.random.default_rng(2)
    groups = Groups.of([300] * 10)
    widths = []
    for stay in (0.0, 0.98):
        found = [two_state_chain(300, stay, 0.5, random) for _ in range(10)]
        low, high = shares(groups.counts(found, 2), groups.sizes())[1, 1:]
        widths.append(high - low)
    assert widths[1] > 3 * widths[0]


def test_a_state_that_is_always_or_never_there_has_an_interval_of_as_many_groups():
    counts = np.array([[50, 0]] * 10)
    always, never = shares(counts, np.full(10, 50))
    assert always[0] == always[2] == 1 and 0.5 < always[1] < 0.9
    assert never[0] == never[1] == 0 and never[2] == pytest.approx(1 - always[1])
    assert np.isnan(shares(counts[:1], np.array([50]))[:, 1:]).all(), "one group says nothing"


def test_a_lifetime_is_time_over_exits_and_a_bound_without():
    mean, low, high = lifetime(1000.0, 10)
    assert (
        mean == 100 and low == pytest.approx(1000 / 18.390, rel=1e-3) and high == pytest.approx(1000 / 4.795, rel=1e-3)
    )
    mean, low, high = lifetime(1000.0, 0)
    assert mean == high == np.inf and low == pytest.approx(1000 / 3.689, rel=1e-3), "Garwood: 0 to 3.689"


def test_the_interval_of_a_lifetime_holds_it():
    random = np.random.default_rng(3)
    inside = 0
    for _ in range(300):
        stays = random.exponential(40.0, size=200)
        before = int(np.searchsorted(np.cumsum(stays), 500.0))  # a window of 500 ps, the last stay cut
        _, low, high = lifetime(500.0, before)
        inside += low <= 40.0 <= high
    assert inside / 300 >= 0.93
