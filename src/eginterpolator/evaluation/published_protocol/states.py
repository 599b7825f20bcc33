"""Metastable states as published: 100 k-means states on TICA, an MSM, PCCA with 10 states; and paths among them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.errors import InputError
from eginterpolator.evaluation.msm import PathMetrics, lumped_states, path_metrics
from eginterpolator.evaluation.published_protocol.settings import METASTABLE, MICROSTATES, PATH_FRAMES, PATHS


@dataclass(frozen=True)
class States:
    """A Markov state model of the reference, lumped.

    Attributes
    ----------
    centres : float64 [k, R]
        In the kinetic map.
    lumped : int64 [k]
        Metastable state of each centre; `n_metastable` for those outside of the largest connected set.
    n_metastable : int
    transitions : float64 [n_metastable + 1, n_metastable + 1]
        Probability of each state one lag after each; rows of states that are not connected with the others are zero.
    """

    centres: np.ndarray
    lumped: np.ndarray
    n_metastable: int
    transitions: np.ndarray

    def of(self, projected: np.ndarray) -> np.ndarray:
        """Metastable state of each frame of [T, R]: int64 [T]."""
        return self.lumped[nearest(projected, self.centres)]

    def occupancies(self, projected: Sequence[np.ndarray]) -> np.ndarray:
        """Frames in each state, all windows [T, R] together: int64 [n_metastable + 1]."""
        return np.bincount(self.of(np.concatenate(projected)), minlength=self.n_metastable + 1)


def nearest(points: np.ndarray, centres: np.ndarray, block: int = 8192) -> np.ndarray:
    """Index of the nearest centre [k, R] of each point [T, R]: int64 [T]."""
    half = (centres**2).sum(axis=1) / 2
    parts = [(half - points[i : i + block] @ centres.T).argmin(axis=1) for i in range(0, len(points), block)]
    return np.concatenate(parts)


def fit_published_states(projected: Sequence[np.ndarray], lag: int, seed: int = 0) -> States | None:
    """States of the reference's windows [T, R] in the kinetic map, MSM at `lag` frames.

    k-means sees every frame. Fewer states where there are not as many different frames or connected states; None where
    fewer than two remain. PCCA is `msm.pcca`, the inner simplex algorithm.
    """
    from deeptime.clustering import KMeans

    joint = np.ascontiguousarray(np.concatenate(projected))
    k = min(MICROSTATES, len(np.unique(joint, axis=0)))
    if k < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        centres = np.asarray(KMeans(k, max_iter=100, fixed_seed=seed, n_jobs=1).fit_fetch(joint).cluster_centers)
    return lump([nearest(x, centres) for x in projected], centres, lag)


def lump(discrete: Sequence[np.ndarray], centres: np.ndarray, lag: int) -> States | None:
    """States of windows of microstates int64 [T] with the given centres [k, R]; None where fewer than two remain."""
    found = lumped_states(discrete, len(centres), lag, METASTABLE)
    return None if found is None else States(centres, *found)


def published_paths(states: States, projected: Sequence[np.ndarray], lag: int) -> tuple[PathMetrics | None, list[str]]:
    """`msm.path_metrics` of the first 900 paths [101, R] between one pair of endpoint states, and notes.

    Raises
    ------
    InputError
        When a path has another number of frames, or there is more than one pair of endpoint states.
    """
    lengths = {len(x) for x in projected}
    if lengths != {PATH_FRAMES}:
        raise InputError(
            f"The published protocol judges paths of {PATH_FRAMES} frames, and these have "
            f"{', '.join(map(str, sorted(lengths)))}; generate such paths, or judge them without --protocol."
        )
    visited = [states.of(x) for x in projected[:PATHS]]
    pairs = {(int(x[0]), int(x[-1])) for x in visited}
    if len(pairs) > 1:
        raise InputError(
            f"The published protocol takes one pair of endpoints a molecule, and these paths have {len(pairs)}; give "
            "paths between the same two frames, or judge them without --protocol."
        )
    notes = []
    if len(visited) < PATHS:
        notes.append(f"Paths: {len(visited)}, where the published protocol has {PATHS}.")
    return path_metrics(states.transitions, visited, lag), notes
