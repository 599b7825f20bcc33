"""Runs of `egi` that are started again: what is finished stays as it is, whatever stopped the run before."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

from eginterpolator.files.inputs import read_inputs
from eginterpolator.models import registry
from eginterpolator.models.registry import load_model
from tests.builders.cli import GOOD, contents, rows, sentence


def test_what_is_finished_is_not_done_again_unless_asked(egi, tmp_path):
    (tmp_path / "good.smi").write_text(GOOD)
    run = ("generate", "good.smi", "--out", "out")
    assert egi(*run).code == 0
    before = contents(tmp_path / "out")
    assert "0 done, 4 finished before" in egi(*run, "--batch", 1).out and contents(tmp_path / "out") == before
    shutil.rmtree(tmp_path / "out" / "second")
    assert "1 done, 3 finished before" in egi(*run).out
    after = contents(tmp_path / "out")
    assert {name for name in before if before[name] != after[name]} == {f for f in before if f.startswith("second/")}
    assert len(rows(tmp_path / "out" / "summary.csv")) == 4
    sentence(egi(*run, "--seed", 2), "pass --overwrite")
    assert contents(tmp_path / "out") == after
    assert egi(*run, "--overwrite").out.startswith("4 done;")
    redone = contents(tmp_path / "out")
    assert all(redone[name][1] > before[name][1] for name in before)
    assert all(redone[name][0] == before[name][0] for name in before if not name.endswith("meta.json"))


def test_weights_trained_again_under_the_same_name_are_other_settings(egi, tmp_path, tiny_folder):
    shutil.copytree(tiny_folder, tmp_path / "model")
    assert egi("generate", "CCO", "--model", "model").code == 0
    model = load_model("model")
    next(model.denoiser.network.parameters()).data += 1.0
    registry.save_model("model", model.denoiser, model.config)
    sentence(egi("generate", "CCO", "--model", "model"), "other settings")


STUCK = """
import sys, time
from pathlib import Path
from eginterpolator import cli
from eginterpolator.files.trajectory import Trajectory
save = Trajectory.save
def stuck(self, path):
    save(self, path)
    if self.molecule.name == "third" and path.suffix == ".xtc":
        Path("stuck").touch()
        time.sleep(600)
Trajectory.save = stuck
cli.main()
"""


def test_a_run_that_was_killed_goes_on_where_it_was(egi, tmp_path, tiny_folder):
    (tmp_path / "good.smi").write_text(GOOD)
    run = ["generate", "good.smi", "--out", "out", "--frames", "6", "--no-report", "--model", str(tiny_folder)]
    command = [sys.executable, "-c", STUCK, *run]
    with open(tmp_path / "log", "w") as log, subprocess.Popen(command, cwd=tmp_path, stderr=log) as process:
        try:
            until = time.monotonic() + 500
            while not (tmp_path / "stuck").exists() and process.poll() is None and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, (tmp_path / "log").read_text()
    assert (tmp_path / "stuck").exists()
    out = tmp_path / "out"
    before = contents(out)
    finished = {p.name for p in out.iterdir() if not p.name.startswith(".")}
    assert finished == {"first", "second"} and list(out.glob(".*/*/trajectory_000.xtc"))  # half of the third is there
    assert [m.name for m in read_inputs(str(out))[0]] == ["first", "second"]
    (out / ".summary.abc12345.csv").write_text("")
    assert "2 done, 2 finished before" in egi(*run).out
    after = contents(out)
    assert {name: after[name] for name in before} == before
    assert {p.name for p in out.iterdir()} == {"first", "second", "third", "fourth", "summary.csv", "failures.csv"}
    egi("generate", "good.smi", "--out", "whole")
    whole = contents(tmp_path / "whole")
    assert all(whole[name][0] == after[name][0] for name in after if name.endswith(".xtc"))
