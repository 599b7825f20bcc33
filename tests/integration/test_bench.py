"""What benchmark scripts share, and that the index knows every script and every table."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import bench
import gpu_check
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from tests.builders.simulation import needs_md

ROOT = Path(bench.__file__).parent
SCRIPTS = sorted(path.stem for path in ROOT.glob("*.py") if path.stem != "bench")
INDEX = (ROOT / "README.md").read_text()


def test_the_index_names_every_script_and_every_table():
    named = set(re.findall(r"`([a-z_0-9]+)\.py`", INDEX)) - {"bench"}
    assert named == set(SCRIPTS)
    tables = {path.name for path in bench.RESULTS.glob("*.md")} | {"evaluation_speed.json"}
    assert {name for name in tables if f"`{name}`" not in INDEX} == set()


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_says_what_it_needs(script):
    done = subprocess.run([sys.executable, ROOT / f"{script}.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and f"usage: {script}.py" in done.stdout, done.stderr


def test_a_run_writes_what_made_it(tmp_path):
    run = bench.Run("python benchmarks/x.py")
    whole = run.write(tmp_path, "x", {**run.made_by, "rows": [1]}, "# X\n")
    assert json.loads((tmp_path / "x.json").read_text()) == whole
    assert list(whole) == ["command", "machine", "versions", "rows", "minutes"] and whole["command"] == run.command
    assert 0 <= whole["minutes"] < 5 and "torch" in whole["versions"] and whole["machine"] == run.machine
    assert (tmp_path / "x.md").read_text() == "# X\n"


def test_a_metric_fills_its_page(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- x:start -->\nold\n<!-- x:end -->\nbelow\n")
    options = bench.metric_parser("text").parse_args(["R", "--results", str(tmp_path), "--docs", str(page)])
    bench.Run("command").write_metrics(options, "x", {"rows": []}, "| new |")
    assert page.read_text() == "above\n<!-- x:start -->\n| new |\n<!-- x:end -->\nbelow\n"
    assert (tmp_path / "x.md").read_text() == "| new |\n" == capsys.readouterr().out


def test_markdown():
    assert bench.table(["", "a"], [["row", "1"], ["", "2"]]) == "| | a |\n|---|---|\n| row | 1 |\n| | 2 |"
    value = {"mean": 0.1234, "mean_95": (0.1, 0.2)}
    assert bench.interval(value) == "0.123 (0.100 to 0.200)"
    assert bench.interval(value, "+.2f", "–") == "+0.12 (+0.10–+0.20)"
    assert bench.spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0 to 3.0)"
    assert bench.listed({"load_average": 1, "cores": 2}) == "load average 1, cores 2"


def test_how_a_script_ends(capsys):
    def fails() -> None:
        raise InputError("There is no reference.")

    assert bench.ended("benchmarks/x.py", lambda: None) == 0 and bench.ended("x.py", lambda: True) == 1
    assert bench.ended("benchmarks/x.py", fails) == 2 and capsys.readouterr().err == "x: There is no reference.\n"
    with pytest.raises(ZeroDivisionError):
        bench.ended("x.py", lambda: 1 // 0)


def test_without_a_gpu_its_check_says_so_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(gpu_check.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_check.py"])
    assert bench.ended("benchmarks/gpu_check.py", gpu_check.main) == 2
    told = capsys.readouterr()
    assert told.err == (
        "gpu_check: There is no GPU that PyTorch sees here, so nothing was checked; run this on a machine with one.\n"
    )


def test_the_check_of_a_gpu_compares_the_processor_with_itself_and_finds_other_weights(
    monkeypatch, capsys, tmp_path, tiny_folder
):
    monkeypatch.setattr(gpu_check, "LEVELS", (0.5, 4.0))
    words = ["gpu_check.py", "--device", "cpu", "--model", str(tiny_folder), "--results", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    assert gpu_check.main() == 0 and "Within what is allowed." in capsys.readouterr().out
    found = json.loads((tmp_path / "gpu_check_cpu.json").read_text())
    assert found["equality"]["fp32"] == 0 < found["equality"]["bf16"] < gpu_check.ALLOWED["bf16"]
    assert found["throughput"][0]["ms"] > 0 and found["sampling"]["frames"] == 2 * gpu_check.FRAMES
    loaded = gpu_check.load_model

    def changed(name, device=None):
        model = loaded(name)
        if device is not None:  # that of the device
            for weight in model.denoiser.parameters():
                weight.data *= 1.1
        return model

    monkeypatch.setattr(gpu_check, "load_model", changed)
    assert gpu_check.equality(str(tiny_folder), "cpu")["fp32"] > gpu_check.ALLOWED["fp32"]


def test_molecules_an_hour_are_those_of_cores_with_nothing_else_to_do():
    import molecules_an_hour

    good = {"atoms": 20, "starts_seconds": 0.5, "parametrisation_seconds": 0.25, "simulation_seconds": 0.25,
            "cpu_seconds": 1.0, "wall_seconds": 9.0, "platform": "16 lanes"}  # fmt: skip
    rows = [good, {**good, "cpu_seconds": 3.0, "simulation_seconds": 2.25}, {"name": "x", "failed": "no structure."}]
    found = molecules_an_hour.summary(rows, workers=2, wall=10.0)
    assert (found["molecules"], found["failed"], found["cpu_seconds"]) == (2, 1, 2.0)
    assert found["molecules_an_hour"] == 3600 and found["molecules_an_hour_and_core"] == 1800
    assert found["parametrisation_share"] == 0.125 and found["molecules_an_hour_by_the_clock"] == 720


@needs_md
def test_the_time_of_a_molecule_is_told_by_part(tmp_path):
    import molecules_an_hour

    config = replace(molecules_an_hour.SETTINGS["4 × 20 ps"], production_ps=1.0, equilibration_ps=0.4)
    row = molecules_an_hour.measured(Molecule.from_smiles("CCO", "ethanol"), config, tmp_path)
    parts = [row[f"{part}_seconds"] for part in (*molecules_an_hour.PARTS, "simulation")]
    assert all(part > 0 for part in parts) and sum(parts) == pytest.approx(row["cpu_seconds"])
    assert row["platform"].endswith("lanes") and (tmp_path / "ethanol" / "frames.npz").is_file()
    impossible = Molecule.from_smiles("C1C[C@H]2C[C@H]1O2", "impossible")
    assert "no 3D structure" in molecules_an_hour.measured(impossible, config, tmp_path)["failed"]
