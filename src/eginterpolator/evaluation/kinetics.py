"""Slow motions: time-lagged independent components and decorrelation times (SPEC section 5)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.chemistry.features import FeatureSet, torsions
from eginterpolator.chemistry.torsion_times import autocorrelation
from eginterpolator.evaluation.distributions import jensen_shannon

LAG_FRAMES = 2
COMPONENTS = 4
"""Components that are kept where their number is fixed: as many of every molecule, and of every fit."""
BINS = 100
DECORRELATION_PS = (5.0, 1380.0)
DECORRELATION_BINS = 275


def torsion_features(features: FeatureSet, positions: np.ndarray) -> np.ndarray:
    """Cosines and sines of the torsions of [T, N, 3]: float64 [T, 2 K]."""
    values = torsions(positions, features.torsions)
    return np.concatenate([np.cos(values), np.sin(values)], axis=1)


@dataclass(frozen=True)
class Tica:
    """Time-lagged independent components.

    Attributes
    ----------
    mean : float64 [F]
    components : float64 [F, R]
        The slowest first; projections have unit variance.
    autocorrelations : float64 [R]
        Of each component at the lag.
    share : float or None
        Share of the kinetic variance that `kinetic_map` holds; None for all components.
    """

    mean: np.ndarray
    components: np.ndarray
    autocorrelations: np.ndarray
    share: float | None = 0.95

    def first(self, count: int) -> Tica:
        """The slowest components, at most `count`, all of which `kinetic_map` holds."""
        return Tica(self.mean, self.components[:, :count], self.autocorrelations[:count], None)

    def project(self, values: np.ndarray) -> np.ndarray:
        """Features [T, F] to components [T, R]."""
        return np.asarray((values - self.mean) @ self.components)

    def timescales(self, lag: int = LAG_FRAMES) -> np.ndarray:
        """Implied timescales -lag / ln(autocorrelation), frames: float64 [R]; nan where it is not in (0, 1)."""
        known = (self.autocorrelations > 0) & (self.autocorrelations < 1)
        return np.where(known, -lag / np.log(np.where(known, self.autocorrelations, 0.5)), np.nan)

    def kinetic_map(self, values: np.ndarray, share: float | None = None) -> np.ndarray:
        """Components of [T, F] that hold `share` of the kinetic variance, scaled by their autocorrelation.

        Noé and Clementi, J. Chem. Theory Comput. 11 (2015) 5002: distances are then kinetic distances.
        """
        share = self.share if share is None else share
        if share is None:
            return self.project(values) * self.autocorrelations
        held = np.cumsum(self.autocorrelations**2) / (self.autocorrelations**2).sum()
        count = int(np.searchsorted(held, share)) + 1
        return self.project(values)[:, :count] * self.autocorrelations[:count]


def fit_tica(reference: Sequence[np.ndarray], lag: int = LAG_FRAMES, components: int | None = None) -> Tica | None:
    """TICA of feature trajectories [T, F] by deeptime; pairs of frames never straddle two trajectories.

    With `components` that many are kept, or as many as there are, and `kinetic_map` holds all of them; else it holds
    95 % of the kinetic variance. None where the molecule is too rigid (no feature, or all are constant) or no
    trajectory is longer than the lag.
    """
    found = decomposed(reference, lag)
    if found is None:
        return None
    whole = Tica(*found)
    return whole if components is None else whole.first(components)


def decomposed(reference: Sequence[np.ndarray], lag: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Mean [F], directions [F, R] and autocorrelations [R] of TICA of features [T, F], the slowest first.

    None where the molecule is too rigid (no feature, or all are constant) or no trajectory is longer than the lag.
    """
    from deeptime.decomposition import TICA

    long = [trajectory for trajectory in reference if len(trajectory) > lag]
    if not long or long[0].shape[1] == 0 or max(float(x.var(axis=0).max()) for x in long) < 1e-10:
        return None
    estimator = TICA(lagtime=lag, scaling=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for trajectory in long:
            estimator.partial_fit((trajectory[:-lag], trajectory[lag:]))
        try:
            model = estimator.fetch_model()
            vectors = np.asarray(model.singular_vectors_left).real
            values = np.asarray(model.singular_values).real
        except (ValueError, RuntimeError, ZeroDivisionError, np.linalg.LinAlgError):
            return None
    rank = min(vectors.shape[1], len(values))
    if rank == 0 or not np.isfinite(vectors).all():
        return None
    return np.asarray(model.mean_0), vectors[:, :rank], values[:rank]


def projection_jsd(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float | None]:
    """JSD of the first component (100 bins) and of the first two (100 x 100) of [T, R], over the joint range of both.

    The second is None where there is one component only.
    """
    joint = np.concatenate([ours[:, :2], theirs[:, :2]])
    edges = [
        np.linspace(low, max(high, low + 1e-9), BINS + 1) for low, high in zip(joint.min(0), joint.max(0), strict=True)
    ]
    one = [np.histogram(part[:, 0], edges[0])[0] for part in (ours, theirs)]
    if len(edges) < 2:
        return float(jensen_shannon(*one)), None
    two = [np.histogram2d(part[:, 0], part[:, 1], edges)[0].ravel() for part in (ours, theirs)]
    return float(jensen_shannon(*one)), float(jensen_shannon(*two))


def tica_jsd(
    features: FeatureSet, generated: Sequence[np.ndarray], reference: Sequence[np.ndarray]
) -> tuple[float, float | None] | None:
    """`projection_jsd` of trajectories [T, N, 3], TICA fitted on the reference; None where `fit_tica` finds none."""
    theirs = [torsion_features(features, x) for x in reference]
    tica = fit_tica(theirs)
    if tica is None:
        return None
    ours = np.concatenate([torsion_features(features, x) for x in generated])
    return projection_jsd(tica.project(ours), tica.project(np.concatenate(theirs)))


def decorrelation_times(angles: np.ndarray, frame_ps: float) -> np.ndarray:
    """First time at which `autocorrelation` of angles [T, K] is under 1/e, float64 [K], ps; inf where it never is.

    Equation (E3) of docs/evaluation.md.
    """
    under = autocorrelation(angles) < np.exp(-1.0)
    return np.where(under.any(axis=0), under.argmax(axis=0) * frame_ps, np.inf)


def decorrelation_histograms(times: np.ndarray) -> np.ndarray:
    """Counts of decorrelation times [W, K] in 275 bins over 5-1380 ps: int64 [K, 275].

    Times outside the range, and those of torsions that never decorrelate, count in the outermost bins.
    """
    low, high = DECORRELATION_PS
    index = (np.clip(times, low, high) - low) * (DECORRELATION_BINS / (high - low))
    index = index.astype(np.int64).clip(0, DECORRELATION_BINS - 1)
    counts = [np.bincount(column, minlength=DECORRELATION_BINS) for column in index.T]
    return np.array(counts, dtype=np.int64).reshape(-1, DECORRELATION_BINS)


def decorrelation_jsd(
    features: FeatureSet, generated: Sequence[np.ndarray], reference: Sequence[np.ndarray], frame_ps: float
) -> np.ndarray:
    """JSD of each torsion's distribution of decorrelation times over trajectories [T, N, 3]: float64 [K]."""
    groups = []
    for group in (generated, reference):
        times = [decorrelation_times(torsions(x, features.torsions), frame_ps) for x in group]
        groups.append(decorrelation_histograms(np.stack(times)))
    return jensen_shannon(*groups)
