"""Which engine runs a molecule: the one that is named, or the fastest that can; with lanes: lanes/test_replicas.py."""

from __future__ import annotations

import logging

import pytest

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines import ENGINES, openmm
from eginterpolator.simulation.engines.choice import _warn, choose_engine
from eginterpolator.simulation.protocol import BOXES, ExplicitProtocol, ImplicitProtocol
from tests.builders.networks import molecule


@pytest.fixture(autouse=True)
def nothing_said():
    _warn.cache_clear()


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


def test_why_openmm_runs_a_molecule_is_said_once_and_not_of_a_box(monkeypatch, caplog):
    lanes = ENGINES["lanes"]
    large = molecule("CCO")
    monkeypatch.setattr(lanes, "objection", lambda *given: "'ethanol' has 400 atoms, more than 150")
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert choose_engine("auto", large, ImplicitProtocol()).name == "openmm"
        choose_engine("auto", large, ExplicitProtocol())
    text = "OpenMM takes it, since lanes cannot: 'ethanol' has 400 atoms, more than 150."
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warned == [f"{large.name}: {text}"]
    told = [record.levelname for record in caplog.records if record.name.startswith("eginterpolator")]
    assert told == ["WARNING", "INFO"]


def test_a_machine_without_lanes_is_said_once_for_all_molecules(monkeypatch, caplog):
    def missing(platform):
        raise InputError("There is no compiler.")

    monkeypatch.setattr(ENGINES["lanes"], "check", missing)
    for smiles in ("CCO", "CO"):
        assert choose_engine("auto", molecule(smiles), ImplicitProtocol()).name == "openmm"
    assert [record.getMessage() for record in caplog.records] == [
        "OpenMM takes the molecules, since lanes cannot: There is no compiler."
    ]


def missing(platform):
    raise InputError("no gmx here")


def test_in_water_a_gpu_comes_first_then_gromacs_then_openmm_and_it_is_said(monkeypatch, caplog):
    ethanol, published = molecule("CCO"), ExplicitProtocol()
    small = ExplicitProtocol(**BOXES["small"])
    for name in ("gromacs", "openmm"):
        monkeypatch.setattr(ENGINES[name], "check", lambda platform: None)
    monkeypatch.setattr(openmm, "gpu_platform", lambda: "CUDA")
    with caplog.at_level(logging.INFO):
        assert choose_engine("auto", ethanol, published).name == "openmm" and "on CUDA" in caplog.text
        assert choose_engine("auto", ethanol, small).name == "gromacs"  # a box that OpenMM does not take
        monkeypatch.setattr(openmm, "gpu_platform", lambda: None)
        assert choose_engine("auto", ethanol, published).name == "gromacs" and "GROMACS takes it" in caplog.text
        monkeypatch.setattr(ENGINES["gromacs"], "check", missing)
        assert choose_engine("auto", ethanol, published).name == "openmm" and "no gmx here" in caplog.text
    with pytest.raises(
        InputError, match="No engine can run 'molecule' here. no gmx here. OpenMM takes no dodecahedron"
    ):
        choose_engine("auto", ethanol, small)
    with pytest.raises(InputError, match="'openmm' cannot run it: OpenMM takes no dodecahedron"):
        choose_engine("openmm", ethanol, small)
