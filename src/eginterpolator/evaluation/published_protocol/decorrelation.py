"""Decorrelation times of torsions, and the distance of their distributions (SPEC section 5, A)."""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.torsion_times import autocorrelation
from eginterpolator.evaluation.distributions import jensen_shannon
from eginterpolator.evaluation.published_protocol.settings import DECORRELATION_BINS, DECORRELATION_PS


def first_crossing(curves: np.ndarray, largest_lag: int) -> np.ndarray:
    """First lag of autocorrelations [T, K] whose value is 1/e or less: float64 [K], frames.

    nan where none up to `largest_lag` is, and where the curve is nan (the torsion did not move).
    """
    under = curves[: largest_lag + 1] <= np.exp(-1.0)
    return np.where(under.any(axis=0), under.argmax(axis=0), np.nan)


def decorrelation_times(angles: np.ndarray, frame_ps: float, largest_lag: int) -> np.ndarray:
    """`first_crossing` of the autocorrelation of cos plus sin of angles [T, K], means removed: float64 [K], ps."""
    return first_crossing(autocorrelation(angles), largest_lag) * frame_ps


def time_histograms(times: np.ndarray) -> np.ndarray:
    """Counts of times [W, K] in 275 bins over 5-1,380 ps: int64 [K, 275].

    Windows that never decorrelated (nan) are dropped; times out of the range count in the outermost bin.
    """
    low, high = DECORRELATION_PS
    rows = []
    for column in times.T:
        known = np.clip(column[np.isfinite(column)], low, high)
        rows.append(np.histogram(known, DECORRELATION_BINS, (low, high))[0])
    return np.array(rows, dtype=np.int64).reshape(-1, DECORRELATION_BINS)


def decorrelation_jsd(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """JSD of each torsion's distribution of times [W, K] over windows: float64 [K].

    nan where no window of one side is left: there is no distribution, and the torsion has no figure.
    """
    p, q = time_histograms(ours), time_histograms(theirs)
    known = (p.sum(axis=1) > 0) & (q.sum(axis=1) > 0)
    result = np.full(len(p), np.nan)
    result[known] = jensen_shannon(p[known], q[known])
    return result
