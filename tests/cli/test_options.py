"""Options that commands share: what they become, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from eginterpolator.cli.options import (
    Device,
    JobOptions,
    Precision,
    SamplingOptions,
    StereoMode,
    WorkerOptions,
    finish,
    parse_batch,
)
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import Failure
from eginterpolator.jobs.molecules import RunResult
from eginterpolator.jobs.tasks import Workers


def test_a_batch_is_a_number_or_auto():
    assert parse_batch("auto") is None and parse_batch("12") == 12
    for text in ("0", "-1", "many", "1.5", ""):
        with pytest.raises(InputError, match="'auto' or a positive number"):
            parse_batch(text)


def test_workers_are_processes_or_a_cluster(tmp_path):
    (tmp_path / "c.yaml").write_text("")
    assert WorkerOptions(threads=4).helpers() is None
    assert WorkerOptions(workers=2, threads=3).helpers() == Workers(count=2, threads=3)
    for scheduler in ("tcp://host:8786", str(tmp_path / "c.yaml")):
        assert WorkerOptions(scheduler=scheduler).helpers() == Workers(scheduler=scheduler)
    with pytest.raises(InputError, match="not both"):
        WorkerOptions(workers=2, scheduler="tcp://host:8786").helpers()
    with pytest.raises(InputError, match="a YAML file that exists"):
        WorkerOptions(scheduler="none.yaml").helpers()


def test_a_job_reads_its_molecules():
    ask, enumerate_all = JobOptions(), JobOptions(stereo=StereoMode.enumerate)
    assert [molecule.smiles for molecule in ask.read("CCO")[0]] == ["CCO"]
    with pytest.raises(InputError, match="isomer"):
        ask.read("CC(O)CN")
    assert len(enumerate_all.read("CC(O)CN")[0]) == 2


def test_options_of_sampling_become_settings():
    options = SamplingOptions(3, "ddim", False, Device.cpu, Precision.fp32, "7", True)
    config = options.config(n_frames=4, seed=5, strength=0.0)
    assert (config.steps, config.sampler, config.hydrogens, config.device) == (3, "ddim", False, "cpu")
    assert (config.precision, config.batch, config.n_frames, config.seed, config.strength) == ("fp32", 7, 4, 5, 0.0)
    with pytest.raises(InputError, match="--batch"):
        SamplingOptions(batch="many").config()


def test_a_run_ends_with_its_counts_and_its_exit_code(capsys):
    result = RunResult(Path("out"), ["a"], ["b", "c"], [Failure("d", "C(", "it is broken.")], [])
    with pytest.raises(typer.Exit) as stop:
        finish(result, as_json=False)
    out, err = capsys.readouterr()
    assert stop.value.exit_code == 1 and err == "failed: d: it is broken.\n"
    assert out.startswith("1 done, 2 finished before, 1 failed") and out.endswith("results in out\n")
    finish(RunResult(Path("out"), ["a"], [], [], []), as_json=True)
    assert json.loads(capsys.readouterr().out) == {"out": "out", "done": ["a"], "skipped": [], "failures": []}
