"""Runs from a model's weights without a YAML: settings by what the data hold, the YAML that is kept, both stages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from eginterpolator.data.store import write_store
from eginterpolator.errors import InputError
from eginterpolator.models.choice import has_time
from eginterpolator.models.registry import load_model
from eginterpolator.training.run import make_denoiser, train
from eginterpolator.training.tuning import Found, tuning_run
from tests.builders.networks import CHIRAL
from tests.builders.records import record, written
from tests.builders.training import BOTH, changed, loss, weights

pytestmark = pytest.mark.filterwarnings("ignore")
PLAIN = ("precision=fp32", "accelerator=cpu")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tuning") / "mine.h5"
    written(path, BOTH)
    return path


def test_what_the_data_hold_decides_on_the_settings(store, tiny_folder, tmp_path):
    found = Found.of([str(store)], axes=False)
    assert (found.molecules, found.max_atoms) == (2, 9) and found.frames > 1
    run = tuning_run(str(tiny_folder), [store], tmp_path / "out", overrides=("max_steps=40", *PLAIN))
    kept = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    assert kept["start"] == str(tiny_folder) and kept["model"]["class"] == "BasicES" and "structure" not in kept
    assert kept["data"]["max_atoms"] == 12 and kept["data"]["batch_size"] == 128  # the model's limit, 9 heavy atoms
    assert kept["data"]["validation_share"] == 0.0 and "memory" not in kept["process"]
    assert kept["optimiser"] == {"learning_rate": 3e-4, "warmup_steps": 4, "ema_decay": 0.9} and run.max_steps == 40


def test_a_run_of_structures_starts_from_the_weights_and_keeps_how_they_are_sampled(store, tiny_folder, tmp_path):
    run = tuning_run(
        str(tiny_folder), [store], tmp_path / "out", overrides=("max_steps=60", "data.batch_size=8", *PLAIN)
    )
    before = make_denoiser(run)
    inner = load_model(tiny_folder).denoiser.network.structure.state_dict()
    assert all(torch.equal(value, inner[key]) for key, value in before.network.state_dict().items())
    tuned = load_model(train(run))
    assert loss(run, tuned.denoiser) < loss(run, before)
    assert not has_time(tuned) and tuned.name == "tiny-cascaded-tuned"
    assert tuned.config["sampler"] == load_model(tiny_folder).config["sampler"] and tuned.config["window"] == 8
    limits = tuned.config["limits"]
    assert limits["max_heavy_atoms"] == 12 and limits["elements"] == ["C", "F", "N", "O"]
    assert limits["conditions"] == {"thermal": [300.0, 300.0], "minimum": [300.0, 300.0]}
    again = tuning_run(str(tiny_folder), [store], tmp_path / "out", minutes=99.0, overrides=PLAIN)
    assert again.max_steps == 60 and again.start == run.start  # the run that is there goes on
    with pytest.raises(InputError, match="holds a run from .*; choose another folder with --out"):
        tuning_run("qm9-obc2", [store], tmp_path / "out")


def test_the_temporal_stage_keeps_the_structure_network(store, tiny_folder, tmp_path):
    with write_store(tmp_path / "long.h5", {}) as stored:
        stored.add(replace(record(CHIRAL, "one", n_frames=8), frame_ps=2.6))
    few = ("max_steps=2", "data.batch_size=2", *PLAIN)
    run = tuning_run(str(tiny_folder), [tmp_path / "long.h5"], tmp_path / "out", "time", overrides=few)
    assert (run.data.strides, run.data.n_frames) == ((2,), 4)  # 5.2 ps of the model, and what 8 frames hold
    model = train(run)
    config = json.loads((model / "config.json").read_text())
    assert config["model"]["class"] == "CascadedInterpolator" and config["frame_ps"] == 5.2
    touched = changed(weights(tiny_folder), weights(model))
    assert touched and not any(key.startswith("structure.") for key in touched)
    with pytest.raises(InputError, match="The data have no trajectory of two frames of the model"):
        tuning_run(str(tiny_folder), [store], tmp_path / "none", "time")  # six frames of .4 ps


def test_minutes_become_steps(store, tiny_folder, tmp_path, monkeypatch):
    class Speed:
        seconds_a_step = 0.5

    monkeypatch.setattr("eginterpolator.training.tuning.plan", lambda config: Speed)
    run = tuning_run(str(tiny_folder), [store], tmp_path / "out", minutes=5.0)
    assert run.max_steps == 600 and run.optimiser.warmup_steps == 50
    assert run.optimiser.ema_decay == pytest.approx(1 - 1 / 60)


def test_what_cannot_be_tuned_is_said_and_leaves_nothing(store, tiny_folder, structures_folder, tmp_path):
    for match, arguments in (
        ("'length' is not a stage", (str(tiny_folder), [store], tmp_path / "a", "length")),
        ("--minutes is 0", (str(tiny_folder), [store], tmp_path / "a", "structure", 0.0)),
        ("Name what to train on with --data", (str(tiny_folder), [], tmp_path / "a")),
        ("has no temporal network to train", (str(structures_folder), [store], tmp_path / "a", "time")),
        ("There is no model 'nobody'", ("nobody", [store], tmp_path / "a")),
    ):
        with pytest.raises(InputError, match=match):
            tuning_run(*arguments)
    assert not (tmp_path / "a").exists()
