"""Jensen-Shannon distances between the distributions of internal coordinates (SPEC section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eginterpolator.chemistry.features import FeatureSet, angles, lengths, torsions

BINS = 100
RANGES = {"length": (1.0, 2.2), "angle": (0.0, np.pi), "torsion": (-np.pi, np.pi)}
"""Histogram range of each kind of feature: Å, radians, radians. Values outside count in the outermost bins."""


def histograms(values: np.ndarray, low: float, high: float, bins: int = BINS) -> np.ndarray:
    """Counts of each column of finite values [T, F] in equal bins over [low, high]: int64 [F, bins].

    Values outside the range count in the first or the last bin, so that every column sums to T; `outside_range` tells
    how many they are.
    """
    index = ((values - low) * (bins / (high - low))).clip(0, bins - 1).astype(np.int64)
    offset = np.arange(values.shape[1]) * bins
    counts = np.bincount((index + offset).ravel(), minlength=values.shape[1] * bins)
    return counts.reshape(values.shape[1], bins)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon distance between histograms [..., bins] along the last axis, natural logarithm: float64 [...].

    Equation (E1) of docs/evaluation.md.

    The square root of the divergence (|p log p/m| + |q log q/m|) / 2 with m = (p + q) / 2, as scipy's
    `jensenshannon`; between 0 and sqrt(log 2) = 0.833.
    """
    p = p / p.sum(axis=-1, keepdims=True)
    q = q / q.sum(axis=-1, keepdims=True)
    m = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / m), 0.0) + np.where(q > 0, q * np.log(q / m), 0.0)
    return np.sqrt(np.maximum(terms.sum(axis=-1) / 2, 0.0))


def outside_range(values: dict[str, np.ndarray]) -> dict[str, int]:
    """How many of `feature_values` lie outside `RANGES`: kind -> count (a torsion never does)."""
    return {
        kind: int(((values[kind] < RANGES[kind][0]) | (values[kind] > RANGES[kind][1])).sum())
        for kind in ("length", "angle")
    }


def feature_jsd(
    features: FeatureSet, generated: Sequence[np.ndarray], reference: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Jensen-Shannon distance of every bond length, bond angle and torsion: kind -> float64 [F]."""
    ours, theirs = feature_values(features, generated), feature_values(features, reference)
    return {
        kind: jensen_shannon(*(histograms(values[kind], *RANGES[kind]) for values in (ours, theirs))) for kind in RANGES
    }


def wasserstein(ours: np.ndarray, theirs: np.ndarray, period: float | None = None) -> float:
    """Wasserstein-1 distance between two samples [n] and [m], in their own unit: exact, no bins.

    Equation (E2) of docs/evaluation.md.

    On a line it is the integral of |F - G|, F and G the cumulative distributions (scipy's `wasserstein_distance`);
    on a circle of the given `period`, of |F - G - c| with c the weighted median of F - G (Rabin, Delon and Gousseau,
    J. Math. Imaging Vis. 41 (2011) 147).
    """
    ours, theirs = (
        np.sort(np.mod(ours, period) if period else ours),
        np.sort(np.mod(theirs, period) if period else theirs),
    )
    joint = np.concatenate([ours, theirs])
    order = np.argsort(joint, kind="stable")  # two sorted runs are merged, which is faster than sorting
    points = joint[order]
    widths = np.diff(points)
    step = np.repeat([1 / len(ours), -1 / len(theirs)], [len(ours), len(theirs)])
    difference = np.cumsum(step[order])[:-1]  # between equal points it is of no matter: they are no width apart
    if period:
        # From the last point round to the first both distributions have counted everything: F - G = 0.
        difference, widths = np.append(difference, 0.0), np.append(widths, period - points[-1] + points[0])
        order = np.argsort(difference)
        half = int(np.searchsorted(np.cumsum(widths[order]), period / 2))
        difference = difference - difference[order[min(half, len(order) - 1)]]
    return float(np.abs(difference) @ widths)


def feature_values(features: FeatureSet, frames: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Values of every feature over all frames of several trajectories [T, N, 3]: kind -> float64 [frames, F].

    Lengths in Å, angles and torsions in radians.
    """
    measures = (
        ("length", lengths, features.bonds),
        ("angle", angles, features.angles),
        ("torsion", torsions, features.torsions),
    )
    return {kind: np.concatenate([measure(x, atoms) for x in frames]) for kind, measure, atoms in measures}


def feature_wasserstein(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Wasserstein-1 distance of every feature between `feature_values`: kind -> float64 [F].

    Lengths in Å, angles and torsions in degrees, the latter on the circle.
    """
    result = {}
    for kind, values in ours.items():
        unit, period = (1.0, None) if kind == "length" else (180 / np.pi, 2 * np.pi if kind == "torsion" else None)
        pairs = zip(values.T, theirs[kind].T, strict=True)
        result[kind] = np.array([unit * wasserstein(a, b, period) for a, b in pairs])
    return result


def bootstrap(values: Sequence[np.ndarray], seed: int = 0, draws: int = 1000) -> dict[str, Any]:
    """Mean and median over all features, and their 95 % bootstrap intervals over molecules.

    Parameters
    ----------
    values : sequence of [F]
        One molecule's features each; molecules are drawn with replacement, each with all of its features.

    Returns
    -------
    dict
        mean, median, mean_95 and median_95 as [low, high], count of the features.
    """
    joint = np.concatenate(values)
    owner = np.repeat(np.arange(len(values)), [len(v) for v in values])
    picks = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    weights = np.apply_along_axis(np.bincount, 1, picks, minlength=len(values))[:, owner]
    order = np.argsort(joint)
    cumulated = np.cumsum(weights[:, order], axis=1)
    total = np.maximum(cumulated[:, -1:], 1)
    means = (weights @ joint) / total[:, 0]
    # The weighted median: the mean of the lower and of the upper one, as numpy's.
    low, high = ((cumulated >= target).argmax(axis=1) for target in ((total + 1) // 2, total // 2 + 1))
    medians = (joint[order][low] + joint[order][high]) / 2
    interval = [[float(q) for q in np.quantile(x, [0.025, 0.975])] for x in (means, medians)]
    return {
        "mean": float(joint.mean()),
        "median": float(np.median(joint)),
        "mean_95": interval[0],
        "median_95": interval[1],
        "count": len(joint),
    }
