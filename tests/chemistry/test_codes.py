"""Codes that networks get for what structures are samples of."""

from __future__ import annotations

import pytest

from eginterpolator.chemistry.codes import ENSEMBLES, KINDS, SAMPLES, ensemble_code, kind_code


def test_networks_are_told_the_solvent_and_a_census_simulation_or_minimum():
    assert {sample: ENSEMBLES[ensemble_code(sample)] for sample in SAMPLES} == {
        "minimum": "minimum", "vacuum": "vacuum", "obc2": "thermal", "tip3p": "tip3p", "thermal": "thermal",
    }  # fmt: skip
    assert [sample for sample in SAMPLES if KINDS[kind_code(sample)] == "minimum"] == ["minimum"]
    with pytest.raises(ValueError, match="'steam' is not one of minimum"):
        ensemble_code("steam")
