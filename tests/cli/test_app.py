"""The command itself: tracebacks, interruptions, usage, help, and as it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eginterpolator import cli
from eginterpolator.cli.app import app
from eginterpolator.generation import runs
from tests.builders.cli import FIVE, Result, sentence

EGI = Path(sys.executable).with_name("egi")
LAZY = """
import sys, time
from eginterpolator import cli
sys.argv = ["egi", *sys.argv[1:]]
try:
    cli.main()
except SystemExit:
    pass
heavy = {"torch", "rdkit", "numpy", "scipy", "mdtraj", "lightning", "openmm", "jinja2", "h5py"} & set(sys.modules)
print("cpu", time.process_time(), "heavy", sorted(heavy), file=sys.stderr)
"""


def test_debug_shows_the_traceback(egi, tmp_path, monkeypatch):
    from eginterpolator.errors import InputError

    monkeypatch.setattr(sys, "argv", ["egi", "generate", "C(", "--debug"])
    with pytest.raises(InputError, match="not a valid SMILES"):
        cli.main()


def test_an_interruption_and_a_full_disk_are_one_sentence(egi, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    def full(*arguments):
        raise OSError(28, "No space left on device", "out/summary.csv")

    monkeypatch.setattr(runs, "run_generation", interrupted)
    sentence(egi("generate", "CCO"), "the same command goes on from there", 130)
    monkeypatch.setattr(runs, "run_generation", full)
    result = egi("generate", "CCO")
    assert (result.code, result.err) == (1, "egi: No space left on device: 'out/summary.csv'\n")


def test_usage_errors_are_typers(tmp_path):
    runner = CliRunner()
    for words in (["generate"], ["generate", "CCO", "--task", "x"], ["generate", "CCO", "--bogus"], ["nothing"]):
        result = runner.invoke(app, words)
        assert result.exit_code == 2 and "Traceback" not in result.output
    for command in ("generate", "conformers", "simulate", "train", "view", "data", "evaluate", "models"):
        result = runner.invoke(app, [command, "--help"])
        assert result.exit_code == 0 and "Usage" in result.output


@pytest.mark.parametrize("words", [["--help"], ["generate", "--help"], ["evaluate", "trajectories", "--help"]])
def test_help_imports_nothing_heavy_and_is_quick(words):
    result = subprocess.run([sys.executable, "-c", LAZY, *words], capture_output=True, text=True, check=True)
    _, cpu, _, heavy = result.stderr.strip().splitlines()[-1].split(maxsplit=3)
    assert "Usage" in result.stdout and heavy == "[]" and float(cpu) < 1.0


def test_the_installed_command(tmp_path, tiny_folder):
    (tmp_path / "five.smi").write_text(FIVE)
    shutil.copytree(tiny_folder, tmp_path / "truncated")
    weights = tmp_path / "truncated" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    common = ["--model", tiny_folder, "--frames", "6", "--no-report", "--out", "out"]

    def run(*words: object) -> Result:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run([EGI, *map(str, words)], cwd=tmp_path, capture_output=True, text=True, env=environment)
        return Result(done.returncode, done.stdout, done.stderr)

    sentence(run("generate", "C(", *common), "not a valid SMILES")
    sentence(run("generate", "CCO", *common[2:], "--model", "truncated"), "damaged or incomplete")
    result = run("generate", "five.smi", *common)
    assert result.code == 1 and "failed: third: " in result.err and "Traceback" not in result.err
    assert len(list((tmp_path / "out").glob("*/meta.json"))) == 4
