"""The model of a molecule: the smallest that fits, a refusal, or the largest under protest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.models.choice import AUTO, Models
from eginterpolator.models.registry import list_models
from tests.builders.generation import LARGE
from tests.builders.networks import CHIRAL, molecule


def test_the_smallest_model_that_fits(two_models, tiny):
    small, large, chlorine = (two_models.choose(Molecule.from_smiles(s)) for s in ("CCO", LARGE, "CCCl"))
    assert [c.model.name for c in (small, large, chlorine)] == [tiny.name, "large", "large"]
    assert "3 heavy atoms of at most 12" in small.reason and "14 heavy atoms of at most 40" in large.reason
    assert not small.warnings and not large.warnings
    assert [model.name for model in two_models.used([molecule(CHIRAL)])] == [tiny.name]
    assert len(two_models.used([])) == 2


def test_what_fits_none_needs_force(two_models, tiny):
    boron = Molecule.from_smiles("CB(O)O")
    with pytest.raises(
        InputError, match=r"any shipped model \(not 'tiny-cascaded'.*contains B.*; not 'large'.*--force"
    ):
        two_models.choose(boron)
    assert two_models.choose_or_none(boron) is None
    forced = two_models.choose(boron, force=True)
    assert forced.model.name == "large" and "contains B" in forced.warnings[0]
    for smiles, message in (("C" * 13, "13 heavy atoms, more than the 12"), ("CCCl", "contains Cl.*C, N, O, F only")):
        outside = Molecule.from_smiles(smiles)
        with pytest.raises(InputError, match=message + r".*--force"):
            Models([tiny]).choose(outside)
        (warning,) = Models([tiny]).choose(outside, force=True).warnings
        assert "outside of the training data" in warning
    with pytest.raises(InputError, match="Xe, an element that no model knows"):
        two_models.choose(Molecule.from_smiles("[Xe]"), force=True)
    assert not Models([replace(tiny, config={})]).choose(Molecule.from_smiles("C" * 40)).warnings


def test_auto_loads_every_shipped_model():
    models = Models.load(AUTO)
    assert sorted(model.name for model in models.models) == list_models()
    assert models.choose(Molecule.from_smiles("CCO")).model.name == "qm9-obc2"
