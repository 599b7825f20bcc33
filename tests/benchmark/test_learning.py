"""Systems trained for some minutes: their updates, a second run where the loss still falls, and judged snapshots."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from eginterpolator.benchmark import training
from eginterpolator.benchmark.config import TrajectoryTask, load_study
from eginterpolator.benchmark.study import Study
from eginterpolator.errors import InputError
from tests.builders.study import write_study


@pytest.fixture(scope="module")
def study(tmp_path_factory, few_states):
    """Interpolator and structure model for so many minutes as make four updates; two snapshots."""
    root = tmp_path_factory.mktemp("learning")
    found = load_study(write_study(root))
    names = ("BasicES", "EGInterpolator")
    systems = tuple(replace(s, minutes=0.2) for s in found.systems if s.name in names)
    train = {
        **found.train,
        "snapshots": 2,
        "validate_every": 1,
        "data": {**found.train["data"], "validation_share": 0.7},
    }
    curve = TrajectoryTask(found.unconditional.reference, samples=1, n_frames=6, limit=1)
    return replace(
        found, systems=systems, train=train, conformers=None, forward=None, curve=curve, again_above=-10.0,
    )  # fmt: skip


def test_a_system_is_trained_for_its_minutes_and_again_where_its_loss_falls(study, tmp_path, monkeypatch):
    monkeypatch.setattr("eginterpolator.training.plan.plan", lambda config: SimpleNamespace(cpu_seconds_a_step=3.0))
    said: list[str] = []
    result = Study(study, tmp_path, said.append).run("egi benchmark")
    assert sum("still falls" in text for text in said) == 2  # it may rise tenfold and counts as falling
    (row,) = [row for row in result["rows"] if row["system"] == "EGInterpolator"]
    assert row["cost"]["updates"] == 8 and row["cost"]["samples_seen"] == 32
    state = json.loads((tmp_path / "systems" / "state.json").read_text())
    assert len(state) == 4 and {each["state"] for each in state.values()} == {"trained"}
    assert all(each["updates"] == each["of"] == 4 for each in state.values())
    curves = {curve["system"]: curve for curve in result["curves"]}
    judged = curves["EGInterpolator"]["judged"]
    assert [point["updates"] for point in judged] == [2, 4, 6, 8]
    assert all(0 <= point["torsion"] <= 1 and point["molecules"] == 1 for point in judged)
    minutes = [point["minutes"] for point in judged]
    assert minutes == sorted(minutes) and minutes[0] > 0
    assert [point["updates"] for point in curves["EGInterpolator"]["loss"]] == list(range(1, 9))
    page = (tmp_path / "tables.html").read_text()
    assert page.count("<svg") == 5 and "held-out loss" in page  # six frames have no decorrelation
    assert "## Learning curves" in (tmp_path / "tables.md").read_text()
    said.clear()
    again = Study(study, tmp_path, said.append).run("egi benchmark")
    assert again["rows"] == result["rows"] and not any("training" in text for text in said)


def test_minutes_are_part_of_what_weights_follow_from(study, tmp_path, monkeypatch):
    trainer = training.Trainer(study, tmp_path, print)
    config = training.train_config(study, study.systems[0], 0, tmp_path, None)
    assert trainer._key(config, None, 1.0) != trainer._key(config, None, 2.0) != trainer._key(config, None)
    assert trainer._key(config, None, 1.0) == trainer._key(replace(config, max_steps=77), None, 1.0)
    monkeypatch.setattr("eginterpolator.training.plan.plan", lambda config: SimpleNamespace(cpu_seconds_a_step=2.0))
    assert training.steps_for(config, 1.0, tmp_path / "run") == 30
    monkeypatch.setattr("eginterpolator.training.plan.plan", lambda config: SimpleNamespace(cpu_seconds_a_step=1.0))
    assert training.steps_for(config, 1.0, tmp_path / "run") == 30  # as it was begun


def test_minutes_are_for_systems_that_are_trained(study_file, tmp_path):
    text = study_file.read_text().replace("tool: etkdg}", "tool: etkdg, minutes: 3}", 1)
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(InputError, match="gives minutes, which are for systems that are trained"):
        load_study(tmp_path / "study.yaml")
