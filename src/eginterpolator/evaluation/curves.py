"""What a page draws of one molecule's comparison: histograms, maps, autocorrelations, frames; small enough to send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eginterpolator.analysis.clocks import pooled_autocorrelation
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.evaluation.chapman import chapman_kolmogorov
from eginterpolator.evaluation.comparison import Observed, Reference

MAP_BINS = 50
MAX_LAGS = 200
MAX_FRAMES = 500


@dataclass(frozen=True)
class Curves:
    """Distributions of one molecule, each by source: `reference`, `generated`, `oracle`, those that there are.

    Attributes
    ----------
    molecule : Molecule
    frame_ps : float
    histograms : dict
        Source -> kind -> int64 [F, 100], over `distributions.RANGES`.
    tica : dict
        Source -> counts int64 [50, 50] in the plane of the two slowest components, over `tica_range`; empty for a
        molecule that is too rigid or has one component only.
    tica_range : float64 [2, 2]
        Lowest and highest value of each component, over all sources.
    autocorrelations : dict
        Source -> float64 [lags, K], each torsion's autocorrelation pooled over trajectories; nan where constant.
    frames : dict
        `reference` and `generated` -> float32 [T, N, 3] of one trajectory, Å, for the players.
    staying : dict
        Chapman-Kolmogorov test of the reference's Markov state model, see `chapman_kolmogorov`; empty without one.
    """

    molecule: Molecule
    frame_ps: float
    histograms: dict[str, dict[str, np.ndarray]]
    tica: dict[str, np.ndarray]
    tica_range: np.ndarray
    autocorrelations: dict[str, np.ndarray]
    frames: dict[str, np.ndarray]
    staying: dict[str, Any] = field(default_factory=dict)


def collect_curves(reference: Reference, sources: dict[str, Observed], frames: dict[str, np.ndarray]) -> Curves:
    """`Curves` of what was observed of one molecule, the reference's own added.

    Parameters
    ----------
    reference : Reference
    sources : dict
        `generated` and `oracle`, those that there are.
    frames : dict
        `reference` and `generated` -> [T, N, 3], one trajectory each.
    """
    every = {"reference": reference.observed, **sources}
    maps: dict[str, np.ndarray] = {}
    span = np.zeros((2, 2))
    tica = reference.tica
    if tica is not None and tica.components.shape[1] > 1:
        projected = {k: tica.project(np.concatenate(o.angles_on_circle()))[:, :2] for k, o in every.items()}
        joint = np.concatenate(list(projected.values()))
        span = np.stack([joint.min(axis=0), joint.max(axis=0)], axis=1)
        for name, points in projected.items():
            maps[name] = np.histogram2d(points[:, 0], points[:, 1], MAP_BINS, span)[0].astype(np.int64)
    return Curves(
        reference.molecule,
        reference.frame_ps,
        {name: observed.histograms() for name, observed in every.items()},
        maps,
        span,
        {name: _autocorrelation(observed.torsions()) for name, observed in every.items()},
        {name: np.asarray(x[:MAX_FRAMES], dtype=np.float32) for name, x in frames.items()},
        _staying(reference, sources),
    )


def _staying(reference: Reference, sources: dict[str, Observed]) -> dict[str, Any]:
    """`chapman_kolmogorov` of what was observed."""
    if reference.states is None:
        return {}
    others = {name: observed.angles_on_circle() for name, observed in sources.items()}
    return chapman_kolmogorov(reference.states, reference.observed.angles_on_circle(), others, reference.frame_ps)


def _autocorrelation(torsions: list[np.ndarray]) -> np.ndarray:
    """Pooled over trajectories [T, K], up to half of the longest: float64 [lags, K]."""
    longest = max(len(x) for x in torsions)
    return pooled_autocorrelation(torsions, min(MAX_LAGS, max(2, longest // 2)))
