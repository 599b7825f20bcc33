"""What a model was trained to make, and what it cannot be asked for."""

from __future__ import annotations

import pytest

from eginterpolator.errors import InputError
from eginterpolator.models.conditions import (
    check_temperature,
    conditions_text,
    holds_axes,
    known_conditions,
    solvent_named,
    trained_conditions,
    unmet_condition,
)

BROAD = {"limits": {"axes": True, "conditions": {"thermal": [250, 500], "tip3p": [300, 300], "minimum": [300, 300]}}}


def test_a_config_that_says_nothing_is_of_300_kelvin_in_implicit_water():
    assert known_conditions({}) == {"thermal": (300.0, 300.0), "minimum": (300.0, 300.0)}
    assert unmet_condition({}, "obc2", 300.0) is unmet_condition({}, "minimum", 77.0) is None
    assert unmet_condition({}, "thermal", 350.0) == "it was trained on implicit water at 300 K, not at 350 K"
    assert unmet_condition({}, "vacuum", 300.0) == "it was trained on implicit water and minima, not on vacuum"
    assert not holds_axes({}) and holds_axes(BROAD)


def test_temperatures_are_those_of_each_ensemble():
    assert unmet_condition(BROAD, "obc2", 499.0) is None
    assert "at 250 to 500 K, not at 520 K" in (unmet_condition(BROAD, "thermal", 520.0) or "")
    assert "explicit water at 300 K, not at 350 K" in (unmet_condition(BROAD, "tip3p", 350.0) or "")


def test_solvents_and_temperatures_are_words_and_numbers_of_a_user():
    assert [solvent_named(word) for word in ("water", "explicit", "none", "vacuum", "implicit")] == [
        "water", "water", "none", "none", "implicit",
    ]  # fmt: skip
    check_temperature(250.0)
    with pytest.raises(InputError, match="--temperature is 249 K; give one from 250 to 500 K"):
        check_temperature(249.0)
    assert conditions_text(BROAD) == "implicit water 250-500 K, explicit water 300 K, minima"


def test_what_the_network_is_not_told_is_not_claimed():
    seen = [("thermal", 250.0, 400.0), ("thermal", 300.0, 500.0), ("vacuum", 300.0, 300.0), ("minimum", 300.0, 300.0)]
    assert trained_conditions(seen, 4, True) == {
        "thermal": (250.0, 500.0), "vacuum": (300.0, 300.0), "minimum": (300.0, 300.0),
    }  # fmt: skip
    assert set(trained_conditions(seen, 2, True)) == {"thermal", "minimum"}
    with pytest.raises(InputError, match="from 250 to 500 K, and the network is not told which"):
        trained_conditions(seen, 4, False)
    assert trained_conditions(seen[2:], 2, False) == {"thermal": (300.0, 300.0), "minimum": (300.0, 300.0)}
