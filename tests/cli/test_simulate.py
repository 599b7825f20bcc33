"""`egi simulate`: a line a molecule, resume, and settings that make no run."""

from __future__ import annotations

import json

from tests.builders.cli import sentence
from tests.builders.simulation import needs_md


@needs_md
def test_a_simulation_says_its_speed_and_is_not_made_twice(egi, tmp_path):
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
