"""Jensen-Shannon distances between the distributions of internal coordinates (SPEC section 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eginterpolator.evaluation.features import FeatureSet, angles, lengths, torsions

BINS = 100
RANGES = {"length": (1.0, 2.2), "angle": (0.0, np.pi), "torsion": (-np.pi, np.pi)}
"""Histogram range of each kind of feature: Å, radians, radians. Values outside count in the outermost bins."""


def histograms(values: np.ndarray, low: float, high: float, bins: int = BINS) -> np.ndarray:
    """Counts of each column of finite values [T, F] in equal bins over [low, high]: int64 [F, bins].

    Values outside the range count in the first or the last bin, so that every column sums to T; `count_outside` tells
    how many they are.
    """
    index = ((values - low) * (bins / (high - low))).clip(0, bins - 1).astype(np.int64)
    offset = np.arange(values.shape[1]) * bins
    counts = np.bincount((index + offset).ravel(), minlength=values.shape[1] * bins)
    return counts.reshape(values.shape[1], bins)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon distance between histograms [..., bins] along the last axis, natural logarithm: float64 [...].

    The square root of the divergence (|p log p/m| + |q log q/m|) / 2 with m = (p + q) / 2, as scipy's
    `jensenshannon`; between 0 and sqrt(log 2) = 0.833.
    """
    p = p / p.sum(axis=-1, keepdims=True)
    q = q / q.sum(axis=-1, keepdims=True)
    m = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / m), 0.0) + np.where(q > 0, q * np.log(q / m), 0.0)
    return np.sqrt(np.maximum(terms.sum(axis=-1) / 2, 0.0))


def feature_histograms(features: FeatureSet, frames: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Counts of every feature over all frames of several trajectories [T, N, 3]: kind -> int64 [F, BINS]."""
    total = {
        "length": np.zeros((len(features.bonds), BINS), dtype=np.int64),
        "angle": np.zeros((len(features.angles), BINS), dtype=np.int64),
        "torsion": np.zeros((len(features.torsions), BINS), dtype=np.int64),
    }
    for positions in frames:
        total["length"] += histograms(lengths(positions, features.bonds), *RANGES["length"])
        total["angle"] += histograms(angles(positions, features.angles), *RANGES["angle"])
        total["torsion"] += histograms(torsions(positions, features.torsions), *RANGES["torsion"])
    return total


def count_outside(features: FeatureSet, frames: Sequence[np.ndarray]) -> dict[str, int]:
    """How many values of all features and frames lie outside `RANGES`: kind -> count (a torsion never does)."""
    total = {"length": 0, "angle": 0}
    for positions in frames:
        for kind, values in (
            ("length", lengths(positions, features.bonds)),
            ("angle", angles(positions, features.angles)),
        ):
            low, high = RANGES[kind]
            total[kind] += int(((values < low) | (values > high)).sum())
    return total


def feature_jsd(
    features: FeatureSet, generated: Sequence[np.ndarray], reference: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Jensen-Shannon distance of every bond length, bond angle and torsion: kind -> float64 [F]."""
    ours, theirs = feature_histograms(features, generated), feature_histograms(features, reference)
    return {kind: jensen_shannon(ours[kind], theirs[kind]) for kind in RANGES}


def bootstrap_mean(values: Sequence[np.ndarray], seed: int = 0, draws: int = 1000) -> tuple[float, float]:
    """95 % interval of the mean over all features, molecules drawn with replacement.

    `values` holds the array of one molecule's features each.
    """
    sums = np.array([v.sum() for v in values])
    counts = np.array([len(v) for v in values])
    picks = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    means = sums[picks].sum(axis=1) / np.maximum(counts[picks].sum(axis=1), 1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
