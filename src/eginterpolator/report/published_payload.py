"""What the page of an evaluation by the published protocol shows, as one JSON-ready dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eginterpolator.evaluation.basis import frames_text, oracle_label
from eginterpolator.evaluation.published_protocol.folders import PublishedEvaluation
from eginterpolator.evaluation.published_protocol.judge import PublishedComparison
from eginterpolator.evaluation.published_protocol.settings import FRAME_PS, ORACLE_WINDOWS, REPLICAS
from eginterpolator.report.evaluation_payload import Rows, headline

COLUMNS = {
    "length": "Bond length", "angle": "Bond angle", "torsion": "Torsion", "decorrelation": "Decorrelation",
    "tica_0": "TICA 0", "tica_01": "TICA 0,1", "msm": "MSM",
}  # fmt: skip


def published_payload(evaluation: PublishedEvaluation, published: Rows) -> dict[str, Any]:
    """Everything the page needs; `published` holds rows of figures of others, label -> metric -> {mean, median}."""
    protocol = evaluation.protocol
    summary = evaluation.to_dict()
    bases = list(evaluation.basis.values())
    held_out = oracle_label(bases)
    rows: dict[str, Mapping[str, Any]] = {}
    if evaluation.generated:
        rows[f"Generated, {len(evaluation.generated)} molecules"] = summary["generated"]
    if evaluation.oracle:
        rows[f"{held_out[:1].upper()}{held_out[1:]}, {len(evaluation.oracle)} molecules"] = summary["oracle"]
    used = [
        [f"Frames used, {name}", frames_text([getattr(each, name) for each in bases])]
        for name in ("reference", "oracle", "generated")
        if any(getattr(each, name) for each in bases)
    ]
    return {
        "kind": "published",
        "oracle": held_out,
        "headline": headline(COLUMNS, rows, published),
        "caption": (
            f"Protocol: {protocol.name}, not our own: these figures stand beside published ones and never in a column "
            "with ours. Jensen-Shannon distance to the reference simulation, mean / median over all molecules and "
            "features, below it the 95 % bootstrap interval of the mean over molecules; smaller is better."
        ),
        "facts": [
            ["Protocol", protocol.name],
            ["Frame spacing", f"{FRAME_PS:g} ps"],
            ["Reference", f"{protocol.windows} windows of {protocol.n_frames} frames of {REPLICAS - 1} replicas"],
            [held_out, f"{ORACLE_WINDOWS} windows of another replica"],
            ["Lags", f"TICA {protocol.tica_lag}, MSM {protocol.msm_lag} frames"],
            *used,
            ["Seed", str(evaluation.seed)],
        ],
        "notes": _notes(evaluation),
        "failures": evaluation.failures,
        "molecules": [
            {
                "name": name,
                "smiles": smiles,
                "values": {
                    f"{label}, {side}": _mean(comparison, metric)
                    for metric, label in COLUMNS.items()
                    for side, comparison in (
                        ("generated", evaluation.generated.get(name)),
                        ("held out", evaluation.oracle.get(name)),
                    )
                },
            }
            for name, smiles in evaluation.smiles.items()
        ],
    }


def _notes(evaluation: PublishedEvaluation) -> list[str]:
    """Each note once, with how many molecules it is about."""
    about: dict[str, set[str]] = {}
    for comparisons in (evaluation.generated, evaluation.oracle):
        for name, comparison in comparisons.items():
            for note in comparison.notes:
                about.setdefault(note, set()).add(name)
    return [f"{note} (in {len(names)} of {len(evaluation.smiles)} molecules)" for note, names in sorted(about.items())]


def _mean(comparison: PublishedComparison | None, metric: str) -> float | None:
    """A molecule's figure, the mean over its features; None where there is none."""
    if comparison is None:
        return None
    if metric not in comparison.jsd:
        value = getattr(comparison, metric)
        return None if value is None else float(value)
    known = comparison.jsd[metric][np.isfinite(comparison.jsd[metric])]
    return float(known.mean()) if len(known) else None
