"""The benchmark's logic, with a tiny random model and a made-up reference: no figure of it means anything."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

import trajectories
from eginterpolator.errors import InputError
from eginterpolator.files.folder import read_molecule_folder, write_molecule_folder
from eginterpolator.files.io import fill
from eginterpolator.files.trajectory import Trajectory
from tests.builders.conformers import FLEXIBLE, embedded, walk
from tests.builders.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> tuple[Path, Path]:
    """A model with random weights, and a reference of two molecules."""
    root = tmp_path_factory.mktemp("benchmark")
    model = write_tiny_model(root / "tiny")
    for name, smiles in (("chain", FLEXIBLE), ("stiff", "CCO")):
        molecule, _ = embedded(smiles)
        replicas = [Trajectory(molecule, walk(smiles, 120, k), 1.3) for k in range(3)]
        meta = {"smiles": molecule.smiles, "frame_ps": 1.3, "seconds": 4.68}
        write_molecule_folder(root / "data" / "reference" / name, molecule, replicas, meta)
    return model, root / "data" / "reference"


def arguments(inputs: tuple[Path, Path], folder: Path, *more: str) -> list[str]:
    model, reference = inputs
    fixed = ["--model", str(model), "--out", str(folder / "out"), "--results", str(folder / "results")]
    return [str(reference), *fixed, "--samples", "2", "--frames", "20", *more]


def test_benchmark_writes_table_and_numbers_and_resumes(inputs, tmp_path, capsys):
    call = arguments(inputs, tmp_path, "--strength", "1", "0")
    assert trajectories.main(call) == 0, capsys.readouterr().err
    result = json.loads((tmp_path / "results" / "qm9_trajectories.json").read_text())
    assert result["schema_version"] == 1 and [run["strength"] for run in result["runs"]] == [1.0, 0.0]
    first, second = (run["evaluation"] for run in result["runs"])
    assert first["generated"]["molecules"] == first["oracle"]["molecules"] == 2 and not second["oracle"]
    assert first["molecules"]["chain"]["generated"]["n_frames"] == 40
    assert first["generated"]["too_rigid_for_tica"] == ["stiff"] and first["protocol"] == "ours"
    assert set(first["differences"]) >= {"length", "angle", "torsion", "vamp2_gap"} and not second["differences"]
    assert result["runs"][0]["md_seconds_a_trajectory"]["chain"] == pytest.approx(0.104 * 4.68 / 0.468)
    assert result["reference"]["name"] == "data/reference" and len(result["model"]["weights_sha256"]) == 64
    page = (tmp_path / "results" / "qm9_trajectories.md").read_text()
    for text in (
        "λ = 1, 2 of 2 molecules",
        "λ = 0, 2 of 2",
        "MD oracle",
        "By our protocol",
        "λ = 1 minus MD oracle",
        "Kinetics at a lag of 10.4 ps, density in 50 × 50 bins",
    ):
        assert text in page
    for text in (page, json.dumps(result)):
        assert str(tmp_path) not in text and str(inputs[1]) not in text, "no path of this machine"
    assert "2604.03911" not in page, "published figures stand beside those of their own protocol alone"

    files = sorted((tmp_path / "out").rglob("*.xtc"))
    stamps = [path.stat().st_mtime_ns for path in files]
    assert len(files) == 8 and trajectories.main(call) == 0
    assert [path.stat().st_mtime_ns for path in files] == stamps, "nothing is generated twice"
    again = json.loads((tmp_path / "results" / "qm9_trajectories.json").read_text())
    assert again["runs"] == result["runs"]


def test_benchmark_names_what_is_wrong(inputs, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("no markers")
    with pytest.raises(InputError, match="markers"):
        fill(readme, "results", "x")
    assert trajectories.main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
    assert "no molecule folders" in capsys.readouterr().err


def test_forward_simulation_starts_from_the_held_out_replica(inputs, tmp_path, capsys):
    call = arguments(inputs, tmp_path, "--task", "forward", "--dataset", "drugs")
    assert trajectories.main(call) == 0, capsys.readouterr().err
    result = json.loads((tmp_path / "results" / "drugs_trajectories.json").read_text())
    (run,) = result["runs"]
    assert run["evaluation"]["generated"]["molecules"] == 2 and not run["failures"]
    for name in ("chain", "stiff"):
        _, replicas, _ = read_molecule_folder(inputs[1] / name)
        _, made, meta = read_molecule_folder(next((tmp_path / "out").glob(f"*/{name}")))
        assert meta["task"] == "forward" and len(made) == 2
        for trajectory in made:
            between = [pdist(x.heavy[0]) for x in (trajectory, replicas[-1])]
            np.testing.assert_allclose(*between, atol=0.02, err_msg="XTC keeps 0.01 Å")
    assert trajectories.main(call) == 0  # finished work is kept
