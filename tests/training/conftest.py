"""A store, configs of both stages, and a structure model that was trained once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from eginterpolator.training.config import load_config
from eginterpolator.training.run import train
from tests.builders.networks import MODELS
from tests.builders.records import written
from tests.builders.training import BOTH


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Runs set their number of threads for the whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def stage_one(folder) -> Path:
    """Folder of a structure model that was trained for 150 steps."""
    return train(load_config(folder / "one.yaml", ["max_steps=150"]))
