"""Cells of the tables; whole tables are in test_study.py."""

from __future__ import annotations

from eginterpolator.benchmark.tables import metric_cell


def test_cells_have_mean_median_and_interval_where_they_are_known():
    assert metric_cell("cov_r", {"mean": 0.5, "median": 0.25, "mean_95": (0.4, 0.6)}) == "50.0 / 25.0 (40.0–60.0)"
    assert metric_cell("angle", {"mean": 0.332}) == "0.332" and metric_cell("angle", None) == "–"
