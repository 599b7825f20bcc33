"""A structure model from its training run into the package, and judged at lambda = 0 by the script for that."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import ship_model
import structure
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.models.choice import Models
from eginterpolator.models.registry import load_model
from eginterpolator.training.config import TrainConfig, build
from eginterpolator.training.run import train
from tests.builders.conformers import write_walks
from tests.builders.networks import CONDITIONS, MODELS
from tests.builders.records import written


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A structure model after two steps on a neutral molecule and an ion."""
    folder = tmp_path_factory.mktemp("run")
    written(folder / "two.h5", ["CCO", "CC[NH3+]"])
    settings = {
        "name": "one", "out": str(folder / "run"), "model": {**MODELS["structure"], **CONDITIONS},
        "process": {"class": "Preconditioned"}, "max_steps": 2, "precision": "fp32", "compile": False,
        "data": {"sources": [{"stores": [str(folder / "two.h5")]}], "batch_size": 2, "validation_share": 0.0},
        "accelerator": "cpu", "threads": 1,
    }  # fmt: skip
    return train(build(TrainConfig, settings, ""))


@pytest.mark.filterwarnings("ignore")
def test_a_trained_structure_model_ships_as_the_default(trained, tmp_path, monkeypatch, capsys, tiny):
    (tmp_path / "card.md").write_text("# A card\n")
    words = [str(trained), "--name", "organic", "--sampler", "ddim:3", "--card", str(tmp_path / "card.md")]
    words += ["--default", "structures", "--count", "--largest", "60", "--out", str(tmp_path / "shipped")]
    (trained / "census.json").unlink()
    monkeypatch.setattr(sys, "argv", [ship_model.__file__, *words])
    ship_model.main()
    told = capsys.readouterr().out
    assert "organic: " in told and "up to 60 heavy atoms" in told and "net charge +1: 1" in told
    shipped = load_model(tmp_path / "shipped" / "organic")
    assert shipped.census is not None and shipped.census.molecules == [2, 0]
    assert shipped.config["default_for"] == ["structures"] and shipped.config["sampler"]["steps"] == 3
    ion = Molecule.from_smiles("CC[NH3+]").heavy_mol
    assert not [text for text in shipped.census.coverage(ion).sentences if "never seen" in text]
    both = Models([tiny, shipped])
    assert both.choose(Molecule.from_smiles("CCO")).model is tiny
    assert both.under("thermal", 300.0, independent=True).choose(Molecule.from_smiles("CCO")).model is shipped


def test_a_structure_model_is_judged_beside_md_and_another(tmp_path, tiny_folder, structures_folder, monkeypatch):
    for name, smiles in (("a", "CCCO"), ("b", "CC(C)CCl")):
        write_walks(tmp_path / "md" / name, smiles, 4, 40, 5.2)
    words = [str(tmp_path / "md"), "--models", str(structures_folder), str(tiny_folder), "--frames", "8"]
    words += ["--cache", str(tmp_path / "cache"), "--results", str(tmp_path)]
    structure.main(words)
    (found,) = json.loads((tmp_path / "structure.json").read_text())["sets"].values()
    rows = found["rows"]
    assert rows[str(structures_folder)]["molecules"] == 2 and rows[str(tiny_folder)]["molecules"] == 1
    assert rows[structure.ORACLE]["angle"]["mean"] < rows[structure.FEW]["angle"]["mean"]
    assert rows[structure.FEW]["angle"]["mean"] < rows[str(structures_folder)]["angle"]["mean"]  # random weights
    difference = found["differences"][str(tiny_folder)]
    mine, other = (found["molecules"][str(folder)]["a"]["jsd"]["angle"] for folder in (structures_folder, tiny_folder))
    assert difference["molecules"] == 1
    assert difference["angle"]["mean"] == pytest.approx(sum(mine) / len(mine) - sum(other) / len(other))
    assert "b: " in found["lacks"][str(tiny_folder)][0] and "contains Cl" in found["lacks"][str(tiny_folder)][0]
    assert "not made by" in (tmp_path / "structure.md").read_text()

    def made_again(*arguments):
        raise InputError("made again")

    monkeypatch.setattr(structure, "generated", made_again)
    structure.main(words)
    (again,) = json.loads((tmp_path / "structure.json").read_text())["sets"].values()
    assert again["rows"] == rows


@pytest.mark.slow
def test_lanes_of_the_same_seconds_and_thermalised_frames_are_nearer_than_random_weights(tmp_path, structures_folder):
    write_walks(tmp_path / "md" / "a", "CCCO", 4, 40, 5.2)
    words = [
        str(tmp_path / "md"),
        "--models",
        str(structures_folder),
        "--frames",
        "8",
        "--thermalise",
        "0.1",
        "--lanes",
    ]
    structure.main([*words, "--results", str(tmp_path)])
    (found,) = json.loads((tmp_path / "structure.json").read_text())["sets"].values()
    assert {"lanes, same CPU seconds", f"{structures_folder}, 0.1 ps"} < set(found["rows"])
    assert found["rows"]["lanes, same CPU seconds"]["valid"] > found["rows"][str(structures_folder)]["valid"]
