"""What the page of an evaluation shows, as one JSON-ready dictionary."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from rdkit.Chem import rdMolDescriptors

from eginterpolator.analysis.names import atom_label
from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.evaluation.basis import frames_text, oracle_label
from eginterpolator.evaluation.comparison import Comparison
from eginterpolator.evaluation.conformers import ConformerEvaluation
from eginterpolator.evaluation.curves import Curves
from eginterpolator.evaluation.distributions import RANGES
from eginterpolator.evaluation.kinetics import LAG_FRAMES
from eginterpolator.evaluation.slow_modes import DENSITY_BINS
from eginterpolator.evaluation.summary import torsion_times
from eginterpolator.evaluation.trajectories import Evaluation
from eginterpolator.report.geometry import principal_frame, superpose
from eginterpolator.report.payload import molblock
from eginterpolator.report.torsion_map import torsion_map

TRAJECTORY_COLUMNS = {
    "length": "Bond length", "angle": "Bond angle", "torsion": "Torsion", "tica_0": "TICA 0", "tica_01": "TICA 0,1",
    "msm": "MSM", "within_factor_two": "Torsion times within ×2", "median_ratio": "Torsion times / reference's",
    "vamp2_gap": "VAMP-2 gap", "timescale_error": "Error of timescales", "density_divergence": "TICA density, nats",
    "stereo_retention": "Stereo kept", "valid": "Valid frames",
}  # fmt: skip
CONFORMER_COLUMNS = {"cov_r": "COV-R", "mat_r": "MAT-R, Å", "cov_p": "COV-P", "mat_p": "MAT-P, Å"}
SCALES = {"length": (1.0, "Å", 3), "angle": (180 / math.pi, "°", 1), "torsion": (180 / math.pi, "°", 1)}
Rows = Mapping[str, Mapping[str, Any]]


def trajectory_payload(evaluation: Evaluation, published: Rows) -> dict[str, Any]:
    """Everything the page needs of an evaluation of trajectories.

    Parameters
    ----------
    evaluation : Evaluation
        Made with `EvaluationConfig(curves=True)`.
    published : mapping
        Rows of figures of others, label -> metric -> {mean, median}; the label names the source.
    """
    summary = evaluation.to_dict()
    bases = list(evaluation.basis.values())
    held_out = oracle_label(bases)
    rows: dict[str, Mapping[str, Any]] = {}
    if evaluation.generated:
        rows[f"Generated, {len(evaluation.generated)} molecules"] = flat(summary["generated"])
    if evaluation.oracle:
        rows[f"{held_out[:1].upper()}{held_out[1:]}, {len(evaluation.oracle)} molecules"] = flat(summary["oracle"])
    if summary["differences"]:
        rows["Generated minus it"] = {
            name: {**found, "verdict": True} for name, found in summary["differences"].items()
        }
    config = evaluation.config
    used = [
        [f"Frames used, {name}", frames_text([getattr(each, name) for each in bases])]
        for name in ("reference", "oracle", "generated")
        if any(getattr(each, name) for each in bases)
    ]
    kinetics = f"a lag of {LAG_FRAMES * config.frame_ps:g} ps, density in {DENSITY_BINS} x {DENSITY_BINS} bins"
    short = sorted({note for each in bases for note in each.shortness(config.n_frames)})
    return {
        "kind": "trajectories",
        "oracle": held_out,
        "headline": headline(TRAJECTORY_COLUMNS, rows, published),
        "caption": (
            "Our protocol. Jensen-Shannon distance to the reference simulation over all frames, mean / median over all "
            "molecules and features, below it the 95 % bootstrap interval of the mean over molecules; smaller is "
            f"better. Torsion times of measured torsions only, at {kinetics}. Stereo kept and valid frames are shares. "
            f"The {held_out} is every block of replicas in turn against the others. A metric is at the oracle where "
            "the interval of the difference holds zero."
        ),
        "facts": [
            ["Frame spacing", f"{config.frame_ps:g} ps"],
            ["Protocol", f"ours: every frame of every replica; VAMP-2, timescales and density at {kinetics}"],
            *used,
            *(["Note", note] for note in short),
            ["Seed", str(config.seed)],
        ],
        "failures": evaluation.failures,
        "molecules": [
            _molecule(name, curves, evaluation.generated.get(name), evaluation.oracle.get(name))
            for name, curves in evaluation.curves.items()
        ],
    }


def conformer_payload(evaluation: ConformerEvaluation, published: Mapping[float, Rows]) -> dict[str, Any]:
    """Everything the page needs of an evaluation of conformers; `published` holds rows at each threshold, Å."""
    rows = {f"{delta:g} Å: generated": evaluation.summary(delta) for delta in evaluation.deltas}
    others = {
        f"{delta:g} Å: {label}": row for delta in evaluation.deltas for label, row in published.get(delta, {}).items()
    }
    molecules = []
    for name, found in evaluation.matchings.items():
        each = {f"{delta:g}": found.coverage(delta) for delta in evaluation.deltas}
        molecules.append(
            {
                "name": name,
                "smiles": evaluation.smiles.get(name, ""),
                "n_reference": found.n_reference,
                "n_generated": len(found.precision),
                "values": {
                    **{f"COV-R {key}": value.cov_r for key, value in each.items()},
                    **{f"COV-P {key}": value.cov_p for key, value in each.items()},
                    "MAT-R": next(iter(each.values())).mat_r,
                    "MAT-P": next(iter(each.values())).mat_p,
                },
                "recall": np.sort(found.recall).round(4).tolist(),
                "precision": np.sort(found.precision).round(4).tolist(),
            }
        )
    return {
        "kind": "conformers",
        "headline": headline(CONFORMER_COLUMNS, rows, others),
        "caption": (
            "Coverage within the threshold (shares, larger is better) and matching (smallest RMSD, smaller is better), "
            "mean / median over molecules, below it the 95 % bootstrap interval of the mean. R is recall, over the "
            "reference; P is precision, over what was generated. A failed molecule counts with coverage 0. Rows of "
            "different thresholds are different protocols."
        ),
        "facts": [["Too many symmetric numberings", ", ".join(evaluation.capped)]] if evaluation.capped else [],
        "notes": evaluation.notes,
        "failures": evaluation.failures,
        "molecules": molecules,
        "deltas": list(evaluation.deltas),
    }


def flat(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A summary with its torsion times and slow modes among its metrics."""
    return {**summary, **summary.get("torsion_times", {}), **summary.get("slow_modes", {})}


