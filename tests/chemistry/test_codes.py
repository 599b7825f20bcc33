"""Codes that networks get for what structures are samples of."""

from __future__ import annotations

import pytest

from eginterpolator.chemistry.codes import ENSEMBLES, SAMPLES, ensemble_code


def test_networks_tell_minima_and_simulations_apart():
    assert {sample: ENSEMBLES[ensemble_code(sample)] for sample in SAMPLES} == {
        "minimum": "minimum", "vacuum": "thermal", "obc2": "thermal", "tip3p": "thermal", "thermal": "thermal",
    }  # fmt: skip
    with pytest.raises(ValueError, match="'steam' is not one of minimum"):
        ensemble_code("steam")
