"""A checkpoint folder with random weights, so that no test needs the shipped ones, and `egi` in this process."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # here and in child processes: sums in one order give the same bytes

import sys
import tempfile
from pathlib import Path

import pytest

from eginterpolator import cli
from eginterpolator.models.registry import Model, load_model, save_model
from tests.builders.cli import Result
from tests.builders.networks import INTERPOLATORS, MODELS, WINDOW, network

CACHE = tempfile.TemporaryDirectory(prefix="egi-tests-")
os.environ["XDG_CACHE_HOME"] = CACHE.name  # without the layers that the user has compiled


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory) -> dict[str, Path]:
    """Checkpoint folder of each kind of interpolator: windows of 8 frames, C, N, O and F, up to 12 heavy atoms."""
    folders = {kind: tmp_path_factory.mktemp("models") / kind for kind in INTERPOLATORS}
    for kind, folder in folders.items():
        denoiser = network(kind)
        config = {
            "name": f"tiny-{kind}",
            "model": MODELS[kind],
            "process": denoiser.process.config(),
            "frame_ps": 5.2,
            "window": WINDOW,
            "limits": {"max_heavy_atoms": 12, "elements": ["C", "N", "O", "F"]},
            "sampler": {"name": "stochastic", "steps": 3, "options": {"churn": 1.0}},
        }
        save_model(folder, denoiser, config)
    return folders


@pytest.fixture(scope="session")
def tiny_folder(tiny_folders) -> Path:
    return tiny_folders["cascaded"]


@pytest.fixture
def tiny(tiny_folder) -> Model:
    return load_model(tiny_folder)


@pytest.fixture
def egi(tiny_folder, tmp_path, monkeypatch, capsys):
    """Run `egi` in this process, in an empty folder; `generate` and `conformers` with the tiny model, 6 frames."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        words = ["egi", *map(str, arguments)]
        if words[1] == "generate":
            words += ["--model", str(tiny_folder)] * ("--model" not in words) + ["--frames", "6"] * (
                "--frames" not in words
            )
            words += ["--no-report"] * ("--report" not in words)
        if words[1] == "conformers" and "--model" not in words:
            words += ["--model", str(tiny_folder)]
        monkeypatch.setattr(sys, "argv", words)
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return Result(int(stop.value.code or 0), out, err)

    return run
