"""Figures of an evaluation."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from eginterpolator.errors import InputError
from eginterpolator.evaluation.trajectories import Evaluation, EvaluationConfig
from eginterpolator.report.evaluation_figures import write_figures
from eginterpolator.report.evaluation_page import write_evaluation_report


def test_nothing_and_no_curves_are_refused(evaluation, tmp_path):
    with pytest.raises(InputError, match="nothing to report"):
        write_evaluation_report(tmp_path / "r.html", Evaluation(EvaluationConfig()))
    bare = Evaluation(EvaluationConfig(), evaluation.generated)
    for write in (lambda: write_evaluation_report(tmp_path / "r.html", bare), lambda: write_figures(tmp_path, bare)):
        with pytest.raises(InputError, match="curves=True"):
            write()
    assert not list(tmp_path.iterdir())


def test_figures_are_written(evaluation, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    only = Evaluation(evaluation.config, evaluation.generated, evaluation.oracle, evaluation.smiles)
    only.curves = {"flexible": evaluation.curves["flexible"]}
    written = {path.name for path in write_figures(tmp_path / "f", only)}
    assert written == {"summary.png", "summary.svg", "flexible.png", "flexible.svg", "flexible_torsions.svg"}
    assert written == {path.name for path in (tmp_path / "f").iterdir()}
    assert (tmp_path / "f" / "flexible.png").read_bytes()[:4] == b"\x89PNG"
    for name in ("summary.svg", "flexible_torsions.svg"):
        ElementTree.parse(tmp_path / "f" / name)
