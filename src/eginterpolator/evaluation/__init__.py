"""Judging trajectories and conformers of any origin, from arrays or folders (SPEC section 5). Imports no torch.

    from eginterpolator import Molecule, evaluation
    result = evaluation.compare(Molecule.from_smiles("CCCO"), [generated], [reference], frame_ps=5.2)

Arrays are [frames, atoms, 3] in Å with heavy atoms first. Every name is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Comparison": "evaluation.comparison",
    "Reference": "evaluation.comparison",
    "compare": "evaluation.comparison",
    "Coverage": "evaluation.conformers",
    "coverage": "evaluation.conformers",
    "evaluate_conformer_folders": "evaluation.conformers",
    "rmsd_matrix": "evaluation.conformers",
    "survival": "analysis.clocks",
    "pooled_times": "analysis.clocks",
    "bootstrap": "evaluation.distributions",
    "feature_jsd": "evaluation.distributions",
    "feature_values": "evaluation.distributions",
    "feature_wasserstein": "evaluation.distributions",
    "histograms": "evaluation.distributions",
    "jensen_shannon": "evaluation.distributions",
    "wasserstein": "evaluation.distributions",
    "ForceField": "evaluation.energy",
    "compare_energies": "evaluation.energy",
    "gfn2_energies": "evaluation.energy",
    "FeatureSet": "chemistry.features",
    "angles": "chemistry.features",
    "lengths": "chemistry.features",
    "torsions": "chemistry.features",
    "autocorrelation": "chemistry.torsion_times",
    "decorrelation_jsd": "evaluation.kinetics",
    "decorrelation_times": "evaluation.kinetics",
    "fit_tica": "evaluation.kinetics",
    "projection_jsd": "evaluation.kinetics",
    "tica_jsd": "evaluation.kinetics",
    "torsion_features": "evaluation.kinetics",
    "EvaluationConfig": "evaluation.loading",
    "fit_msm": "evaluation.msm",
    "fit_states": "evaluation.msm",
    "implied_timescales": "evaluation.msm",
    "path_metrics": "evaluation.msm",
    "pcca": "evaluation.msm",
    "density_divergence": "evaluation.slow_modes",
    "vamp2": "evaluation.slow_modes",
    "leave_one_out": "evaluation.leave_one_out",
    "differences": "evaluation.summary",
    "PublishedEvaluation": "evaluation.published_protocol.folders",
    "evaluate_as_published": "evaluation.published_protocol.folders",
    "PublishedComparison": "evaluation.published_protocol.judge",
    "judge_as_published": "evaluation.published_protocol.judge",
    "published_torsions": "evaluation.published_protocol.torsion_list",
    "numberings": "chemistry.rmsd",
    "symmetric_rmsd": "chemistry.rmsd",
    "frame_stereo": "chemistry.stereo",
    "stereo_retention": "chemistry.stereo",
    "Evaluation": "evaluation.trajectories",
    "evaluate_folders": "evaluation.trajectories",
    "summarise": "evaluation.summary",
    "frame_checks": "chemistry.validity",
    "frame_valid": "chemistry.validity",
    "out_of_plane": "chemistry.validity",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"eginterpolator.{_HOMES[name]}"), name)
