"""Training runs, tiny and whole: both stages from YAML, variants, exact resume after a kill, logs, two processes."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from eginterpolator.data.splits import split_fraction
from eginterpolator.data.store import write_store
from eginterpolator.errors import InputError
from eginterpolator.files.io import sha256
from eginterpolator.models.denoiser import InterpolatorDenoiser
from eginterpolator.models.registry import load_model
from eginterpolator.training.config import DataConfig, SourceConfig, TrainConfig, load_config
from eginterpolator.training.module import DenoiserModule, OptimiserConfig
from eginterpolator.training.resume import checkpoint_step, folder_to_itself
from eginterpolator.training.run import TrainingData, make_denoiser, train
from tests.builders.networks import CHIRAL, MODELS, STRUCTURE, molecule, network
from tests.builders.records import record, written

pytestmark = pytest.mark.filterwarnings("ignore")
BOTH = ["CCO", CHIRAL]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Runs set their number of threads for the whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A store of two molecules and the configs of both stages."""
    path = tmp_path_factory.mktemp("training")
    written(path / "two.h5", BOTH)
    settings = {
        "process": {"class": "Preconditioned", "sigma_data": 1.5, "log_mean": 0.0, "log_std": 0.5},
        "data": {"sources": [{"stores": [str(path / "two.h5")]}], "batch_size": 8, "validation_share": 0.0},
        "optimiser": {"learning_rate": 1e-2, "warmup_steps": 5, "ema_decay": 0.9},
        "max_steps": 6,
        "precision": "fp32",
        "compile": False,
        "accelerator": "cpu",
        "threads": 1,
    }
    one = {"name": "one", "out": str(path / "one"), "model": MODELS["structure"], **settings}
    two = {"name": "two", "out": str(path / "two"), "structure": str(path / "one" / "model"), **settings}
    two["model"] = {key: value for key, value in MODELS["cascaded"].items() if key != "structure"}
    two["data"] = {**settings["data"], "batch_size": 3, "n_frames": 3, "strides": [2], "conditioning": [0.4, 0.3, 0.3]}
    for stage in (one, two):
        (path / f"{stage['name']}.yaml").write_text(yaml.safe_dump(stage))
    return path


@pytest.fixture(scope="module")
def stage_one(folder) -> Path:
    """Folder of a structure model that was trained for 150 steps."""
    return train(load_config(folder / "one.yaml", ["max_steps=150"]))


def weights(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "model.safetensors")


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {key for key, value in before.items() if not torch.equal(value, after[key])}


def loss(config: TrainConfig, denoiser, steps: range = range(9000, 9008)) -> float:
    """Loss on batches of the training molecules that training has not seen."""
    module = DenoiserModule(denoiser, config.optimiser, 1, config.align)
    batches = TrainingData(config.data, config.seed).training
    with torch.no_grad():
        values = [module.loss(denoiser, batches.batch(step))[0] for step in steps]
    return float(torch.cat(values).mean())


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
    assert config["limits"] == {"max_heavy_atoms": 9, "elements": ["C", "O"]}


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


def test_validation_weighs_every_range_of_noise_by_its_batches(monkeypatch):
    """A range without a frame in it is logged all the same, with weight 0: processes must agree on what is logged."""
    denoiser = network("structure")
    module = DenoiserModule(denoiser, OptimiserConfig(), 1, align=False)
    by_frame, sigma = torch.tensor([[1.0, 2.0], [4.0, 0.0]]), torch.tensor([[0.05, 1.0], [1.0, 0.0]])
    logged = {}
    monkeypatch.setattr(module, "loss", lambda *_: (by_frame, sigma))
    monkeypatch.setattr(module, "log", lambda name, value, **options: logged.update({name: (float(value), options)}))
    predicted = torch.tensor([[True, True], [True, False]])
    module.validation_step(type("Batch", (), {"predicted": predicted, "x0": torch.zeros(2)})(), 0)
    assert {name: (value, options["batch_size"]) for name, (value, options) in logged.items()} == {
        "val/loss": (pytest.approx(7 / 3), 2),
        "val/loss_0.0_0.1": (1.0, 2),
        "val/loss_0.1_0.5": (0.0, 0),
        "val/loss_0.5_2.0": (3.0, 2),
        "val/loss_2.0_inf": (0.0, 0),
    }


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


