"""Which sampler, how many steps, which levels a run takes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from eginterpolator.diffusion.samplers import SAMPLERS, SamplerConfig
from eginterpolator.errors import InputError
from eginterpolator.generation.runs import _source
from eginterpolator.generation.schedule import FITTED, calls_a_block, sampler_config
from eginterpolator.generation.tasks import generate_trajectories, make_sampler, network_calls
from eginterpolator.models.registry import Model, list_models, load_model
from eginterpolator.testing import sampler_moments
from tests.builders.generation import SMALL
from tests.builders.networks import molecule

THREE = {
    "levels": [5.0, 1.0, 0.1], "eta": [0.5, 0.25], "ahead": [0.0, 0.25], "fresh": [1.0, 0.9], "finish": [0.75, 0.125],
    "start": 1.0,
}  # fmt: skip


@pytest.fixture
def with_three(tiny) -> Model:
    """The tiny model with a schedule fitted to three calls."""
    return replace(tiny, config={**tiny.config, "sampler": {**tiny.config["sampler"], FITTED: {"3": THREE}}})


def test_steps_with_a_fitted_schedule_take_it(with_three):
    options = tuple((key, tuple(THREE[key])) for key in ("eta", "ahead", "fresh", "finish"))
    wanted = SamplerConfig(FITTED, 3, (*options, ("start", 1.0)), (5.0, 1.0, 0.1, 0.0))
    assert sampler_config(with_three, replace(SMALL, steps=3)) == wanted
    assert sampler_config(with_three, replace(SMALL, sampler=FITTED, steps=3)) == wanted
    assert sampler_config(with_three, SMALL) == wanted  # its own number of steps is three


def test_other_steps_and_other_samplers_do_not(with_three, tiny):
    for change in ({"steps": 4}, {"sampler": "sde", "steps": 3}, {"sampler": "ddim"}):
        config = replace(SMALL, **change)
        assert sampler_config(with_three, config) == sampler_config(tiny, config)
        assert sampler_config(with_three, config).levels == ()


def test_a_fitted_sampler_that_is_not_there_is_refused(with_three, tiny):
    with pytest.raises(InputError, match="of 4 steps; use --steps 3"):
        sampler_config(with_three, replace(SMALL, sampler=FITTED, steps=4))
    with pytest.raises(InputError, match="has no fitted sampler; use another"):
        sampler_config(tiny, replace(SMALL, sampler=FITTED))


def test_the_network_is_called_at_the_levels_of_the_schedule(with_three, monkeypatch):
    seen = []
    forward = type(with_three.denoiser).forward

    def recorded(self, x, sigma, *arguments):
        seen.append(float(sigma.max()))
        return forward(self, x, sigma, *arguments)

    monkeypatch.setattr(type(with_three.denoiser), "forward", recorded)
    config, calls = replace(SMALL, n_frames=1, n_samples=1, steps=3, hydrogens=False), []
    made = generate_trajectories(with_three, molecule("CO"), config, progress=calls.append)
    assert seen == pytest.approx(THREE["levels"])
    assert calls_a_block(with_three, config) == sum(calls) == network_calls(with_three, config) == 3
    assert (made[0].meta["sampler"], made[0].meta["steps"]) == (FITTED, 3)
    assert make_sampler(with_three, molecule("CO"), config).levels == [*THREE["levels"], 0.0]


@pytest.mark.parametrize("name", list_models())
def test_schedules_of_shipped_models_are_whole_and_keep_the_spread_of_normal_data(name):
    schedules = load_model(name).config["sampler"].get(FITTED, {})
    for steps, schedule in schedules.items():
        levels = [*schedule["levels"], 0.0]
        assert len(levels) == int(steps) + 1 and levels == sorted(levels, reverse=True)
        options = {key: value for key, value in schedule.items() if key != "levels"}
        mean, spread = sampler_moments(SAMPLERS[FITTED], levels, 0.7, 1.0, **options)
        assert math.isfinite(mean) and abs(math.log(spread)) < 0.3, (name, steps, spread)


def test_results_are_told_apart_by_the_schedule_that_made_them(with_three, tiny):
    """Folders of before a schedule was there are still those of a run that takes none."""

    def named(model: Model, schedule: dict | None, **change) -> str:
        sampler = {**tiny.config["sampler"], **({FITTED: {"3": schedule}} if schedule else {})}
        known = replace(model, config={**tiny.config, "sampler": sampler})
        return _source(known, replace(SMALL, **change))["sampling"]

    before = named(tiny, None, steps=4)
    assert named(with_three, THREE, steps=4) == before
    fitted = {named(with_three, schedule, steps=3) for schedule in (THREE, {**THREE, "start": 1.1})}
    assert len(fitted | {before}) == 3
