"""Starts in water: frames of OBC2 where lanes can, conformers elsewhere, and it is said which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import InputError
from eginterpolator.simulation.engines import ENGINES
from eginterpolator.simulation.engines.base import Replica, SimulationError
from eginterpolator.simulation.equilibrated import CONFORMERS, equilibrated_starts
from eginterpolator.simulation.protocol import ExplicitProtocol, ImplicitProtocol
from eginterpolator.simulation.starts import start_conformers
from tests.builders.networks import CHIRAL
from tests.builders.simulation import needs_md

WATER = ExplicitProtocol(obc2_start_ps=4.0, temperature_K=320.0)


def test_without_water_or_without_time_the_conformers_are_the_starts():
    molecule = Molecule.from_smiles("CCO")
    starts = np.ones((2, 9, 3))
    for protocol in (ImplicitProtocol(), replace(WATER, obc2_start_ps=0.0)):
        found, told = equilibrated_starts(molecule, starts, protocol, [1, 2])
        np.testing.assert_array_equal(found, starts)
        assert told == [CONFORMERS] * 2


def test_where_lanes_cannot_the_conformers_are_taken_and_it_is_said(monkeypatch, caplog):
    def missing(platform):
        raise InputError("no compiler")

    molecule, starts = Molecule.from_smiles("CCO"), np.ones((1, 9, 3))
    monkeypatch.setattr(ENGINES["lanes"], "check", missing)
    found, told = equilibrated_starts(molecule, starts, WATER, [1])
    np.testing.assert_array_equal(found, starts)
    assert told == [f"{CONFORMERS} (lanes cannot: no compiler)"] and "no compiler" in caplog.text


def test_a_replica_that_goes_wrong_keeps_its_conformer(monkeypatch):
    def replicas(molecule, protocol, starts, seeds, **settings):
        assert protocol.temperature_K == 320.0 and settings["ns"] == 0.004 and settings["save_ps"] == 4.0
        yield SimulationError("it broke")
        yield Replica(np.full((1, 9, 3), 7.0), 4.0, np.zeros(1), np.zeros(1), None, "lanes", 1.0, 1.0)

    lanes = ENGINES["lanes"]
    monkeypatch.setattr(lanes, "check", lambda platform: None)
    monkeypatch.setattr(lanes, "replicas", replicas)
    found, told = equilibrated_starts(Molecule.from_smiles("CCO"), np.ones((2, 9, 3)), WATER, [1, 2])
    assert (found[0] == 1).all() and (found[1] == 7).all()
    assert told == [f"{CONFORMERS} (it broke)", "after 4 ps in OBC2, lanes"]


@needs_md
def test_starts_have_moved_and_are_the_same_isomer():
    molecule = Molecule.from_smiles(CHIRAL)
    try:
        ENGINES["lanes"].check("auto")
    except InputError as error:
        pytest.skip(str(error))
    starts = start_conformers(molecule, 2, 1)
    found, told = equilibrated_starts(molecule, starts, WATER, [1, 2])
    again, _ = equilibrated_starts(molecule, starts, WATER, [1, 2])
    assert told == ["after 4 ps in OBC2, lanes"] * 2 and frame_stereo(molecule, found).all()
    assert np.abs(found - starts).max() > 0.1
    np.testing.assert_array_equal(found, again)
