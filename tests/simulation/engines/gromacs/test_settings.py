"""Settings: those of the specification, in the order of the stages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eginterpolator.simulation.engines.gromacs.settings import energy_steps, mdp, stages
from eginterpolator.simulation.protocol import BOXES, ExplicitProtocol

PROTOCOL = ExplicitProtocol(**BOXES["small"])


def values(text: str) -> dict[str, str]:
    return {key.strip(): value.strip() for key, value in (line.split("=") for line in text.splitlines())}


def test_stages_follow_each_other_and_velocities_are_drawn_once():
    plan = list(stages(PROTOCOL, 10, 100))
    assert [stage.name for stage in plan] == ["em", "nvt", "npt", "prod"]
    assert [stage.velocities for stage in plan] == [False, True, False, False]
    assert [stage.pressure for stage in plan] == [False, False, True, True]
    assert plan[1].dt_ps == 0.002 and plan[-1].dt_ps == 0.004 and plan[-1].steps == 1000
    bare = list(stages(replace(PROTOCOL, nvt_steps=0, npt_steps=0), 10, 100))
    assert [stage.name for stage in bare] == ["em", "prod"] and bare[1].velocities


def test_production_is_that_of_the_specification():
    plan = list(stages(PROTOCOL, 10, 325))
    found = values(mdp(PROTOCOL, plan[-1], 7))
    wanted = {
        "integrator": "sd", "dt": "0.004", "nsteps": "3250", "coulombtype": "PME", "rcoulomb": "0.9", "rvdw": "0.9",
        "rvdw-switch": "0.8", "vdw-modifier": "Potential-switch", "constraints": "h-bonds", "ref-t": "300",
        "tau-t": "1", "pcoupl": "C-rescale", "ref-p": "1", "DispCorr": "AllEnerPres", "ld-seed": "7", "gen-vel": "no",
        "continuation": "yes", "nstxout-compressed": "325", "nstenergy": "325", "compressed-x-grps": "Solute",
    }  # fmt: skip
    assert {key: found.get(key) for key in wanted} == wanted
    assert 325 % int(found["nstcalcenergy"]) == 0
    assert "pcoupl" not in values(mdp(PROTOCOL, plan[1], 7)) and values(mdp(PROTOCOL, plan[1], 7))["gen-vel"] == "yes"
    assert values(mdp(PROTOCOL, plan[0], 7))["integrator"] == "steep"
    hot = replace(PROTOCOL, temperature_K=350.0, friction_per_ps=4.0, pressure_bar=2.0)
    found = values(mdp(hot, plan[-1], 7))
    assert (found["ref-t"], found["tau-t"], found["ref-p"]) == ("350", "0.25", "2")


@pytest.mark.parametrize(("stride", "steps"), [(100, 100), (325, 65), (1300, 100), (7, 7), (101, 1), (0, 100)])
def test_energies_fall_on_frames(stride, steps):
    assert energy_steps(stride) == steps
