"""What may be asked for: solvents and temperatures, and what lanes do of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eginterpolator.errors import InputError
from eginterpolator.generation.config import GenerationConfig, in_solvent
from eginterpolator.models.choice import Models
from eginterpolator.models.registry import load_model


def test_frames_say_what_they_are_samples_of():
    assert GenerationConfig().conditions() == {"ensemble": "obc2", "temperature_K": 300.0}
    warm = GenerationConfig(ensemble="vacuum", temperature_K=400.0)
    assert warm.conditions() == {"ensemble": "vacuum", "temperature_K": 400.0}
    assert GenerationConfig(ensemble="minimum").conditions() == {"ensemble": "minimum"}
    with pytest.raises(InputError, match="--temperature is 700 K"):
        GenerationConfig(temperature_K=700.0)


def test_lanes_run_in_the_solvent_and_at_the_temperature_that_are_asked_for():
    warm = GenerationConfig(ensemble="vacuum", temperature_K=400.0, thermalise_ps=0.5, clock="measured")
    for settings in (warm.thermalise_settings(), warm.clock_settings()):
        assert settings.protocol().name == "vacuum" and settings.protocol().temperature_K == 400.0
    for asked in ({"thermalise_ps": 0.5}, {"clock": "measured"}):
        with pytest.raises(InputError, match="Frames of explicit water are not thermalised or timed"):
            GenerationConfig(ensemble="tip3p", **asked)
    with pytest.raises(InputError, match="Frames of minima"):
        GenerationConfig(ensemble="minimum", thermalise_ps=0.5)


def test_a_solvent_becomes_an_ensemble(tiny, structures_folder):
    broad, old = Models([load_model(structures_folder)]), Models([tiny])
    config = GenerationConfig()
    assert in_solvent(config, broad, None) == (config, broad)
    assert in_solvent(config, broad, "water")[0].ensemble == "tip3p"
    assert in_solvent(config, old, "water")[0].ensemble == "thermal"
    with pytest.raises(InputError, match="Minima have no solvent"):
        in_solvent(replace(config, ensemble="minimum"), broad, "water")
    with pytest.raises(InputError, match="explicit water are not thermalised"):
        in_solvent(replace(config, thermalise_ps=0.5), broad, "water")


def test_independent_frames_are_those_without_an_order_of_the_network():
    assert not GenerationConfig().independent
    assert GenerationConfig(strength=0.0).independent and GenerationConfig(clock="measured").independent
