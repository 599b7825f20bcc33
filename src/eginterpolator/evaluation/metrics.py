"""The package's own metrics: each gives some fields of a `Comparison` (SPEC section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from eginterpolator.analysis.clocks import MEASURED_LAG, measured, pooled_times
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.validity import every_check, frame_checks, out_of_plane
from eginterpolator.evaluation.comparison import Judged, Reference
from eginterpolator.evaluation.distributions import RANGES, feature_wasserstein, jensen_shannon, outside_range
from eginterpolator.evaluation.kinetics import LAG_FRAMES, projection_jsd
from eginterpolator.evaluation.msm import TIMESCALE_LAGS, path_metrics
from eginterpolator.evaluation.slow_modes import (
    DENSITY_BINS,
    density_divergence,
    slowest_timescales,
    timescale_figures,
    vamp2,
)


def counts(reference: Reference, judged: Judged) -> dict[str, Any]:
    """How much was judged."""
    heavy = judged.observed.heavy
    return {
        "n_trajectories": len(heavy),
        "n_frames": sum(len(x) for x in heavy),
        "outside_range": outside_range(judged.observed.values),
    }


def distributions(reference: Reference, judged: Judged) -> dict[str, Any]:
    """Distances between the distributions of every bond length, angle and torsion."""
    ours = judged.observed.histograms()
    return {
        "jsd": {kind: jensen_shannon(ours[kind], reference.histograms[kind]) for kind in RANGES},
        "wasserstein": feature_wasserstein(judged.observed.values, reference.observed.values),
    }


def torsion_times(reference: Reference, judged: Judged) -> dict[str, Any]:
    """How long torsions remember, pooled over trajectories, beside the reference's.

    `generated_ps` and `reference_ps` [K] with intervals `generated_95` and `reference_95`, None where a torsion does
    not forget within `generated_bound_ps` or `reference_bound_ps`; `transitions` [K] of the reference and whether the
    torsion counts as `measured`; `ratio` [K], generated over reference, None where it is not measured, and `bounded`,
    whether the ratio is one that the true one exceeds.
    """
    theirs, frame_ps = reference.times, reference.frame_ps
    ours = pooled_times(judged.observed.torsions(), frame_ps)
    counted = measured(theirs, reference.transitions, frame_ps)
    bounded = ~np.isfinite(ours.ps)
    with np.errstate(invalid="ignore"):
        ratio = np.where(counted, np.where(bounded, ours.bound_ps, ours.ps) / theirs.ps, np.nan)
    found: dict[str, Any] = {"lag_ps": MEASURED_LAG * frame_ps}
    for name, times in (("generated", ours), ("reference", theirs)):
        found[f"{name}_ps"] = known(times.ps)
        found[f"{name}_95"] = known(np.stack([times.low, times.high], axis=1))
        found[f"{name}_bound_ps"] = times.bound_ps
    return {
        "torsion_times": [
            {
                **found,
                "transitions": reference.transitions.tolist(),
                "measured": counted.tolist(),
                "ratio": known(ratio),
                "bounded": (bounded & counted).tolist(),
            }
        ]
    }


def tica(reference: Reference, judged: Judged) -> dict[str, Any]:
    """Distances in the slowest and the two slowest components; None where the molecule is too rigid for them."""
    if reference.tica is None:
        return {"tica_0": None, "tica_01": None}
    projected = reference.tica.project(np.concatenate(judged.observed.angles_on_circle()))[:, :2]
    first, both = projection_jsd(projected, reference.projected)
    return {"tica_0": first, "tica_01": both}


def states(reference: Reference, judged: Judged) -> dict[str, Any]:
    """Metastable states: occupancies, implied timescales, and, of paths, whether MD takes them."""
    found: dict[str, Any] = {"msm": None, "timescales_ps": {}, "paths": None}
    if reference.states is None:
        return found
    values = judged.observed.angles_on_circle()
    found["msm"] = float(jensen_shannon(reference.states.occupancies(values), reference.occupancies))
    found["timescales_ps"] = {
        "lags_ps": [lag * reference.frame_ps for lag in TIMESCALE_LAGS],
        "generated": known(reference.states.timescales(values) * reference.frame_ps),
        "reference": known(reference.timescales * reference.frame_ps),
    }
    if judged.paths:
        visited = [reference.states.states(x) for x in values[: len(judged.observed.heavy)]]
        found["paths"] = path_metrics(reference.states.transitions, visited)
    return found


def slow_modes(reference: Reference, judged: Judged) -> dict[str, Any]:
    """Kinetics in TITO's terms, each with its lag and bins (`slow_modes`); None where the molecule is too rigid."""
    values = judged.observed.angles_on_circle()
    ours, theirs = vamp2(values) if reference.tica is not None else None, reference.vamp2
    gap = None if ours is None or theirs is None else ours - theirs
    figures = timescale_figures(slowest_timescales(values), reference.slowest)
    divergence = None
    if reference.tica is not None:
        divergence = density_divergence(reference.tica.project(np.concatenate(values)), reference.projected)
    return {
        "slow_modes": {
            "lag_ps": LAG_FRAMES * reference.frame_ps,
            "bins": DENSITY_BINS,
            "vamp2": {"generated": ours, "reference": theirs},
            "vamp2_gap": gap,
            "timescale_errors": figures["errors"],
            "timescale_error": figures["error"],
            "slowest_ratio": figures["slowest_ratio"],
            "slowest_within_factor_two": figures["slowest_within_factor_two"],
            "density_divergence": divergence,
        }
    }


def stereo(reference: Reference, judged: Judged) -> dict[str, Any]:
    """Share of frames with the molecule's stereo."""
    kept = np.concatenate([frame_stereo(reference.molecule, x) for x in judged.observed.heavy])
    return {"has_stereo": reference.molecule.has_stereo, "stereo_retention": float(kept.mean())}


def validity(reference: Reference, judged: Judged) -> dict[str, Any]:
    """Share of sound frames, by check, and how flat aromatic rings are."""
    molecule = reference.molecule
    each = [frame_checks(molecule, x, reference.mean_lengths, reference.mean_angles) for x in judged.frames]
    checks = {name: np.concatenate([c[name] for c in each]) for name in each[0]}
    planes = np.concatenate([out_of_plane(molecule, x) for x in judged.observed.heavy])
    both = {"generated": planes, "reference": reference.out_of_plane}
    return {
        "valid": float(every_check(checks).mean()),
        "checks": {name: float(passed.mean()) for name, passed in checks.items()},
        "out_of_plane": {name: float(x.mean()) for name, x in both.items() if x.size},
    }


def known(values: np.ndarray) -> list[Any]:
    """Nested lists in which None stands for what is not finite."""
    return [known(v) if isinstance(v, np.ndarray) else float(v) if np.isfinite(v) else None for v in values]
