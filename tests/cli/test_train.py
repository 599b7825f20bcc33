"""`egi train`: a run from its YAML, settings on the command line, and what stops it."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.builders.cli import sentence
from tests.builders.networks import MODELS
from tests.builders.records import written


@pytest.mark.filterwarnings("ignore")
def test_a_run_ends_with_the_folder_of_its_weights(egi, tmp_path):
    written(tmp_path / "two.h5")
    settings = {
        "name": "one", "out": "runs", "model": MODELS["structure"], "process": {"class": "Preconditioned"},
        "data": {"sources": [{"stores": ["two.h5"]}], "batch_size": 2, "validation_share": 0.0},
        "max_steps": 9, "precision": "fp32", "compile": False, "accelerator": "cpu", "threads": 1,
    }  # fmt: skip
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(settings))
    dry = egi("train", "one.yaml", "--dry-run", "--quiet")
    assert dry.code == 0 and "9 steps" in dry.out and not (tmp_path / "runs").exists()
    result = egi("train", "one.yaml", "max_steps=2", "--quiet")
    assert result.code == 0 and result.out.splitlines()[-1] == "weights in runs/model"
    assert json.loads((tmp_path / "runs" / "model" / "config.json").read_text())["training"]["max_steps"] == 2
    assert egi("models", "show", "runs/model").code == 0
    sentence(egi("train", "one.yaml", "max_step=2"), "max_step")


@pytest.mark.filterwarnings("ignore")
def test_a_model_goes_on_with_ones_own_data_and_leaves_its_settings(egi, tmp_path, tiny_folder):
    written(tmp_path / "two.h5")
    asked = ("--from", tiny_folder, "--data", "two.h5", "max_steps=2", "precision=fp32", "data.batch_size=2", "--quiet")
    dry = egi("train", *asked, "--dry-run")
    assert dry.code == 0 and "class: BasicES" in dry.out and "out: tuned" in dry.out and "2 steps" in dry.out
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["two.h5", "two.h5.json"]
    made = egi("train", *asked, "--out", "mine")
    assert made.code == 0 and made.out.splitlines()[-1] == "weights in mine/model"
    assert "Nothing is rehearsed" in made.err and (tmp_path / "mine" / "config.yaml").is_file()
    assert egi("conformers", "CCO", "--num", 2, "--model", "mine/model").code == 0
    sentence(egi("train"), "Give a config to train by, or a model with --from")
    sentence(egi("train", "one.yaml", "--from", tiny_folder), "--from needs no config; leave 'one.yaml' away")
