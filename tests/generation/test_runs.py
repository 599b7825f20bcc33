"""Many molecules into a folder: each takes the model that fits, and a second run goes on."""

from __future__ import annotations

import csv
import json

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import Failure
from eginterpolator.generation.runs import run_generation
from eginterpolator.generation.tasks import GenerationConfig
from tests.builders.generation import LARGE


def test_a_mixed_list_takes_a_model_each_and_resumes(two_models, tiny, tmp_path):
    molecules = [Molecule.from_smiles(s, name=n) for s, n in (("CCO", "small"), (LARGE, "big"), ("CB(O)O", "neither"))]
    config = GenerationConfig(n_frames=3, steps=2, hydrogens=False)
    result = run_generation(two_models, molecules, tmp_path, config)
    assert result.done == ["small", "big"]
    (failure,) = result.failures
    assert isinstance(failure, Failure) and "any shipped model" in failure.reason
    meta = {name: json.loads((tmp_path / name / "meta.json").read_text()) for name in result.done}
    assert {name: m["model"] for name, m in meta.items()} == {"small": tiny.name, "big": "large"}
    assert "at most 40" in meta["big"]["model_choice"]
    with (tmp_path / "summary.csv").open() as file:
        assert [row["model"] for row in csv.DictReader(file)] == [tiny.name, "large"]
    again = run_generation(two_models, molecules, tmp_path, config)
    assert again.skipped == ["small", "big"] and not again.done
    # the same choice by name is the same result, another model is not
    run_generation(tiny, molecules[:1], tmp_path, config)
    with pytest.raises(InputError, match="other settings"):
        run_generation(two_models.models[1], molecules[:1], tmp_path, config)
