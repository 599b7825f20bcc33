"""Protocols are those of the specification, and refuse nonsense."""

from __future__ import annotations

import json

import pytest

from eginterpolator.errors import InputError
from eginterpolator.simulation.protocol import ExplicitProtocol, ImplicitProtocol, protocol_named


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


def test_vacuum_has_no_solvent_and_the_rest_of_implicit():
    vacuum, implicit = protocol_named("vacuum", friction_per_ps=5.0).to_dict(), ImplicitProtocol().to_dict()
    assert vacuum == {
        **{k: v for k, v in implicit.items() if "dielectric" not in k},
        "name": "vacuum",
        "friction_per_ps": 5.0,
    }
