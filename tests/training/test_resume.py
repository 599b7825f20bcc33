"""Runs that stop: killed, told to stop, damaged, finished, and one at a time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from eginterpolator.errors import InputError
from eginterpolator.training.config import load_config
from eginterpolator.training.resume import checkpoint_step, folder_to_itself
from eginterpolator.training.run import train
from tests.builders.training import changed, weights

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
pytestmark = pytest.mark.filterwarnings("ignore")


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
