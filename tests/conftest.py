"""A checkpoint folder with random weights, so that no test needs the shipped ones, and `egi` in this process."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # here and in child processes: sums in one order give the same bytes

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eginterpolator import cli
from eginterpolator.evaluation import msm
from eginterpolator.evaluation.trajectories import Evaluation, EvaluationConfig
from eginterpolator.models.choice import Models
from eginterpolator.models.registry import Model, load_model, save_model
from tests.builders.cli import Result
from tests.builders.conformers import FLEXIBLE
from tests.builders.evaluations import RIGID, judge
from tests.builders.networks import CONDITIONS, INTERPOLATORS, MODELS, WINDOW, network
from tests.builders.study import write_study

if "PYTEST_XDIST_WORKER" not in os.environ:  # workers share the folder of the process that started them
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


@pytest.fixture(autouse=True)
def random_weights_count(request, monkeypatch):
    """What models with random weights make is no molecule; it counts as good all the same, unless a test says so."""
    if {"tiny_folders", "tiny_folder", "tiny", "egi"}.intersection(request.fixturenames):
        for limit in ("ENOUGH_VALID", "ENOUGH_STEREO", "USABLE"):
            monkeypatch.setattr(f"eginterpolator.generation.quality.{limit}", 0.0)


@pytest.fixture(scope="session")
def structures_folder(tmp_path_factory) -> Path:
    """Folder of a model of structures only: up to 20 heavy atoms, chlorine too, 250 to 500 K, water and vacuum."""
    folder, made = tmp_path_factory.mktemp("models") / "structures", network("structure", **CONDITIONS)
    conditions = {"thermal": [250, 500], "vacuum": [250, 500], "tip3p": [300, 300], "minimum": [300, 300]}
    limits = {"max_heavy_atoms": 20, "elements": ["C", "Cl", "N", "O", "F"], "axes": True, "conditions": conditions}
    config = {"name": "tiny-structures", "model": {**MODELS["structure"], **CONDITIONS}, "frame_ps": None}
    settings = {"limits": limits, "sampler": {"name": "ddim", "steps": 3}, "process": made.process.config()}
    save_model(folder, made, {**config, **settings})
    return folder


@pytest.fixture
def tiny(tiny_folder) -> Model:
    return load_model(tiny_folder)


@pytest.fixture
def egi(tiny_folder, tmp_path, monkeypatch, capsys):
    """Run `egi` in this process, in an empty folder; `generate` and `conformers` with the tiny model, 6 frames, in the
    network's order."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        words = ["egi", *map(str, arguments)]
        if words[1] == "generate":
            words += ["--model", str(tiny_folder)] * ("--model" not in words) + ["--frames", "6"] * (
                "--frames" not in words
            )
            words += ["--clock", "network"] * ("--clock" not in words and "--frame-ps" not in words)
        if words[1] == "conformers" and "--model" not in words:
            words += ["--model", str(tiny_folder)]
        if words[1] in ("generate", "conformers"):
            words += ["--no-report"] * ("--report" not in words)
        monkeypatch.setattr(sys, "argv", words)
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return Result(int(stop.value.code or 0), out, err)

    return run


@pytest.fixture
def no_lanes(monkeypatch):
    """No clock can be measured here, so that `auto` is the network's."""
    monkeypatch.setattr("eginterpolator.generation.thermalise.lanes_are_here", lambda: False)


@pytest.fixture
def two_models(tiny):
    """Two models, given the wrong way round: of up to 12 and of up to 40 heavy atoms."""
    limits = {"max_heavy_atoms": 40, "elements": ["C", "N", "O", "F", "S", "Cl"]}
    return Models([replace(tiny, name="large", config={**tiny.config, "limits": limits}), tiny])


@pytest.fixture
def few_states(monkeypatch):
    """PCCA with 3 states."""
    monkeypatch.setattr(msm, "METASTABLE", 3)


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    """A flexible, a rigid and a lost molecule, with curves."""
    patch = pytest.MonkeyPatch()
    patch.setattr(msm, "METASTABLE", 3)
    found = Evaluation(EvaluationConfig(n_frames=60, curves=True))
    judge(found, "flexible", FLEXIBLE)
    judge(found, "rigid", RIGID)
    judge(found, "lost", "CCCO", generated=False)
    found.failures.append({"name": "lost", "reason": "nothing was generated <b>for</b> this molecule."})
    patch.undo()
    return found


@pytest.fixture(scope="session")
def study_file(tmp_path_factory) -> Path:
    """The config of a small study, its data beside it."""
    return write_study(tmp_path_factory.mktemp("benchmark"))


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a running Dask scheduler with two workers, which are threads of this process."""
    from distributed import LocalCluster

    from eginterpolator.jobs import cluster

    with cluster._settings():
        local = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
        )  # fmt: skip
    with local:
        yield local.scheduler_address