def test_structures_may_start_from_those_of_an_interpolator(folder, stage_one, tmp_path):
    both = train(load_config(folder / "two.yaml", [f"out={tmp_path}"]))
    config = load_config(folder / "one.yaml", [f"start={both}", "seed=5"])
    assert not changed(make_denoiser(config).network.state_dict(), weights(stage_one))


def test_weights_of_another_size_to_start_from_are_refused(folder, stage_one):
    with pytest.raises(InputError, match="another size"):
        make_denoiser(load_config(folder / "one.yaml", [f"start={stage_one}", "model.hidden=24"]))


KILLED = """
import io, os, signal, sys
import torch
from eginterpolator.training.config import load_config
from eginterpolator.training.run import train

save = torch.save

def torn(value, path):
    if value["global_step"] < 53:
        return save(value, path)
    buffer = io.BytesIO()
    save(value, buffer)
    with open(path, "wb") as stream:
        stream.write(buffer.getvalue()[: buffer.tell() // 2])
    os.kill(os.getpid(), signal.SIGKILL)

torch.save = torn
train(load_config(sys.argv[1], sys.argv[2:]))
"""


def test_a_run_that_was_killed_while_writing_a_checkpoint_goes_on_exactly(folder, stage_one, tmp_path):
    """Weights, averages, optimiser and schedule are those of a run in one go, and the log has every row."""
    configs = {}
    for name in ("whole", "killed"):
        overrides = ["max_steps=60", f"out={tmp_path / name}"]
        configs[name] = [str(folder / "two.yaml"), *overrides]
    (tmp_path / "killed.py").write_text(KILLED)
    command = [sys.executable, tmp_path / "killed.py", *configs["killed"], "checkpoint_minutes=0.0001"]
    child = subprocess.run(command, capture_output=True)
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    last = tmp_path / "killed" / "last.ckpt"
    assert 49 < torch.load(last, weights_only=True)["global_step"] < 53
    for name in ("killed", "whole"):
        train(load_config(configs[name][0], configs[name][1:]))
    whole, killed = (torch.load(tmp_path / name / "last.ckpt", weights_only=True) for name in ("whole", "killed"))
    assert whole["global_step"] == killed["global_step"] == 60
    assert not changed(whole["state_dict"], killed["state_dict"])
    assert any(key.startswith("ema.") for key in whole["state_dict"])
    assert whole["lr_schedulers"] == killed["lr_schedulers"]
    states = [checkpoint["optimizer_states"][0] for checkpoint in (whole, killed)]
    assert states[0]["param_groups"] == states[1]["param_groups"] and states[0]["state"]
    for index, state in states[0]["state"].items():
        assert not changed(state, states[1]["state"][index])
    assert not changed(weights(tmp_path / "whole" / "model"), weights(tmp_path / "killed" / "model"))
    rows = [(tmp_path / name / "csv" / "metrics.csv").read_text() for name in ("whole", "killed")]
    assert rows[0] == rows[1] and rows[0].count("\n") == 2  # the header and step 49, which came before the kill


def test_a_finished_run_is_not_trained_further(folder, stage_one):
    before = (stage_one / "model.safetensors").read_bytes()
    assert train(load_config(folder / "one.yaml", ["max_steps=150"])) == stage_one
    assert (stage_one / "model.safetensors").read_bytes() == before


