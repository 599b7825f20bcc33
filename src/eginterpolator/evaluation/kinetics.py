"""Slow motions: time-lagged independent components and decorrelation times of torsions (SPEC section 5)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from eginterpolator.evaluation.distributions import jensen_shannon
from eginterpolator.evaluation.features import FeatureSet, torsions

LAG_FRAMES = 2
BINS = 100
DECORRELATION_PS = (5.0, 1380.0)
DECORRELATION_BINS = 275


def torsion_features(features: FeatureSet, positions: np.ndarray) -> np.ndarray:
    """Cosines and sines of the torsions of [T, N, 3]: float64 [T, 2 K]."""
    values = torsions(positions, features.torsions)
    return np.concatenate([np.cos(values), np.sin(values)], axis=1)


def fit_tica(reference: Sequence[np.ndarray], lag: int = LAG_FRAMES) -> tuple[np.ndarray, np.ndarray] | None:
    """TICA of feature trajectories [T, F] by deeptime: mean [F] and the first two components [F, 2].

    None where the molecule is too rigid: no feature, or fewer than two directions with variance.
    """
    from deeptime.decomposition import TICA

    if not reference or reference[0].shape[1] == 0:
        return None
    estimator = TICA(lagtime=lag, dim=2, scaling=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for trajectory in reference:
            if len(trajectory) > lag:
                estimator.partial_fit((trajectory[:-lag], trajectory[lag:]))
        try:
            model = estimator.fetch_model()
            components = np.asarray(model.singular_vectors_left)[:, :2]
        except (ValueError, RuntimeError, np.linalg.LinAlgError):
            return None
    if components.shape[1] < 2 or not np.isfinite(components).all():
        return None
    return np.asarray(model.mean_0), components.real


def tica_jsd(
    features: FeatureSet, generated: Sequence[np.ndarray], reference: Sequence[np.ndarray]
) -> tuple[float, float] | None:
    """JSD of the first component (100 bins) and of the first two (100 x 100), over the joint range of both.

    TICA is fitted on the reference. None where `fit_tica` finds none.
    """
    theirs = [torsion_features(features, x) for x in reference]
    fitted = fit_tica(theirs)
    if fitted is None:
        return None
    mean, components = fitted
    p = np.concatenate([torsion_features(features, x) for x in generated])
    projected = [(part - mean) @ components for part in (p, np.concatenate(theirs))]
    joint = np.concatenate(projected)
    edges = [np.linspace(joint[:, k].min(), joint[:, k].max() + 1e-9, BINS + 1) for k in range(2)]
    one = [np.histogram(part[:, 0], edges[0])[0] for part in projected]
    two = [np.histogram2d(part[:, 0], part[:, 1], edges)[0].ravel() for part in projected]
    return float(jensen_shannon(*one)), float(jensen_shannon(*two))


def autocorrelation(angles: np.ndarray) -> np.ndarray:
    """Normalised autocorrelation of cos plus that of sin, means removed, of angles [T, K]: float64 [T, K], 1 at lag 0.

    By fast Fourier transform, each lag divided by its number of pairs. A constant angle gives nan.
    """
    n = len(angles)
    total = np.zeros(angles.shape)
    for part in (np.cos(angles), np.sin(angles)):
        centred = part - part.mean(axis=0)
        spectrum = np.fft.rfft(centred, 2 * n, axis=0)
        total += np.fft.irfft(np.abs(spectrum) ** 2, 2 * n, axis=0)[:n] / np.arange(n, 0, -1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(total / total[0])


def decorrelation_times(angles: np.ndarray, frame_ps: float) -> np.ndarray:
    """First time at which `autocorrelation` of angles [T, K] is under 1/e, float64 [K], ps; inf where it never is."""
    correlation = autocorrelation(angles)
    under = correlation < np.exp(-1.0)
    return np.where(under.any(axis=0), under.argmax(axis=0) * frame_ps, np.inf)


def decorrelation_jsd(
    features: FeatureSet, generated: Sequence[np.ndarray], reference: Sequence[np.ndarray], frame_ps: float
) -> np.ndarray:
    """JSD of each torsion's distribution of decorrelation times over trajectories, 275 bins over 5-1380 ps; [K].

    Times outside the range, and those of torsions that never decorrelate, count in the outermost bins.
    """
    low, high = DECORRELATION_PS
    counts = []
    for group in (generated, reference):
        times = np.stack([decorrelation_times(torsions(x, features.torsions), frame_ps) for x in group])
        index = (np.minimum(times, high) - low) * (DECORRELATION_BINS / (high - low))
        index = index.astype(np.int64).clip(0, DECORRELATION_BINS - 1)
        counts.append(np.stack([np.bincount(column, minlength=DECORRELATION_BINS) for column in index.T]))
    return jensen_shannon(*counts)
