"""Judging trajectories and conformers of any origin, from arrays or folders (SPEC section 5). Imports no torch.

    from eginterpolator import Molecule, evaluation
    result = evaluation.compare(Molecule.from_smiles("CCCO"), [generated], [reference], frame_ps=5.2)

Arrays are [frames, atoms, 3] in Å with heavy atoms first. Every name is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Comparison": "comparison",
    "Reference": "comparison",
    "compare": "comparison",
    "Coverage": "conformers",
    "coverage": "conformers",
    "evaluate_conformer_folders": "conformers",
    "rmsd_matrix": "conformers",
    "bootstrap": "distributions",
    "feature_jsd": "distributions",
    "feature_values": "distributions",
    "feature_wasserstein": "distributions",
    "histograms": "distributions",
    "jensen_shannon": "distributions",
    "wasserstein": "distributions",
    "ForceField": "energy",
    "compare_energies": "energy",
    "gfn2_energies": "energy",
    "FeatureSet": "features",
    "angles": "features",
    "lengths": "features",
    "torsions": "features",
    "autocorrelation": "kinetics",
    "decorrelation_jsd": "kinetics",
    "decorrelation_times": "kinetics",
    "fit_tica": "kinetics",
    "projection_jsd": "kinetics",
    "tica_jsd": "kinetics",
    "torsion_features": "kinetics",
    "EvaluationConfig": "loading",
    "fit_msm": "msm",
    "fit_states": "msm",
    "implied_timescales": "msm",
    "path_metrics": "msm",
    "pcca": "msm",
    "numberings": "rmsd",
    "symmetric_rmsd": "rmsd",
    "frame_stereo": "stereo",
    "stereo_retention": "stereo",
    "Evaluation": "trajectories",
    "evaluate_folders": "trajectories",
    "summarise": "trajectories",
    "frame_checks": "validity",
    "frame_valid": "validity",
    "out_of_plane": "validity",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
