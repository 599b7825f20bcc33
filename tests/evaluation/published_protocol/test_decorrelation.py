"""Autocorrelations that are known, the lag at which they cross, and the distance of the times, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.evaluation.published_protocol.decorrelation import (
    decorrelation_jsd,
    decorrelation_times,
    first_crossing,
    time_histograms,
)


def test_the_first_lag_at_or_under_one_over_e():
    """Exactly 1/e counts: lag 2, where `<` would say 3."""
    curve = np.array([1.0, 0.5, np.exp(-1.0), 0.2])[:, None]
    assert first_crossing(curve, 275).tolist() == [2]


def test_a_window_that_never_gets_there_has_no_time():
    curves = np.array([[1.0, 1.0, np.nan], [0.9, 0.8, np.nan], [0.8, 0.5, np.nan], [0.7, 0.3, np.nan]])
    found = first_crossing(curves, 275)
    assert np.isnan(found[0]) and found[1] == 3 and np.isnan(found[2])
    assert np.isnan(first_crossing(curves, 2)).all(), "the crossing at lag 3 is beyond the largest lag"


def test_of_a_square_wave():
    """0000 pppp 0000 pppp (p = pi) has cos + - in blocks of four, mean 0. Lag 1: 15 pairs, of which 3 differ:
    9/15 = .6. Lag 2: 14 pairs, 6 differ: 2/14 = .14 <= .37. So 2 frames, 10.4 ps."""
    angles = np.repeat([0.0, np.pi, 0.0, np.pi], 4)[:, None]
    assert decorrelation_times(angles, 5.2, 275) == pytest.approx([10.4])


def test_of_one_flip_in_the_middle_and_the_largest_lag():
    """T frames, one flip at T/2: C(t) = ((T - t) - 2t) / (T - t) <= 1/e from t >= T (1 - 1/e) / (3 - 1/e).

    For T = 1,200: t >= 288.2, lag 289: found to lag 900 (reference of Drugs), beyond 240 (generated) and 275 (QM9).
    """
    angles = np.repeat([0.0, np.pi], 600)[:, None]
    expected = np.ceil(1200 * (1 - np.exp(-1)) / (3 - np.exp(-1)))
    assert expected == 289
    assert decorrelation_times(angles, 5.2, 900) == pytest.approx([289 * 5.2])
    assert np.isnan(decorrelation_times(angles, 5.2, 240)).all()
    assert np.isnan(decorrelation_times(angles, 5.2, 275)).all()


def test_a_torsion_that_does_not_move_never_gets_there():
    assert np.isnan(decorrelation_times(np.zeros((50, 1)), 5.2, 275)).all()


def test_times_fall_into_bins_of_five_picoseconds_and_missing_ones_are_dropped():
    """(1,380 - 5) / 275 = 5 ps a bin: 5.2 -> bin 0, 10.4 -> bin 1, 1,375.1 -> bin 274; 1,430 counts there as well."""
    counts = time_histograms(np.array([[5.2], [10.4], [10.4], [1375.1], [1430.0], [np.nan]]))
    assert counts.shape == (1, 275) and counts.sum() == 5, "one window of six is dropped"
    assert (counts[0, 0], counts[0, 1], counts[0, 274]) == (1, 2, 2)


def test_the_distance_of_times_by_hand():
    """Ours: one window at 5.2, one dropped: p = (1, 0). Theirs: 5.2 and 10.4: q = (1/2, 1/2), m = (3/4, 1/4).

    JSD^2 = (ln(1 / .75) + .5 ln(.5 / .75) + .5 ln(.5 / .25)) / 2. Counted as a slow one, the dropped window would
    give another number.
    """
    ours, theirs = np.array([[5.2], [np.nan]]), np.array([[5.2], [10.4]])
    expected = np.sqrt((np.log(1 / 0.75) + 0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(2)) / 2)
    assert decorrelation_jsd(ours, theirs) == pytest.approx([expected]) and expected == pytest.approx(0.4645, abs=1e-4)


def test_a_torsion_without_a_window_left_has_no_figure():
    never, known = np.full((3, 1), np.nan), np.full((3, 1), 5.2)
    assert np.isnan(decorrelation_jsd(never, known)).all() and np.isnan(decorrelation_jsd(known, never)).all()
    both = decorrelation_jsd(np.hstack([never, known]), np.hstack([known, known]))
    assert np.isnan(both[0]) and both[1] == 0
    assert decorrelation_jsd(np.zeros((3, 0)), np.zeros((4, 0))).shape == (0,)
