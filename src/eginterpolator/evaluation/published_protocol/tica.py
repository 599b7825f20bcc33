"""TICA as published: a kinetic map cut at 95 % of the kinetic variance, histograms over one range of three sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.evaluation.distributions import jensen_shannon
from eginterpolator.evaluation.kinetics import decomposed
from eginterpolator.evaluation.published_protocol.settings import BINS, KINETIC_VARIANCE


def on_circle(angles: np.ndarray) -> np.ndarray:
    """Cosines and sines of angles [T, K]: float64 [T, 2 K]."""
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def components_held(singular_values: np.ndarray, share: float = KINETIC_VARIANCE) -> int:
    """How many of the largest values hold `share` of the kinetic variance, which is the sum of their squares."""
    held = np.cumsum(singular_values**2) / (singular_values**2).sum()
    return min(int(np.searchsorted(held, share)) + 1, len(singular_values))


@dataclass(frozen=True)
class KineticMap:
    """Time-lagged independent components, scaled by their autocorrelation and cut.

    Attributes
    ----------
    mean : float64 [F]
    components : float64 [F, R]
        The slowest first, scaled.
    """

    mean: np.ndarray
    components: np.ndarray

    @property
    def n_components(self) -> int:
        """How many were left by the cut."""
        return self.components.shape[1]

    def project(self, values: np.ndarray) -> np.ndarray:
        """Features [T, F] to components [T, R]."""
        return np.asarray((values - self.mean) @ self.components)


def fit_kinetic_map(reference: Sequence[np.ndarray], lag: int) -> KineticMap | None:
    """From features [T, F] of each window, by deeptime; pairs of frames never straddle two windows.

    None where the molecule is too rigid: it has no torsion, or none that moves.
    """
    found = decomposed(reference, lag)
    if found is None:
        return None
    mean, vectors, values = found
    count = components_held(values)
    return KineticMap(mean, vectors[:, :count] * values[:count])


def joint_edges(sets: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Edges of 100 bins over the joint range of all `sets` [T, R], for each component: R times float64 [101]."""
    low = np.min([x.min(axis=0) for x in sets], axis=0)
    high = np.max([x.max(axis=0) for x in sets], axis=0)
    return [np.linspace(a, max(b, a + 1e-9), BINS + 1) for a, b in zip(low, high, strict=True)]


def tica_jsd(ours: np.ndarray, theirs: np.ndarray, edges: Sequence[np.ndarray]) -> tuple[float, float | None]:
    """JSD of the first component of [T, R] and [S, R], and of the first two in 100 x 100 bins.

    The second only where at least three components remain, else None.
    """
    one = [np.histogram(part[:, 0], edges[0])[0] for part in (ours, theirs)]
    if len(edges) < 3:
        return float(jensen_shannon(*one)), None
    two = [np.histogram2d(part[:, 0], part[:, 1], edges[:2])[0].ravel() for part in (ours, theirs)]
    return float(jensen_shannon(*one)), float(jensen_shannon(*two))
