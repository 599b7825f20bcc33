"""Counts of jumps and times of memory of torsions, those that are not seen to jump among them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eginterpolator.analysis.torsion_counts import TorsionCounts, count_torsions


def two_wells(states: np.ndarray, seed: int) -> np.ndarray:
    """Angles about -60 and 120 degrees."""
    return np.radians(np.where(states, 120.0, -60.0) + np.random.default_rng(seed).normal(0, 5, len(states)))


def test_jumps_time_and_exposure_by_hand():
    states = np.arange(400) // 50 % 2  # 50 frames in each well: seven jumps
    counts = count_torsions(np.array([[0, 1, 2, 3]]), [two_wells(states, 0)[:, None]], 2.0)[0]
    assert counts.total_jumps == 7 and sorted(counts.spent_ps) == [400.0, 400.0]
    assert counts.exposure_ps == pytest.approx(400.0)  # 800 (1 - 1/4 - 1/4)
    # its triangle of an autocorrelation falls to 1/e at some .32 of 50 frames, sooner by the wells' own width
    assert counts.time_ps == pytest.approx(0.316 * 100.0, rel=0.1)
    assert sorted(np.degrees(np.arctan2(y, x)).round() for x, y in counts.means) == [-60, 120]


def test_replicas_that_never_leave_their_wells_tell_a_bound():
    still = [two_wells(np.full(100, side), side)[:, None] for side in (0, 1)]
    counts = count_torsions(np.array([[0, 1, 2, 3]]), still, 1.0)[0]
    assert counts.total_jumps == 0 and counts.time_ps == np.inf and counts.bound_ps == 50.0
    assert counts.exposure_ps == pytest.approx(100.0)
    again = TorsionCounts.from_dict(json.loads(json.dumps(counts.to_dict())))
    assert again.time_ps == np.inf and again.atoms == (0, 1, 2, 3) and again.jumps == counts.jumps


def test_one_well_exposes_nothing_and_no_torsion_is_no_count():
    counts = count_torsions(np.array([[0, 1, 2, 3]]), [two_wells(np.zeros(100), 3)[:, None]], 1.0)[0]
    assert counts.exposure_ps == 0.0 and len(counts.spent_ps) == 1
    assert count_torsions(np.zeros((0, 4), dtype=int), [np.zeros((10, 0))], 1.0) == []
