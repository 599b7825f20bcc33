"""`egi benchmark` from simulation to tables, at its two scales."""

from __future__ import annotations

import json

import pytest

from eginterpolator.benchmark.config import load_study
from tests.builders.study import CONFIGS


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["qm9", "drugs"])
def test_the_tiny_study_from_simulation_to_tables(dataset, tmp_path, egi):
    result = egi("benchmark", dataset, "--scale", "tiny", "--out", tmp_path / "out", "-q")
    assert result.code == 0, result.err
    found = json.loads((tmp_path / "out" / "tables.json").read_text())["rows"]
    by_system = {row["system"]: row for row in found}
    systems = load_study(CONFIGS / f"{dataset}_tiny.yaml", "X").systems
    assert len(by_system) == len(systems) + 1 and not any(row["failures"] for row in found)
    oracle, model = by_system["MD oracle"]["metrics"], by_system["EGInterpolator, cascaded"]["metrics"]
    assert oracle["length"]["mean"] < model["length"]["mean"]


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["qm9", "drugs"])
def test_the_published_setting_is_built_and_takes_two_steps(dataset, tmp_path, egi):
    result = egi("benchmark", dataset, "--scale", "paper", "--dry-run", "--out", tmp_path / "out", "-q")
    assert result.code == 0, result.err
    page = (tmp_path / "out" / "tables.md").read_text()
    assert "DRY RUN" in page and "short MD" in page
