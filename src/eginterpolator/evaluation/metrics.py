"""The package's own metrics: each gives some fields of a `Comparison` (SPEC section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.validity import every_check, frame_checks, out_of_plane
from eginterpolator.evaluation.comparison import Judged, Reference
from eginterpolator.evaluation.distributions import RANGES, feature_wasserstein, jensen_shannon, outside_range
from eginterpolator.evaluation.kinetics import decorrelation_histograms, decorrelation_times, projection_jsd
from eginterpolator.evaluation.msm import TIMESCALE_LAGS, path_metrics


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


def decorrelation(reference: Reference, judged: Judged) -> dict[str, Any]:
    """Decorrelation times of torsions, and the distance of their distributions."""
    times = np.stack([decorrelation_times(x, reference.frame_ps) for x in judged.observed.torsions()])
    of_reference = reference.times_ps
    medians = {"generated": np.median(times, axis=0), "reference": np.median(of_reference, axis=0)}
    distance = jensen_shannon(decorrelation_histograms(times), decorrelation_histograms(of_reference))
    return {
        "jsd": {"decorrelation": distance},
        "decorrelation_ps": {name: known(values) for name, values in medians.items()},
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
        visited = [reference.states.states(x) for x in values]
        found["paths"] = path_metrics(reference.states.transitions, visited)
    return found


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
