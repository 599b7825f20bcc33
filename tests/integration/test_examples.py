"""The examples run, with a tiny random model in place of the shipped one and few frames."""

from __future__ import annotations

import json

import pytest

from eginterpolator.files.trajectory import NotebookView, Trajectory
from eginterpolator.models import choice
from eginterpolator.models.registry import load_model
from tests.builders import ROOT
from tests.builders.tiny_model import write_tiny_model

EXAMPLES = ROOT / "examples"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Run in an empty folder, the shipped models replaced."""
    folder = write_tiny_model(tmp_path / "tiny")
    monkeypatch.setattr(choice, "load_model", lambda name, device="cpu": load_model(folder, device))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def few_frames(source: str) -> str:
    assert "n_frames=500, seed=1" in source
    return source.replace("n_frames=500", "n_frames=12")


def test_quickstart_script(tiny, capsys):
    source = (EXAMPLES / "quickstart.py").read_text()
    exec(compile(few_frames(source), "quickstart.py", "exec"), {"__name__": "__main__"})
    assert "mdtraj: 12 frames of 21 atoms, 5.2 ps apart" in capsys.readouterr().out
    assert {path.name for path in (tiny / "quickstart").iterdir()} == {
        "trajectory.xtc", "trajectory.sdf", "trajectory.html",
    }  # fmt: skip


def test_quickstart_notebook(tiny):
    cells = json.loads((EXAMPLES / "quickstart.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), "no outputs are committed"
    names: dict = {}
    exec(few_frames(code[0]), names)
    assert isinstance(names["trajectory"], Trajectory)
    assert isinstance(eval(code[1], names), NotebookView)
    for source in code[2:]:
        exec(source, names)
    assert (tiny / "quickstart" / "trajectory.xtc").is_file()
