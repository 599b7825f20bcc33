"""The model of a molecule: the smallest that fits, a refusal, or the largest under protest."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import Failure
from eginterpolator.generation.runs import run_generation
from eginterpolator.generation.tasks import GenerationConfig
from eginterpolator.models.choice import AUTO, Models
from eginterpolator.models.registry import list_models
from tests.builders.networks import CHIRAL, molecule

LARGE = "CCCCCCCCCCCCCC"  # 14 heavy atoms, more than the 12 of the tiny model


@pytest.fixture
def both(tiny):
    """Two models, given the wrong way round: of up to 12 and of up to 40 heavy atoms."""
    limits = {"max_heavy_atoms": 40, "elements": ["C", "N", "O", "F", "S", "Cl"]}
    return Models([replace(tiny, name="large", config={**tiny.config, "limits": limits}), tiny])


def test_the_smallest_model_that_fits(both, tiny):
    small, large, chlorine = (both.choose(Molecule.from_smiles(s)) for s in ("CCO", LARGE, "CCCl"))
    assert [c.model.name for c in (small, large, chlorine)] == [tiny.name, "large", "large"]
    assert "3 heavy atoms of at most 12" in small.reason and "14 heavy atoms of at most 40" in large.reason
    assert not small.warnings and not large.warnings
    assert [model.name for model in both.used([molecule(CHIRAL)])] == [tiny.name]
    assert len(both.used([])) == 2


def test_what_fits_none_needs_force(both, tiny):
    boron = Molecule.from_smiles("CB(O)O")
    with pytest.raises(
        InputError, match=r"any shipped model \(not 'tiny-cascaded'.*contains B.*; not 'large'.*--force"
    ):
        both.choose(boron)
    assert both.choose_or_none(boron) is None
    forced = both.choose(boron, force=True)
    assert forced.model.name == "large" and "contains B" in forced.warnings[0]
    for smiles, message in (("C" * 13, "13 heavy atoms, more than the 12"), ("CCCl", "contains Cl.*C, N, O, F only")):
        outside = Molecule.from_smiles(smiles)
        with pytest.raises(InputError, match=message + r".*--force"):
            Models([tiny]).choose(outside)
        (warning,) = Models([tiny]).choose(outside, force=True).warnings
        assert "outside of the training data" in warning
    with pytest.raises(InputError, match="Xe, an element that no model knows"):
        both.choose(Molecule.from_smiles("[Xe]"), force=True)
    assert not Models([replace(tiny, config={})]).choose(Molecule.from_smiles("C" * 40)).warnings


def test_a_mixed_list_takes_a_model_each_and_resumes(both, tiny, tmp_path):
    molecules = [Molecule.from_smiles(s, name=n) for s, n in (("CCO", "small"), (LARGE, "big"), ("CB(O)O", "neither"))]
    config = GenerationConfig(n_frames=3, steps=2, hydrogens=False)
    result = run_generation(both, molecules, tmp_path, config)
    assert result.done == ["small", "big"]
    (failure,) = result.failures
    assert isinstance(failure, Failure) and "any shipped model" in failure.reason
    meta = {name: json.loads((tmp_path / name / "meta.json").read_text()) for name in result.done}
    assert {name: m["model"] for name, m in meta.items()} == {"small": tiny.name, "big": "large"}
    assert "at most 40" in meta["big"]["model_choice"]
    with (tmp_path / "summary.csv").open() as file:
        assert [row["model"] for row in csv.DictReader(file)] == [tiny.name, "large"]
    again = run_generation(both, molecules, tmp_path, config)
    assert again.skipped == ["small", "big"] and not again.done
    # the same choice by name is the same result, another model is not
    run_generation(tiny, molecules[:1], tmp_path, config)
    with pytest.raises(InputError, match="other settings"):
        run_generation(both.models[1], molecules[:1], tmp_path, config)


def test_auto_loads_every_shipped_model():
    models = Models.load(AUTO)
    assert sorted(model.name for model in models.models) == list_models()
    assert models.choose(Molecule.from_smiles("CCO")).model.name == "qm9-obc2"
