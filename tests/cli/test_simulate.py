"""`egi simulate`: a line a molecule, resume, and settings that make no run."""

from __future__ import annotations

import json

import pytest

from eginterpolator.simulation.engines import choice
from eginterpolator.simulation.engines.lanes import replicas
from tests.builders.cli import rows, sentence
from tests.builders.simulation import needs_md


@needs_md
def test_a_simulation_warns_its_speed_and_is_not_made_twice(egi, tmp_path):
    words = ("simulate", "CO", "--replicas", 1, "--ns", 0.002, "--save-ps", 0.4, "--out", "md", "-q")
    first = egi(*words)
    assert first.code == 0 and "CO: 1 x 5 frames of 0.4 ps" in first.out and "ns/day" in first.out
    assert "1 done; results in md" in first.out
    assert "already done" in egi(*words).out
    again = json.loads(egi(*words, "--json").out)
    assert again["skipped"] == ["CO"] and again["done"] == again["failures"] == []
    assert (tmp_path / "md" / "CO" / "trajectory_000.xtc").is_file()


@needs_md
def test_what_makes_no_run_is_said(egi):
    sentence(egi("simulate", "CO", "--ns", 0), "must both be positive")
    sentence(egi("simulate", "C("), "not a valid SMILES")
    sentence(egi("simulate", "CO", "--workers", 2, "--scheduler", "tcp://host:1"), "not both")


@needs_md
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--temperature", 0), "temperature_K = 0.0 makes no simulation; give a positive number."),
        (("--temperature", -300), "temperature_K = -300.0 makes no simulation"),
        (("--temperature", "nan"), "temperature_K = nan makes no simulation"),
        (("--friction", -1), "friction_per_ps = -1.0 makes no simulation; give a positive number."),
        (("--friction", 0), "friction_per_ps = 0.0 makes no simulation"),
        (("--exchange", "0:600"), "Temperatures from 0 to 600 K make no ladder"),
        (("--exchange", "300:nan"), "Temperatures from 300 to nan K make no ladder"),
        (("--exchange", "hot"), "'hot' is no range of temperatures"),
        (("--engine", "steam"), "'steam' is not a simulation engine"),
        (("--engine", "lanes", "--platform", 5), "'lanes' has no platform '5' here"),
        (("--engine", "lanes", "--protocol", "explicit"), "'lanes' cannot run it: it does not do the protocol"),
    ],
)
def test_physics_that_makes_no_run_is_one_sentence_before_anything_is_run(egi, tmp_path, words, message):
    result = egi("simulate", "CO", "--out", "md", *words)
    if "explicit" in words:  # of a molecule: it is listed
        assert result.code == 1 and message in result.out + result.err
    else:
        sentence(result, message)
    assert not (tmp_path / "md" / "CO").exists()


ALKANE = "C" * 133
"""401 atoms."""


@needs_md
def test_400_atoms_are_refused_by_lanes_and_the_others_go_on(egi, tmp_path):
    (tmp_path / "in.smi").write_text(f"{ALKANE} large\nCO methanol\n")
    run = ("simulate", "in.smi", "--ns", 0.002, "--save-ps", 0.4, "--out", "md", "--engine", "lanes")
    result = egi(*run)
    reason = "The engine 'lanes' cannot run it: 'large' has 401 atoms, more than 150; use the engine auto."
    assert result.code == 1 and f"failed: large: {reason}" in result.out + result.err and "Traceback" not in result.err
    (failure,) = rows(tmp_path / "md" / "failures.csv")
    assert (failure["name"], failure["reason"]) == ("large", reason)
    assert (tmp_path / "md" / "methanol" / "trajectory_015.xtc").is_file()
    exchanged = egi("simulate", "in.smi", "--ns", 0.002, "--save-ps", 0.4, "--out", "ladder", "--exchange", "300:600")
    assert exchanged.code == 1 and "'large' has 401 atoms, more than 150" in exchanged.out + exchanged.err
    assert (tmp_path / "ladder" / "methanol" / "exchange.npz").is_file()


@needs_md
def test_openmm_takes_what_is_too_large_for_lanes_and_it_is_said(egi, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(replicas, "MAX_ATOMS", 5)
    choice._warn.cache_clear()
    result = egi("simulate", "CO", "--ns", 0.002, "--save-ps", 0.4, "--replicas", 1, "--out", "md")
    assert result.code == 0 and "on Reference" in result.out
    assert "CO: OpenMM takes it, since lanes cannot: 'CO' has 6 atoms, more than 5." in caplog.text
    assert json.loads((tmp_path / "md" / "CO" / "meta.json").read_text())["engine"] == "openmm"


@needs_md
def test_friction_and_export_are_options(egi, tmp_path):
    first = egi("simulate", "CO", "--friction", "water", "--replicas", 1, "--ns", 0.002, "--out", "md", "-q")
    meta = json.loads((tmp_path / "md" / "CO" / "meta.json").read_text())
    assert first.code == 0 and (meta["friction_per_ps"], meta["ensemble"], meta["temperature_K"]) == (
        20.0,
        "obc2",
        300.0,
    )
    out = egi("simulate", "CO", "--export", "openmm", "--charges", "gasteiger", "--force-field", "openff-2.1.0", "-q")
    meta = json.loads((tmp_path / "simulations" / "CO" / "meta.json").read_text())
    assert out.code == 0 and "CO: 6 atoms for openmm" in out.out and meta["export"] == "openmm"
    assert meta["protocol"]["charge_model"] == "gasteiger" and "2.1.0" in meta["protocol"]["force_field"]
    sentence(egi("simulate", "CO", "--friction", "slow"), "a number in 1/ps or 'water'")
    sentence(egi("simulate", "CO", "--protocol", "vacuum", "--friction", "water"), "is of implicit solvent")
    sentence(egi("simulate", "CO", "--box", "small"), "--protocol explicit")
    sentence(egi("simulate", "CO", "--export", "openmm", "--exchange", "300:400"), "one of them")
    sentence(egi("simulate", "CO", "--force-field", "amber"), "no force field 'amber'")