def headline(columns: dict[str, str], own: Rows, published: Rows) -> dict[str, Any]:
    """The headline table: our `own` rows and `published` ones, label -> metric -> number or statistic."""
    cells = [("own", label, row) for label, row in own.items()]
    cells += [("published", label, row) for label, row in published.items()]
    return {
        "columns": list(columns.values()),
        "rows": [
            {"label": label, "kind": kind, "cells": [_cell(row.get(column)) for column in columns]}
            for kind, label, row in cells
        ],
    }


def _cell(value: Any) -> list[str]:
    """What a cell says, and the interval below it."""
    if value is None:
        return ["–", ""]
    if not isinstance(value, Mapping):
        return [f"{value:.4f}", ""]
    low, high = (_number(end) for end in value.get("mean_95") or ("", ""))
    if "verdict" in value:
        return [f"{value['mean']:+.3f}", f"{low} to {high}{', at the oracle' if value['at_oracle'] else ''}"]
    median = value.get("median")
    text = _number(value["mean"]) + ("" if median is None else f" / {median:.3f}")
    between = " to " if "-" in f"{low}{high}" else "–"
    return [text, f"{low}{between}{high}" if low else ""]


def _number(value: Any) -> str:
    """Three digits; what has no bound says so."""
    return value if isinstance(value, str) else "unbounded" if value is None else f"{value:.3f}"


def _molecule(name: str, curves: Curves, generated: Comparison | None, oracle: Comparison | None) -> dict[str, Any]:
    molecule = curves.molecule
    features = FeatureSet.of(molecule)
    shown = {"generated": generated, "oracle": oracle}
    judged = generated or oracle
    symbols = [atom.GetSymbol() for atom in molecule.rdmol.GetAtoms()]
    counts = {source: found["torsion"] for source, found in curves.histograms.items() if source != "oracle"}
    jsd = [float(v) for v in judged.jsd["torsion"]] if judged else [None] * len(features.torsions)
    return {
        "name": name,
        "smiles": molecule.smiles,
        "formula": rdMolDescriptors.CalcMolFormula(molecule.rdmol),
        "values": {source: _values(c) for source, c in shown.items() if c is not None},
        "notes": list(judged.notes) if judged else [],
        "features": _features(features, curves, shown, symbols),
        "tica": {source: grid.ravel().tolist() for source, grid in curves.tica.items()},
        "tica_range": np.round(curves.tica_range, 3).tolist(),
        "autocorrelations": _autocorrelations(features, curves, generated, symbols),
        "torsion_map": torsion_map(molecule, features.torsions, counts, jsd) if len(features.torsions) else "",
        "timescales": _timescales(generated or oracle),
        "staying": curves.staying,
        "energies": {source: c.energies for source, c in shown.items() if c is not None and c.energies},
        "checks": {source: c.checks for source, c in shown.items() if c is not None},
        "players": _players(curves),
    }


