"""`egi plan` and `--dry-run`."""

from __future__ import annotations

import json

from eginterpolator.cli.plan import duration
from tests.builders.cli import sentence


def test_a_plan_is_told_with_its_command(egi, tmp_path, monkeypatch):
    monkeypatch.setattr("eginterpolator.generation.plan.clock_is_here", lambda n_atoms: False)
    found = egi("plan", "CCO", "--frames", 50, "--no-pilot")
    assert found.code == 0 and "run: egi " in found.out and "since" in found.out
    told = json.loads(egi("plan", "CCO", "--frames", 50, "--frame-ps", "0.4", "--json").out)
    assert told[0]["smiles"] == "CCO" and told[0]["network"]["seconds"] is None
    assert "do not make 0.4 ps" in told[0]["network"]["why"]
    sentence(egi("plan", "CCO", "--solvent", "octanol"), "use water, implicit, none")
    assert not list(tmp_path.iterdir())


def test_a_dry_run_names_models_and_makes_nothing(egi, tmp_path):
    (tmp_path / "m.smi").write_text("CCO first\nOB(O)c1ccccc1 second\nC( third\n")
    found = egi("generate", "m.smi", "--dry-run", "--frames", 50)
    assert found.code == 1 and "first: " in found.out and "second: no model, would fail" in found.out
    assert "does not fit" in found.out and "1 molecules, about" in found.out and "failed: third" in found.err
    assert egi("generate", "CCO", "--dry-run").code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["m.smi"]


def test_times_are_said_as_a_person_says_them():
    assert [duration(s) for s in (5, 300, 7200, 400_000)] == ["5 s", "5 min", "2.0 h", "4.6 days"]
