"""Cells of the tables, and the published rows."""

from __future__ import annotations

from eginterpolator.benchmark.tables import metric_cell
from eginterpolator.evaluation.published import published_conformers, published_trajectories


def test_published_figures_and_cells():
    assert published_conformers("qm9", 0.5)["BasicES"]["cov_r"] == {"mean": 0.8038, "median": 0.8212}
    assert published_conformers("drugs", 0.75) == {} and published_trajectories("qm9", "forward") == {}
    figures = published_trajectories("drugs", "forward")
    assert figures["EGInterpolator"]["tica_01"] == {"mean": 0.650, "median": 0.644}
    assert "decorrelation" not in figures["GeoTDM"] and figures["EGInterpolator -N"]["angle"] == {"mean": 0.332}
    assert metric_cell("cov_r", {"mean": 0.5, "median": 0.25, "mean_95": (0.4, 0.6)}) == "50.0 / 25.0 (40.0–60.0)"
    assert metric_cell("angle", {"mean": 0.332}) == "0.332" and metric_cell("angle", None) == "–"