def test_averages_and_learning_rate_follow_their_formulas():
    denoiser = network("structure")
    module = DenoiserModule(denoiser, OptimiserConfig(ema_decay=0.75, warmup_steps=4), 20, False)
    parameter, average = (next(d.network.parameters()) for d in (module.denoiser, module.averaged))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    expected = None
    for value in (1.0, 2.0, 5.0):
        parameter.grad = parameter.detach() - value  # the step of SGD leads to `value`
        module.optimizer_step(0, 0, optimiser, lambda: None)
        expected = value if expected is None else 0.75 * expected + 0.25 * value
        assert torch.allclose(average, torch.full_like(average, expected))
    schedule = module.configure_optimizers()["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(21):
        rates += schedule.get_last_lr()
        schedule.optimizer.step()
        schedule.step()
    wanted = [1e-3 * min(1, (k + 1) / 4) * (1 + math.cos(math.pi * k / 20)) / 2 for k in range(21)]
    assert rates == pytest.approx(wanted)


def test_the_aligned_loss_is_smaller(folder):
    config = load_config(folder / "one.yaml")
    denoiser = network("structure")
    torch.nn.init.zeros_(denoiser.network.read_vectors.weight)
    aligned = load_config(folder / "one.yaml", ["align=true"])
    assert loss(aligned, denoiser) < loss(config, denoiser)


@pytest.mark.parametrize(
    "override, message",
    [
        ("data.batchsize=3", r"'data.batchsize' is not a setting; known are batch_size, "),
        ("colour=red", "'colour' is not a setting"),
        ("optimiser={rate: 1}", "'optimiser.rate' is not a setting"),
        ("data.sources=[{store: a.h5}]", "'data.sources.store' is not a setting"),
        ("data.sources={stores: [a.h5]}", "'data.sources' must be a list, not"),
        ("data=5", "'data' must hold keys and values, not '5'"),
        ("max_steps=many", "'max_steps' must be a whole number, not 'many'"),
        ("max_steps=2.5", "'max_steps' must be a whole number, not '2.5'"),
        ("optimiser.learning_rate=fast", "'optimiser.learning_rate' must be a number, not 'fast'"),
        ("data.strides=4", "'data.strides' must be a list, not '4'"),
        ("data.sources.stores=1", "cannot be overridden"),
        ("max_steps", "'max_steps' is not an override; write key=value"),
        ("name=[", "not valid YAML"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(folder, override, message):
    with pytest.raises(InputError, match=message) as caught:
        load_config(folder / "one.yaml", [override])
    assert "\n" not in str(caught.value)


def test_numbers_are_read_as_they_are_meant(folder):
    config = load_config(folder / "one.yaml", ["optimiser.learning_rate=1e-4", "max_steps=2e3", "seed=7"])
    assert config.optimiser.learning_rate == 1e-4 and config.max_steps == 2000 and type(config.max_steps) is int
    assert config.seed == 7 and config.data.strides == (1,) and config.data.batch_size == 8


def test_files_that_are_no_config_are_named(tmp_path):
    with pytest.raises(InputError, match="no config"):
        load_config(tmp_path / "none.yaml")
    for content, message in (("a: [", "not valid YAML"), ("- a", "must hold keys"), ("name: x\nout: y", "'model'")):
        (tmp_path / "bad.yaml").write_text(content)
        with pytest.raises(InputError, match=message):
            load_config(tmp_path / "bad.yaml")


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
        ("two", ["structure=none"], "no model 'none'"),
        ("two", ["data.n_frames=50"], "has 99 frames, which windows of 50 frames 2 apart need"),
    ],
)
def test_a_run_that_cannot_start_says_why(folder, stage_one, tmp_path, stage, overrides, message):
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


@pytest.mark.parametrize("content", [b"", b"PK half a file"])
def test_a_damaged_checkpoint_is_named(folder, tmp_path, content):
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(InputError, match=r"last\.ckpt' is damaged"):
        train(load_config(folder / "one.yaml", [f"out={tmp_path}"]))


def test_a_folder_is_for_one_run_at_a_time(folder, tmp_path):
    config = load_config(folder / "one.yaml", [f"out={tmp_path}", "max_steps=1"])
    with folder_to_itself(tmp_path), pytest.raises(InputError, match="Another run is training into"):
        train(config)
    assert (train(config) / "model.safetensors").is_file()


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


@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_that_is_told_to_stop_leaves_a_checkpoint_of_its_last_step(folder, stage_one, tmp_path, devices):
    """The signal reaches one process only, in the middle of whatever the two of them are doing."""
    command = [Path(sys.executable).with_name("egi"), "train", folder / "two.yaml"]
    overrides = [f"devices={devices}", "max_steps=100000", f"out={tmp_path}"]
    metrics = tmp_path / "csv" / "metrics.csv"
    with subprocess.Popen([*command, *overrides], stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        try:
            while run.poll() is None and not (metrics.is_file() and len(metrics.read_text().splitlines()) > 2):
                time.sleep(0.2)
            run.send_signal(signal.SIGTERM)
            _, errors = run.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 128 + signal.SIGTERM, errors
    step = checkpoint_step(tmp_path / "last.ckpt")
    assert step > 50 and f"stopped by SIGTERM at step {step}" in errors


@pytest.mark.slow
def test_compiled_training_gives_the_weights_of_eager_training(folder, tmp_path):
    models = []
    for compiled in ("true", "false"):
        overrides = [f"compile={compiled}", "model.layers=1", "max_steps=3", f"out={tmp_path / compiled}"]
        models.append(weights(train(load_config(folder / "one.yaml", overrides))))
    for key, value in models[0].items():
        torch.testing.assert_close(value, models[1][key], rtol=1e-3, atol=1e-4)
