"""Minima in lanes: those of OpenMM's minimiser, each whatever its neighbours do."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("openmm", reason="openmm is not installed; make test installs it")
pytest.importorskip("openff.toolkit", reason="openff is not installed; make test installs it")

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.engines.lanes import minimise as module
from eginterpolator.simulation.engines.lanes.minimise import minimise
from eginterpolator.simulation.engines.lanes.system import lane_system
from eginterpolator.simulation.refine import refiner
from tests.builders.lanes import MOLECULES, parametrised


@pytest.mark.parametrize("name", ["alcohol", "cation"])
def test_minima_are_those_of_openmm(name):
    system, starts = parametrised(name)
    found = minimise(lane_system(system), starts[:6])
    assert found.still.all() and found.positions.shape == (6, *starts.shape[1:])
    refine = refiner("sage", Molecule.from_smiles(MOLECULES[name]))
    theirs = np.array([refine(x)[1] for x in starts[:6]])
    np.testing.assert_allclose(found.potential_kj / 4.184, theirs, atol=0.02)
    again = minimise(lane_system(system), found.positions)
    np.testing.assert_allclose(again.potential_kj, found.potential_kj, atol=0.02)


def test_a_minimum_depends_on_no_thread_and_on_neighbours_by_rounding_only():
    system, starts = parametrised("alcohol")
    lanes = lane_system(system)
    many = minimise(lanes, np.concatenate([starts, starts[::-1]]), threads=2)
    one = minimise(lanes, np.concatenate([starts, starts[::-1]]), threads=1)
    assert many.positions.tobytes() == one.positions.tobytes()
    few = minimise(lanes, starts[3:5])
    np.testing.assert_allclose(many.potential_kj[3:5], few.potential_kj, atol=0.02)
    assert minimise(lanes, starts[:0]).positions.shape == (0, *starts.shape[1:])


def test_what_is_not_finite_or_on_its_way_is_in_no_minimum(monkeypatch):
    system, starts = parametrised("alcohol")
    broken = starts[:3].copy()
    broken[1] = np.nan
    assert minimise(lane_system(system), broken).still.tolist() == [True, False, True]
    monkeypatch.setattr(module, "MOST_STEPS", 500)
    monkeypatch.setattr(module, "COLD_STEPS", 1)
    assert not minimise(lane_system(system), starts[:2]).still.any()
