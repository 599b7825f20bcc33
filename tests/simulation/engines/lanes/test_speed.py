"""The estimate of a run's time grows with atoms, length and blocks, and is none where lanes cannot run."""

from __future__ import annotations

import os

import pytest

from eginterpolator.simulation.engines.lanes import speed as module
from eginterpolator.simulation.engines.lanes.speed import PREPARE_SECONDS, estimated_seconds


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(module, "widths", lambda: (16, 8, 4))
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def test_the_estimate_is_that_of_the_formula(here):
    step = 1e-6 * (1.0 + 0.05 * 20 + 0.0175 * 400)
    assert estimated_seconds(20, 16, 4.0) == pytest.approx(PREPARE_SECONDS + step * 1e6)
    assert estimated_seconds(20, 32, 4.0) == estimated_seconds(20, 10, 4.0) == estimated_seconds(20, 16, 4.0)
    assert estimated_seconds(20, 33, 4.0) == pytest.approx(PREPARE_SECONDS + 2 * step * 1e6)


def test_where_lanes_cannot_run_there_is_no_estimate(here, monkeypatch):
    assert estimated_seconds(151, 16, 1.0) is None
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert estimated_seconds(20, 16, 1.0) is None
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    monkeypatch.setattr(module, "widths", lambda: ())
    assert estimated_seconds(20, 16, 1.0) is None
