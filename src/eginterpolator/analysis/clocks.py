"""How long torsions remember, pooled over replicas, with bounds where they do not forget (docs/evaluation.md, E6-E8).

One autocorrelation of all replicas about their common mean; the time is where it crosses 1/e. A torsion that does not
cross within the lags that the replicas are long enough for is *censored*: its time is more than a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.chemistry.wells import count_transitions

USABLE = 0.5
"""Share of the longest replica up to which the autocorrelation is used."""
MEASURED_LAG = 2
"""Frames that the reference's time must be over for a torsion to count as measured."""
MEASURED_TRANSITIONS = 10
"""Transitions between wells that the reference must have for a torsion to count as measured."""
DRAWS = 200
FACTOR = 2.0


@dataclass(frozen=True)
class PooledTimes:
    """Times of torsions over a group of trajectories.

    Attributes
    ----------
    ps : float64 [K]
        inf where the autocorrelation does not cross 1/e within `bound_ps`: the time is longer than that.
    low, high : float64 [K]
        95 % bootstrap interval over trajectories; inf where the draws do not cross; nan of a single trajectory.
    bound_ps : float
        Longest lag that is used.
    """

    ps: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bound_ps: float


def pooled_times(angles: Sequence[np.ndarray], frame_ps: float, seed: int = 0, draws: int = DRAWS) -> PooledTimes:
    """Times of torsions [T, K], radians, of trajectories with frames `frame_ps` apart.

    With z = exp(i angle) and m its mean over all frames of all trajectories,

        C(t) = sum over trajectories and s of Re[(z(s) - m) conj(z(s + t) - m)] / number of pairs        (E6)

    normalised to C(0) = 1; the time is where C crosses 1/e, linear between frames. The interval draws whole
    trajectories with replacement, each draw about its own mean.
    """
    longest = max(len(x) for x in angles)
    sums = _Sums.of(angles, max(2, int(longest * USABLE) + 1))
    bound = (sums.pairs.shape[1] - 1) * frame_ps
    whole = crossings(sums.correlation(np.ones((1, len(angles)))))[0] * frame_ps
    low = high = np.full(len(whole), np.nan)
    if len(angles) > 1 and draws:
        picks = np.random.default_rng(seed).integers(len(angles), size=(draws, len(angles)))
        weights = np.apply_along_axis(np.bincount, 1, picks, minlength=len(angles)).astype(np.float64)
        found = crossings(sums.correlation(weights)) * frame_ps
        low, high = (
            np.quantile(found, 0.025, axis=0, method="lower"),
            np.quantile(found, 0.975, axis=0, method="higher"),
        )
    return PooledTimes(whole, low, high, bound)


def pooled_autocorrelation(angles: Sequence[np.ndarray], lags: int) -> np.ndarray:
    """C(t) of (E6) of trajectories [T, K], radians, at lags of 0 ... `lags` - 1 frames: float64 [lags, K]."""
    return np.asarray(_Sums.of(angles, lags).correlation(np.ones((1, len(angles))))[0])


