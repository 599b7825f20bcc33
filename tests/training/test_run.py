"""Training runs, tiny and whole: both stages from YAML, variants, logs, two processes."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from eginterpolator.chemistry.codes import ensemble_code
from eginterpolator.data.splits import split_fraction
from eginterpolator.data.store import write_store
from eginterpolator.errors import InputError
from eginterpolator.files.io import sha256
from eginterpolator.models.denoiser import InterpolatorDenoiser
from eginterpolator.models.registry import load_model
from eginterpolator.training.config import DataConfig, SourceConfig, load_config
from eginterpolator.training.run import TrainingData, make_denoiser, train
from tests.builders.networks import CHIRAL, MODELS, STRUCTURE, molecule
from tests.builders.records import record
from tests.builders.training import BOTH, changed, loss, weights

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_loss_falls_well_under_its_start(folder, stage_one):
    config = load_config(folder / "one.yaml")
    before, after = loss(config, make_denoiser(config)), loss(config, load_model(stage_one).denoiser)
    assert after < 0.55 * before


def test_the_exported_folder_is_the_averaged_model_with_its_provenance(folder, stage_one):
    checkpoint = torch.load(stage_one.parent / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 150
    state, exported = checkpoint["state_dict"], weights(stage_one)
    for key, value in exported.items():
        assert torch.equal(value, state[f"ema.module.network.{key}"])
    assert any(not torch.equal(value, state[f"denoiser.network.{key}"]) for key, value in exported.items())
    config = json.loads((stage_one / "config.json").read_text())
    assert config["model"] == MODELS["structure"] and config["process"]["sigma_data"] == 1.5
    trained = config["trained"]
    assert (trained["steps"], trained["samples"]) == (150, 1200) and config["frame_ps"] is None
    assert 0 < trained["cpu_seconds"] and 0 < trained["seconds"] < 600
    assert config["data_sha256"] == {str(folder / "two.h5"): sha256(folder / "two.h5")}
    assert config["training"]["max_steps"] == 150
    assert config["limits"] == {
        "max_heavy_atoms": 9, "elements": ["C", "O"], "axes": False, "conditions": {"thermal": [300.0, 300.0]},
    }  # fmt: skip


def test_logs_and_validation_on_held_out_molecules(folder, tmp_path):
    share = (split_fraction(molecule("CCO").smiles_flat) + split_fraction(molecule(CHIRAL).smiles_flat)) / 2
    overrides = [f"out={tmp_path}", "max_steps=60", "validate_every=30", "data.validation_batches=2"]
    config = load_config(folder / "one.yaml", [*overrides, f"data.validation_share={share}"])
    data = TrainingData(config.data, config.seed)
    keys = [
        {str(key) for source in part.sources for key in source.frames.keys} for part in (data.training, data.validation)
    ]
    assert {frozenset(k) for k in keys} == {frozenset([molecule(s).smiles_flat]) for s in BOTH}
    train(config)
    with open(tmp_path / "csv" / "metrics.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows if row["train/loss"]] == ["49"]
    validated = [row for row in rows if row["val/loss"]]
    assert len(validated) == 2 and all(math.isfinite(float(row["val/loss"])) for row in validated)
    assert {"val/loss_0.0_0.1", "val/loss_2.0_inf"} < rows[0].keys()
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))


@pytest.mark.parametrize("kind", ["cascaded", "blockwise"])
def test_stage_two_leaves_the_frozen_structure_model_as_it_was(folder, stage_one, tmp_path, kind):
    overrides = [f"out={tmp_path}"]
    if kind == "blockwise":
        overrides.append("model={class: BlockwiseInterpolator, heads: 2}")
    config = load_config(folder / "two.yaml", overrides)
    start = make_denoiser(config).network.state_dict()
    model = train(config)
    after, pretrained = weights(model), weights(stage_one)
    assert {key for key in after if key.startswith("structure.")} == {f"structure.{key}" for key in pretrained}
    assert all(torch.equal(after[f"structure.{key}"], value) for key, value in pretrained.items())
    moved = changed(start, after)
    assert moved and not any(key.startswith("structure.") for key in moved)
    loaded = load_model(model)
    assert isinstance(loaded.denoiser, InterpolatorDenoiser)
    assert loaded.config["frame_ps"] == pytest.approx(0.8) and loaded.config["model"]["structure"] == STRUCTURE


def test_a_batch_whose_noise_is_all_under_the_floor_of_its_memory_is_trained_on(folder, stage_one, tmp_path):
    memory = "process.memory={scale: 2.0, floor: 100.0}"
    train(load_config(folder / "two.yaml", [f"out={tmp_path}", memory, "max_steps=1"]))


def test_variant_f_starts_from_the_pretrained_layers_and_trains_them(folder, stage_one, tmp_path):
    config = load_config(folder / "two.yaml", ["freeze=false", f"out={tmp_path}"])
    start = make_denoiser(config).network.state_dict()
    pretrained = weights(stage_one)
    assert all(torch.equal(start[f"structure.{key}"], value) for key, value in pretrained.items())
    moved = changed(start, weights(train(config)))
    assert sum(key.startswith("structure.layers") for key in moved) > 10


def test_variant_n_starts_from_random_layers_and_trains_them(folder, stage_one, tmp_path):
    nothing = ["structure=null", f"model={json.dumps(MODELS['cascaded'])}", f"out={tmp_path}"]
    config = load_config(folder / "two.yaml", nothing)
    start = make_denoiser(config).network.state_dict()
    pretrained = weights(stage_one)
    assert any(not torch.equal(start[f"structure.{key}"], value) for key, value in pretrained.items())
    moved = changed(start, weights(train(config)))
    assert sum(key.startswith("structure.layers") for key in moved) > 10


def test_a_run_may_start_from_the_weights_of_another(folder, stage_one):
    config = load_config(folder / "one.yaml", [f"start={stage_one}", "seed=5"])
    assert not changed(make_denoiser(config).network.state_dict(), weights(stage_one))


def test_a_start_may_know_fewer_conditions_than_the_run(folder, stage_one):
    overrides = [f"start={stage_one}", "model.ensembles=4", "model.temperatures=true"]
    started = make_denoiser(load_config(folder / "one.yaml", overrides))
    assert started.told_conditions() == (4, True)
    for key, value in weights(stage_one).items():
        assert torch.equal(started.network.state_dict()[key][: len(value)], value)


def test_a_source_may_give_one_ensemble_of_its_stores(folder):
    codes = {ensemble_code("thermal"), ensemble_code("vacuum")}
    with write_store(folder / "mixed.h5", {}) as store:
        store.add(record("CCO", "a"))
        store.add(replace(record(CHIRAL, "b"), ensemble="vacuum"))
    mixed = SourceConfig((str(folder / "mixed.h5"),), 1.0)
    for chosen in (("vacuum",), ("thermal",), ("thermal", "vacuum"), ()):
        config = DataConfig(sources=(replace(mixed, ensembles=chosen),), batch_size=40, validation_share=0.0)
        found = set(TrainingData(config, 0).training.batch(0).graph.ensemble.tolist())
        assert found == ({ensemble_code(each) for each in chosen} or codes)


def test_structures_may_start_from_those_of_an_interpolator(folder, stage_one, tmp_path):
    both = train(load_config(folder / "two.yaml", [f"out={tmp_path}"]))
    config = load_config(folder / "one.yaml", [f"start={both}", "seed=5"])
    assert not changed(make_denoiser(config).network.state_dict(), weights(stage_one))


def test_weights_of_another_size_to_start_from_are_refused(folder, stage_one):
    with pytest.raises(InputError, match="another size"):
        make_denoiser(load_config(folder / "one.yaml", [f"start={stage_one}", "model.hidden=24"]))


@pytest.mark.parametrize(
    "stage, overrides, message",
    [
        ("one", ["model.class=Big"], "'Big' is not a model class"),
        ("one", ["model.colour=1"], "do not fit"),
        ("one", ["process.class=Cold"], "do not fit"),
        ("one", ["precision=fp8"], "'fp8' is not a precision"),
        ("one", ["data.validation_share=1"], "No molecule is left"),
        ("one", ["data.max_atoms=4"], "9 heavy atoms"),
        ("one", ["data.sources=[{weight: 1}]"], "names no store"),
        ("one", ["data.sources=[{stores: [two.h5], ensembles: [steam]}]"], "'steam' is not one of"),
        ("one", ["data.sources=[{stores: [two.h5], ensembles: [vacuum]}]"], "no frame of the ensembles vacuum"),
        ("two", ["structure=none"], "no model 'none'"),
        ("two", ["data.n_frames=50"], "has 99 frames, which windows of 50 frames 2 apart need"),
    ],
)
def test_a_run_that_cannot_start_says_why(folder, stage_one, tmp_path, monkeypatch, stage, overrides, message):
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=message):
        train(load_config(folder / f"{stage}.yaml", [*overrides, f"out={tmp_path}"]))


def test_trajectories_that_are_shorter_than_a_window_are_named(tmp_path, caplog):
    with write_store(tmp_path / "both.h5", {}) as store:
        store.add(record("CCO", "long", n_frames=9))
        store.add(record(CHIRAL, "short", n_frames=8))
    source = SourceConfig((str(tmp_path / "both.h5"),))
    data = TrainingData(DataConfig((source,), n_frames=3, strides=(4,), validation_share=0.0), seed=0)
    assert "1 simulated molecules" in caplog.text and "less than 9 frames" in caplog.text
    assert set(data.training.sources[0].frames.keys) == {"CCO"}


def test_the_structure_may_come_from_an_interpolator(folder, stage_one, tmp_path):
    first = train(load_config(folder / "two.yaml", [f"out={tmp_path / 'first'}"]))
    again = train(load_config(folder / "two.yaml", [f"structure={first}", f"out={tmp_path / 'again'}"]))
    pretrained = load_model(stage_one).denoiser.network.state_dict()
    model = load_model(again)
    assert model.config["model"]["structure"] == load_model(first).config["model"]["structure"]
    after = model.denoiser.network.structure.state_dict()
    assert all(torch.equal(after[key], value) for key, value in pretrained.items())


def test_structure_is_for_interpolators_only(folder, stage_one, tmp_path):
    with pytest.raises(InputError, match="starts from 'start'"):
        train(load_config(folder / "one.yaml", [f"structure={stage_one}", f"out={tmp_path}"]))


@pytest.mark.slow
def test_two_processes_train_together(folder, stage_one, tmp_path):
    """Batches of one molecule without and with a stereocentre: either process may lack gradients that the other has."""
    command = [Path(sys.executable).with_name("egi"), "train", folder / "two.yaml"]
    overrides = ["devices=2", "data.batch_size=1", "max_steps=8", "freeze=false", f"out={tmp_path}"]
    with subprocess.Popen([*command, *overrides], stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        try:
            _, errors = run.communicate(timeout=900)
        finally:
            with contextlib.suppress(ProcessLookupError):  # processes that wait for each other must not stay behind
                os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 0, errors
    model = load_model(tmp_path / "model")
    trained = model.config["trained"]
    assert (trained["steps"], trained["samples"]) == (8, 16) and trained["seconds"] > 0
    assert changed(weights(stage_one), model.denoiser.network.structure.state_dict())


@pytest.mark.slow
def test_compiled_training_gives_the_weights_of_eager_training(folder, tmp_path):
    models = []
    for compiled in ("true", "false"):
        overrides = [f"compile={compiled}", "model.layers=1", "max_steps=3", f"out={tmp_path / compiled}"]
        models.append(weights(train(load_config(folder / "one.yaml", overrides))))
    for key, value in models[0].items():
        torch.testing.assert_close(value, models[1][key], rtol=1e-3, atol=1e-4)
