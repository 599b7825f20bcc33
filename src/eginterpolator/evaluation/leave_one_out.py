"""The oracle: every block of a reference's replicas in turn against the others (SPEC section 5, B)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.metrics import known
from eginterpolator.evaluation.msm import PathMetrics

BLOCKS = 4
"""Replicas are in that many blocks, or in one each where there are fewer than twice as many of them."""
MODES = ("vamp2_gap", "timescale_error", "slowest_ratio", "slowest_within_factor_two", "density_divergence")
"""Figures of `Comparison.slow_modes` that are one number a molecule."""


def blocks(n_replicas: int, size: int | None = None) -> list[list[int]]:
    """Numbers of the replicas of each block: `size` in each, by default a quarter of them; [] where nothing is left.

    Where the number does not divide, the first blocks have one more.
    """
    size = max(1, n_replicas // BLOCKS) if size is None else size
    if size < 1 or n_replicas <= size:
        return []
    return [part.tolist() for part in np.array_split(np.arange(n_replicas), n_replicas // size)]


def leave_one_out(
    reference: Reference,
    replicas: Sequence[np.ndarray],
    size: int | None = None,
    seed: int = 0,
    paths: bool = False,
) -> Comparison | None:
    """Every block of replicas [T, N, 3] judged against a reference that is made of the others, averaged by `averaged`.

    Parameters
    ----------
    reference : Reference
        Of all of the replicas.
    size : int, optional
        Replicas in each block, see `blocks`.

    Returns
    -------
    Comparison or None
        None where there are no two blocks.
    """
    found = []
    parts = blocks(len(replicas), size)
    for block in parts if len(parts) > 1 else []:
        others = [k for k in range(len(replicas)) if k not in block]
        rest = Reference.observed_as(
            reference.molecule, reference.features, reference.observed.take(others), reference.frame_ps, seed
        )
        found.append(rest.judge(reference.observed.take(block), [replicas[k] for k in block], paths))
    return averaged(found) if found else None


def averaged(comparisons: Sequence[Comparison]) -> Comparison:
    """One comparison of several of one molecule: means of what is known, every frame and every torsion time counted."""
    first = comparisons[0]
    frames = np.array([c.n_frames for c in comparisons], dtype=np.float64)

    def mean(values: Sequence[Any]) -> float | None:
        there = [value for value in values if value is not None]
        return float(np.mean(there)) if there else None

    def shares(values: Sequence[float]) -> float:
        return float(np.average(values, weights=frames))

    modes = {key: mean([c.slow_modes[key] for c in comparisons]) for key in MODES}
    folds: dict[str, list[Any]] = {
        **{kind: [mean(c.jsd[kind].tolist()) for c in comparisons] for kind in first.jsd},
        **{key: [getattr(c, key) for c in comparisons] for key in ("tica_0", "tica_01", "msm")},
        **{key: [c.slow_modes[key] for c in comparisons] for key in MODES},
    }
    paths = [c.paths for c in comparisons if c.paths is not None]
    names = {name for c in comparisons for name in c.others}
    return Comparison(
        jsd={kind: np.mean([c.jsd[kind] for c in comparisons], axis=0) for kind in first.jsd},
        wasserstein={kind: np.mean([c.wasserstein[kind] for c in comparisons], axis=0) for kind in first.wasserstein},
        torsion_times=[each for c in comparisons for each in c.torsion_times],
        slow_modes={
            **first.slow_modes,
            **modes,
            "vamp2": {
                side: mean([c.slow_modes["vamp2"][side] for c in comparisons]) for side in first.slow_modes["vamp2"]
            },
            "timescale_errors": [error for c in comparisons for error in c.slow_modes["timescale_errors"]],
        },
        tica_0=mean(folds["tica_0"]),
        tica_01=mean(folds["tica_01"]),
        msm=mean(folds["msm"]),
        has_stereo=first.has_stereo,
        stereo_retention=shares([c.stereo_retention for c in comparisons]),
        valid=shares([c.valid for c in comparisons]),
        checks={name: shares([c.checks[name] for c in comparisons]) for name in first.checks},
        out_of_plane={name: float(np.mean([c.out_of_plane[name] for c in comparisons])) for name in first.out_of_plane},
        timescales_ps=_timescales([c.timescales_ps for c in comparisons if c.timescales_ps]),
        outside_range={kind: sum(c.outside_range[kind] for c in comparisons) for kind in first.outside_range},
        n_trajectories=sum(c.n_trajectories for c in comparisons),
        n_frames=sum(c.n_frames for c in comparisons),
        notes=list(dict.fromkeys(note for c in comparisons for note in c.notes)),
        paths=_paths(paths) if paths else None,
        others={
            name: {
                key: float(np.mean([c.others[name][key] for c in comparisons if key in c.others.get(name, {})]))
                for key in sorted({key for c in comparisons for key in c.others.get(name, {})})
            }
            for name in sorted(names)
        },
        folds=folds,
    )


def _timescales(each: Sequence[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """Means of the timescales that are known, over comparisons."""
    if not each:
        return {}
    result: dict[str, list[Any]] = {"lags_ps": each[0]["lags_ps"]}
    for side in ("generated", "reference"):
        values = np.array([found[side] for found in each], dtype=np.float64)
        there = np.isfinite(values)
        count = there.sum(axis=0)
        total = np.where(there, values, 0.0).sum(axis=0)
        result[side] = known(np.where(count > 0, total / np.maximum(count, 1), np.nan))
    return result


def _paths(each: Sequence[PathMetrics]) -> PathMetrics:
    """Means over comparisons, pairs and paths of all."""
    values: dict[str, Any] = {}
    for field in fields(PathMetrics):
        there = [value for found in each if (value := getattr(found, field.name)) is not None]
        counted = field.name in ("pairs", "paths")
        values[field.name] = sum(there) if counted else float(np.mean(there)) if there else None
    return PathMetrics(**values)
