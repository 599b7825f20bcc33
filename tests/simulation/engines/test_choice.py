"""Which engine runs a molecule: the one that is named, or the fastest that can; with lanes: lanes/test_replicas.py."""

from __future__ import annotations

import logging

import pytest

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines import ENGINES
from eginterpolator.simulation.engines.choice import choose_engine
from eginterpolator.simulation.protocol import ImplicitProtocol
from tests.builders.networks import molecule


def test_the_one_that_is_named_is_taken_or_named_again():
    ethanol, protocol = molecule("CCO"), ImplicitProtocol()
    chosen = choose_engine("openmm", ethanol, protocol)
    assert (chosen.name, chosen.replaceable) == ("openmm", False) and chosen.engine is ENGINES["openmm"]
    with pytest.raises(InputError, match="'steam' is not"):
        choose_engine("steam", ethanol, protocol)


def test_a_platform_belongs_to_openmm():
    assert choose_engine("auto", molecule("CCO"), ImplicitProtocol(), platform="CPU").name == "openmm"


def test_what_lanes_cannot_run_is_openmms_with_the_reason_in_the_log(monkeypatch, caplog):
    lanes, protocol = ENGINES["lanes"], ImplicitProtocol()
    monkeypatch.setattr(lanes, "objection", lambda *given: "it is a test")
    with caplog.at_level(logging.INFO):
        assert choose_engine("auto", molecule("CCO"), protocol).name == "openmm"
    assert "since lanes cannot: it is a test" in caplog.text
    with pytest.raises(InputError, match="'lanes' cannot run it: it is a test; use the engine auto"):
        choose_engine("lanes", molecule("CCO"), protocol)
