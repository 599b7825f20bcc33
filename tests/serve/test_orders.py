"""What the browser asks for is checked before anything is done."""

from __future__ import annotations

import json

import pytest

from eginterpolator.errors import InputError
from eginterpolator.serve.limits import Limits
from eginterpolator.serve.orders import Order, read_order

MODELS = ("auto", "small")


def test_an_order_is_read_with_its_defaults():
    assert read_order({"smiles": " CCO "}, Limits(), MODELS) == Order("CCO")
    given = {
        "smiles": "CCO", "frames": 10, "samples": 2, "seed": 3, "model": "small", "strength": 0, "thermalise_ps": 0.5,
        "clock": "measured", "frame_ps": 20.8, "solvent": "none", "temperature_K": 350, "largest_fragment": True,
        "force": True,
    }  # fmt: skip
    assert read_order(given, Limits(), MODELS) == Order(**given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smiles": ""}, "no molecule"),
        ({"smiles": 7}, "no molecule"),
        ({"smiles": "C" * 601}, "601 characters"),
        ({"smiles": "CC\nO"}, "cannot be printed"),
        ({"frames": 0}, "'frames' must be a whole number"),
        ({"frames": 1.5}, "'frames' must be a whole number"),
        ({"frames": True}, "'frames' must be a whole number"),
        ({"frames": None}, "'frames' must be a whole number"),
        ({"samples": "3"}, "'samples' must be a whole number"),
        ({"frames": 10001, "samples": 2}, "at most 20000"),
        ({"seed": -1}, "'seed' must be a whole number"),
        ({"model": "../../etc"}, "no such model"),
        ({"model": ["auto"]}, "no such model"),
        ({"strength": 1.1}, "'lambda' must be a number from 0 to 1"),
        ({"strength": float("nan")}, "'lambda' must be a number"),
        ({"thermalise_ps": 2}, "'thermalise' must be a number from 0 to 1"),
        ({"clock": "sundial"}, "'clock' must be one of auto, measured, network"),
        ({"frame_ps": 0}, "'frame spacing' must be a number from 0.01"),
        ({"solvent": "ethanol"}, "'solvent' must be one of implicit, water, none"),
        ({"temperature_K": 1000}, "'temperature' must be a number from 250 to 500"),
        ({"temperature_K": None}, "'temperature' must be a number"),
        ({"force": 1}, "'force' must be true or false"),
        ({"out": "/"}, "'out' is nothing that can be set"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(given, said):
    with pytest.raises(InputError, match=said) as error:
        read_order({"smiles": "CCO", **given}, Limits(), MODELS)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("given", [None, [], "CCO", 3])
def test_json_of_another_kind_is_no_order(given):
    with pytest.raises(InputError, match="no molecule"):
        read_order(json.loads(json.dumps(given)), Limits(), MODELS)
