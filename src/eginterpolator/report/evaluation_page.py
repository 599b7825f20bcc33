"""The page of an evaluation: headline table, worst features, free-energy maps, kinetics, both simulations in step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from eginterpolator.errors import InputError
from eginterpolator.evaluation.conformers import ConformerEvaluation
from eginterpolator.evaluation.published_protocol.folders import PublishedEvaluation
from eginterpolator.evaluation.trajectories import Evaluation
from eginterpolator.files.io import write_text
from eginterpolator.report.evaluation_payload import Rows, conformer_payload, trajectory_payload
from eginterpolator.report.page import render_template
from eginterpolator.report.published_payload import published_payload

_STYLES = ("style.css", "evaluation.css")
_SCRIPTS = ("viewer.js", "plots.js", "panels.js", "charts.js", "evaluation.js")


def write_evaluation_report(
    path: str | os.PathLike[str],
    evaluation: Evaluation | PublishedEvaluation | ConformerEvaluation,
    published: Mapping[Any, Any] | None = None,
    title: str = "Evaluation",
) -> None:
    """Write one self-contained HTML file that shows an evaluation, offline.

    Parameters
    ----------
    path : path
        The file to write, whole or not at all.
    evaluation : Evaluation, PublishedEvaluation or ConformerEvaluation
        The first made with `EvaluationConfig(curves=True)`.
    published : mapping, optional
        Figures of others to show beside, whose label names the source: label -> metric -> {mean, median}; for
        conformers one such mapping for each threshold (Å).
    title : str

    Raises
    ------
    InputError
        When nothing was judged and nothing failed, the curves are missing, or the viewer is not installed.
    """
    if isinstance(evaluation, ConformerEvaluation):
        data = conformer_payload(evaluation, published or {})
    elif isinstance(evaluation, PublishedEvaluation):
        data = published_payload(evaluation, published or {})
    else:
        if (evaluation.generated or evaluation.oracle) and not evaluation.curves:
            raise InputError("The page needs the curves of each molecule; evaluate with EvaluationConfig(curves=True).")
        rows: Rows = published or {}
        data = trajectory_payload(evaluation, rows)
    if not data["molecules"] and not data["failures"]:
        raise InputError("There is nothing to report: no molecule and no failure.")
    data["title"] = title
    write_text(path, render_template("evaluation.html.j2", title, data, _STYLES, _SCRIPTS))