def _values(comparison: Comparison) -> dict[str, float | None]:
    result: dict[str, float | None] = {}
    for kind in ("length", "angle", "torsion"):
        values = comparison.jsd[kind]
        result[kind] = float(values.mean()) if len(values) else None
    within = torsion_times([comparison])["within_factor_two"]
    result["within_factor_two"] = within["mean"] if within else None
    for kind in ("vamp2_gap", "timescale_error", "density_divergence"):
        result[kind] = comparison.slow_modes[kind]
    for kind in ("tica_0", "tica_01", "msm", "valid"):
        result[kind] = getattr(comparison, kind)
    result["stereo_retention"] = comparison.stereo_retention if comparison.has_stereo else None
    return result


def _features(
    features: FeatureSet, curves: Curves, shown: Mapping[str, Comparison | None], symbols: list[str]
) -> list[dict[str, Any]]:
    """The worst and the median feature of each kind, by the JSD of what was generated (else of the oracle)."""
    result = []
    judged = shown["generated"] or shown["oracle"]
    for kind, atoms in (("length", features.bonds), ("angle", features.angles), ("torsion", features.torsions)):
        if judged is None or not len(atoms):
            continue
        order = np.argsort(judged.jsd[kind])
        scale, unit, digits = SCALES[kind]
        chosen = [("worst", int(order[-1]))]
        if len(order) > 1:
            chosen.append(("median", int(order[(len(order) - 1) // 2])))
        for rank, k in chosen:
            result.append(
                {
                    "kind": kind,
                    "rank": rank,
                    "label": atom_label(atoms[k], symbols),
                    "unit": unit,
                    "digits": digits,
                    "range": [scale * edge for edge in RANGES[kind]],
                    "jsd": {source: float(c.jsd[kind][k]) for source, c in shown.items() if c is not None},
                    "wasserstein": {s: float(c.wasserstein[kind][k]) for s, c in shown.items() if c is not None},
                    "counts": {source: found[kind][k].tolist() for source, found in curves.histograms.items()},
                }
            )
    return result


def _autocorrelations(
    features: FeatureSet, curves: Curves, generated: Comparison | None, symbols: list[str]
) -> dict[str, Any]:
    torsions = []
    for k, atoms in enumerate(features.torsions):
        found = {source: np.round(values[:, k], 3) for source, values in curves.autocorrelations.items()}
        times = None
        if generated is not None:
            pooled = generated.torsion_times[0]
            times = {side: [pooled[f"{side}_ps"][k], pooled[f"{side}_bound_ps"]] for side in ("generated", "reference")}
        torsions.append(
            {
                "label": atom_label(atoms, symbols),
                "curves": {s: v.tolist() for s, v in found.items() if np.isfinite(v).all()},
                "times_ps": times,
            }
        )
    return {"frame_ps": curves.frame_ps, "torsions": torsions}


def _timescales(comparison: Comparison | None) -> dict[str, Any]:
    return dict(comparison.timescales_ps) if comparison is not None else {}


def _players(curves: Curves) -> dict[str, Any]:
    """One trajectory of each side, superposed on the reference's first frame, packed as the other page does."""
    molecule = curves.molecule
    n_atoms = min(x.shape[1] for x in curves.frames.values())
    n_fit = molecule.n_heavy if molecule.n_heavy > 2 else n_atoms
    first = principal_frame(curves.frames["reference"][0, :n_atoms], n_fit)
    shown = {side: superpose(x[:, :n_atoms], first, n_fit) for side, x in curves.frames.items()}
    reach = np.concatenate([np.abs(x).max(axis=1) for x in shown.values()])
    step = max(0.001, math.ceil(float(max(np.abs(x).max() for x in shown.values())) / 32.0) / 1000)
    return {
        "frame_ps": curves.frame_ps,
        "atoms": n_atoms,
        "step": step,
        "extent": np.round(np.percentile(reach, 98, axis=0), 2).tolist(),
        "molblock": molblock(molecule, first),
        "sides": {
            side: {"frames": len(x), "xyz": base64.b64encode(np.round(x / step).astype("<i2").tobytes()).decode()}
            for side, x in shown.items()
        },
    }
