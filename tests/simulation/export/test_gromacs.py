"""Settings of a molecule alone."""

from __future__ import annotations

from eginterpolator.simulation.engines.gromacs.settings import mdp, stages
from eginterpolator.simulation.export.gromacs import bare
from tests.builders.water import WET


def test_settings_of_a_molecule_alone_have_no_ewald_sum_and_no_pressure():
    text = bare(mdp(WET, list(stages(WET, 4, 100))[-1], 1))
    found = {key.strip(): value.strip() for key, value in (line.split("=") for line in text.splitlines())}
    assert found["coulombtype"] == "Cut-off" and found["rcoulomb"] == found["rvdw"] == "20"
    assert found["DispCorr"] == "no" and found["vdw-modifier"] == found["coulomb-modifier"] == "None"
    assert not {"pcoupl", "fourierspacing", "rvdw-switch"} & found.keys() and found["integrator"] == "sd"
