"""Expected seconds of simulations: by engine, solvent, size and length."""

from __future__ import annotations

import pytest

from eginterpolator.simulation import speed
from eginterpolator.simulation.speed import START_SECONDS, expected_simulation, simulation_seconds


@pytest.fixture
def with_lanes(monkeypatch):
    monkeypatch.setattr(speed, "estimated_seconds", lambda n, replicas, ns: 4.0 + replicas * ns if n < 100 else None)
    monkeypatch.setattr(speed, "find_spec", lambda name: object())
    monkeypatch.setattr(speed.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(speed.shutil, "which", lambda name: None)


def test_lanes_where_they_can_and_openmm_else(with_lanes):
    assert simulation_seconds("implicit", 30, 16, 2.0) == ("lanes", 36.0)
    engine, seconds = simulation_seconds("implicit", 200, 1, 1.0)
    assert engine == "openmm" and seconds == pytest.approx(4.0 + 250_000 * 200**2 / 8e6)
    engine, seconds = simulation_seconds("explicit", 30, 3, 1.0)
    assert engine == "openmm" and seconds == pytest.approx(4.0 + 2 * 250_000 / 80)


def test_gromacs_runs_water_where_there_is_one(with_lanes, monkeypatch):
    monkeypatch.setattr(speed.shutil, "which", lambda name: f"/usr/bin/{name}")
    engine, seconds = simulation_seconds("explicit", 30, 3, 1.0)
    assert engine == "gromacs" and seconds == pytest.approx(4.0 + 2 * 86400 / 130)
    assert expected_simulation("explicit", "openmm", 30, 1, 1.0)[0] == "openmm"
    assert simulation_seconds("implicit", 200, 1, 1.0)[0] == "openmm"


def test_the_start_of_the_process_is_left_out_of_each(with_lanes):
    assert expected_simulation("implicit", "auto", 30, None, 1.0) == ("lanes", 20.0 - START_SECONDS)
    assert expected_simulation("implicit", "openmm", 30, 5, 1.0)[0] == "openmm"
    assert expected_simulation("explicit", "auto", 30, None, 1.0)[1] == pytest.approx(1.0 + 3 * 250_000 / 80)


def test_nothing_is_told_without_the_packages(monkeypatch):
    monkeypatch.setattr(speed, "find_spec", lambda name: None)
    monkeypatch.setattr(speed, "estimated_seconds", lambda n, replicas, ns: None)
    assert simulation_seconds("implicit", 30, 1, 1.0) is None
