"""Protocols are those of the specification, and refuse nonsense."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions
from eginterpolator.simulation.protocol import (
    BOXES,
    WATER_FRICTION_PER_PS,
    ExplicitProtocol,
    ImplicitProtocol,
    protocol_named,
)


def test_protocols_are_those_of_the_specification() -> None:
    for protocol in (ImplicitProtocol(), ExplicitProtocol()):
        assert (protocol.temperature_K, protocol.friction_per_ps, protocol.timestep_fs) == (300.0, 1.0, 4.0)
        assert protocol.hydrogen_mass_amu == 1.5 and protocol.force_field == "openff-2.2.1.offxml"
    explicit = protocol_named("explicit").to_dict()
    wanted = dict(padding_nm=1.5, cutoff_nm=0.9, switch_nm=0.8, nvt_steps=5000, pressure_bar=1.0)
    assert {key: explicit[key] for key in wanted} == wanted
    assert json.loads(json.dumps(explicit)) == explicit


@pytest.mark.parametrize(
    "settings",
    [
        {"timestep_fs": -4.0},
        {"timestep_fs": 12.0},
        {"temperature_K": 0.0},
        {"temperature_K": float("nan")},
        {"hydrogen_mass_amu": 12.0},
        {"friction_per_ps": float("inf")},
    ],
)
def test_protocol_refuses_nonsense(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        ImplicitProtocol(**settings)


def test_explicit_protocol_refuses_impossible_boxes_and_names() -> None:
    with pytest.raises(InputError, match="switch_nm"):
        ExplicitProtocol(switch_nm=0.9)
    with pytest.raises(InputError, match="image"):
        ExplicitProtocol(padding_nm=0.5)
    with pytest.raises(InputError, match="implicit, vacuum, explicit"):
        protocol_named("plasma")


def test_waters_friction_is_one_number_and_of_implicit_solvent():
    water = ImplicitProtocol(friction="water", temperature_K=310.0)
    assert water == ImplicitProtocol(friction_per_ps=WATER_FRICTION_PER_PS, temperature_K=310.0)
    assert WATER_FRICTION_PER_PS == 20.0 == replace(water, temperature_K=300.0).friction_per_ps
    assert "friction" not in water.to_dict() and water.to_dict()["friction_per_ps"] == 20.0
    assert water.conditions == Conditions("obc2", 310.0, 20.0)
    with pytest.raises(InputError, match="'oil' is unknown; give 'water'"):
        ImplicitProtocol(friction="oil")


def test_boxes_have_room_for_the_cutoff():
    assert ExplicitProtocol().image_nm == 3.0 and ExplicitProtocol(**BOXES["published"]) == ExplicitProtocol()
    assert ExplicitProtocol(**BOXES["small"]).image_nm == 2.15
    with pytest.raises(InputError, match="'sphere' is not a box"):
        ExplicitProtocol(box="sphere")
    with pytest.raises(InputError, match="least_image_nm = 1.8"):
        ExplicitProtocol(box="dodecahedron", least_image_nm=1.8)
    with pytest.raises(InputError, match="least_image_nm"):
        ExplicitProtocol(least_image_nm=float("nan"))


def test_vacuum_has_no_solvent_and_the_rest_of_implicit():
    vacuum, implicit = protocol_named("vacuum", friction_per_ps=5.0).to_dict(), ImplicitProtocol().to_dict()
    assert vacuum == {
        **{k: v for k, v in implicit.items() if "dielectric" not in k},
        "name": "vacuum",
        "friction_per_ps": 5.0,
    }