def crossings(correlation: np.ndarray, level: float = float(np.exp(-1))) -> np.ndarray:
    """First lag at which [..., lags, K] falls to `level`, linear between lags: float64 [..., K]; inf where it does not.

    nan, of a torsion that does not move, does not fall.
    """
    under = correlation <= level
    at = under.argmax(axis=-2)
    after = np.take_along_axis(correlation, at[..., None, :], axis=-2)[..., 0, :]
    before = np.take_along_axis(correlation, np.maximum(at - 1, 0)[..., None, :], axis=-2)[..., 0, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        place = at - 1 + (before - level) / (before - after)
    return np.where(under.any(axis=-2), place, np.inf)


@dataclass(frozen=True)
class _Sums:
    """What the autocorrelation of any weighted set of trajectories is made of.

    raw : sum over s of Re[z(s) conj z(s + t)], [R, lags, K]; ends : sums of z over the first and the last frames of
    the pairs, [R, lags, K]; pairs : [R, lags].
    """

    raw: np.ndarray
    ends: np.ndarray
    pairs: np.ndarray

    @classmethod
    def of(cls, angles: Sequence[np.ndarray], lags: int) -> _Sums:
        shape = (len(angles), lags, angles[0].shape[1])
        raw, ends, pairs = np.zeros(shape), np.zeros(shape, dtype=complex), np.zeros(shape[:2])
        for k, x in enumerate(angles):
            n = len(x)
            used = min(lags, n)
            turns = np.exp(1j * x)
            spectrum = np.fft.fft(turns, 2 * n, axis=0)
            raw[k, :used] = np.fft.ifft(np.abs(spectrum) ** 2, axis=0).real[:used]
            cumulated = np.concatenate([np.zeros((1, shape[2])), np.cumsum(turns, axis=0)])
            lag = np.arange(used)
            ends[k, :used] = cumulated[n - lag] + cumulated[n] - cumulated[lag]
            pairs[k, :used] = n - lag
        return cls(raw, ends, pairs)

    def correlation(self, weights: np.ndarray) -> np.ndarray:
        """Normalised, for weights [D, R] of the trajectories: float64 [D, lags, K]; nan of what does not move."""
        pairs = (weights @ self.pairs)[..., None]
        flat = (len(self.raw), -1)
        raw = (weights @ self.raw.reshape(flat)).reshape(len(weights), *self.raw.shape[1:])
        ends = (weights @ self.ends.reshape(flat)).reshape(raw.shape)
        mean = ends[:, :1] / (2 * pairs[:, :1])
        with np.errstate(divide="ignore", invalid="ignore"):
            total = (raw - (mean.conj() * ends).real) / pairs + np.abs(mean) ** 2
            return np.where(total[:, :1] > 1e-12, total / total[:, :1], np.nan)


def transitions_of(angles: Sequence[np.ndarray]) -> np.ndarray:
    """Transitions of each torsion of trajectories [T, K] between its wells: int64 [K]; see `count_transitions`."""
    return np.array([count_transitions([x[:, k] for x in angles]) for k in range(angles[0].shape[1])], dtype=np.int64)


def measured(reference: PooledTimes, transitions: np.ndarray, frame_ps: float) -> np.ndarray:
    """Which torsions' times can be judged, bool [K]: known, over `MEASURED_LAG` frames, and of enough transitions."""
    slow = np.isfinite(reference.ps) & (reference.ps > MEASURED_LAG * frame_ps)
    return np.asarray(slow & (transitions >= MEASURED_TRANSITIONS))


def survival(
    values: np.ndarray, censored: np.ndarray, at: Sequence[float], weights: np.ndarray | None = None
) -> np.ndarray:
    """Kaplan-Meier estimate of the share of values that are greater: float64 [D, places of `at`].

        S(x) = product over events v <= x of (1 - d(v) / n(v))        (E7)

    d events at v out of the n values and bounds that are not smaller. (Kaplan and Meier, JASA 53 (1958) 457.)

    Parameters
    ----------
    values : float64 [n]
        Ratios, or bounds that they exceed where `censored`.
    censored : bool [n]
    at : sequence of float
    weights : float64 [D, n], optional
        How often each counts, a row for each estimate.
    """
    weights = np.ones((1, len(values))) if weights is None else weights
    order = np.lexsort([censored, values])
    values, censored, weights = values[order], censored[order], weights[:, order]
    at_risk = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
    events = np.where(censored, 0.0, weights)
    steps = np.cumprod(1 - events / np.maximum(at_risk, 1e-300), axis=1)
    steps = np.concatenate([np.ones((len(weights), 1)), steps], axis=1)
    return np.asarray(steps[:, np.searchsorted(values, at, side="right")])


def share_within(values: np.ndarray, censored: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Share of ratios between 1/2 and 2, S(1/2 -) - S(2) (E8), censored ones by `survival`: float64 [D]."""
    below = np.nextafter(1 / FACTOR, 0.0)
    found = survival(values, censored, (below, FACTOR), weights)
    return np.asarray(found[:, 0] - found[:, 1])


def median_ratio(values: np.ndarray, censored: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Smallest value at which `survival` is 1/2 or less: float64 [D]; inf where it stays over it.

    Equation (E8) of docs/evaluation.md.
    """
    places = np.unique(values)
    found = survival(values, censored, places.tolist(), weights) <= 0.5 + 1e-12
    return np.where(found.any(axis=1), places[found.argmax(axis=1)], np.inf)
