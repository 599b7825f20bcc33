"""Which sampler with how many steps: what is asked for, or the model's own, and the schedules fitted to the model.

A model's config has under `sampler` a name, `steps`, `options`, and under `fitted`, by the number of network calls, the
noise levels and coefficients that `benchmarks/fit_solver.py` found for it.
"""

from __future__ import annotations

from typing import Any

from eginterpolator.diffusion.samplers import SamplerConfig
from eginterpolator.errors import InputError
from eginterpolator.generation.config import GenerationConfig
from eginterpolator.models.registry import Model

FITTED = "fitted"
DEFAULT_STEPS = 40


def sampler_config(model: Model, config: GenerationConfig) -> SamplerConfig:
    """The sampler of a run.

    A number of steps that has a fitted schedule takes it unless another sampler is asked for. Any other number takes
    the model's own sampler.

    Raises
    ------
    InputError
        When the fitted sampler is asked for by name and the model has no schedule of that many steps.
    """
    own = model.config.get("sampler", {})
    steps = config.steps or int(own.get("steps", DEFAULT_STEPS))
    known: dict[str, Any] = own.get(FITTED, {})
    if config.sampler in (None, FITTED) and str(steps) in known:
        return fitted_sampler(known[str(steps)])
    if config.sampler == FITTED:
        raise InputError(_none_of(model.name, steps, list(known)))
    name = config.sampler or own.get("name", "sde")
    return SamplerConfig(name, steps, _options(own.get("options", {})) if name == own.get("name") else ())


def fitted_sampler(schedule: dict[str, Any]) -> SamplerConfig:
    """The sampler of a schedule: `levels` without the last one, 0, and the coefficients of `samplers.fitted`."""
    coefficients = {key: value for key, value in schedule.items() if key != "levels"}
    levels = (*(float(level) for level in schedule["levels"]), 0.0)
    return SamplerConfig(FITTED, len(schedule["levels"]), _options(coefficients), levels)


def calls_a_block(model: Model, config: GenerationConfig) -> int:
    """How often a run's sampler calls the network for a block of frames."""
    sampler = sampler_config(model, config)
    if sampler.name in ("heun", "stochastic"):
        return 2 * sampler.steps - 1
    inner = model.config.get("sampler", {}).get("options", {}).get("inner", 100)
    return sampler.steps * int(inner) if sampler.name == "annealed_langevin" else sampler.steps


def _options(found: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in found.items())


def _none_of(model: str, steps: int, known: list[str]) -> str:
    if not known:
        return f"The model '{model}' has no fitted sampler; use another --sampler."
    return (
        f"The model '{model}' has no fitted sampler of {steps} steps; use --steps {', '.join(sorted(known, key=int))}."
    )
