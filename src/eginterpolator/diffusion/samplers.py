"""Samplers: short functions over `denoise(x, sigma) -> x_0` in the picture x_sigma = x_0 + sigma noise.

Each takes the first noisy sample x at levels[0], the decreasing `levels` (the last one 0), and `noise()` for fresh
standard normal noise of x's shape, and returns the clean sample. Where parts of x have noise levels of their own, such
as the temporal modes of `memory`, `level(sigma)` gives them. They know nothing of molecules.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from eginterpolator.errors import InputError
from eginterpolator.machine.registry import Registry

Denoise = Callable[[Tensor, float], Tensor]
Noise = Callable[[], Tensor]
Level = Callable[[float], Any]  # of each part of x: a number, or a tensor that broadcasts against x


def _same(sigma: float) -> float:
    return sigma


def _like(factor: Any, x: Tensor) -> Any:
    """A factor in the precision of x."""
    return factor.to(x.dtype) if isinstance(factor, Tensor) else factor


def ddim(denoise: Denoise, x: Tensor, levels: list[float], noise: Noise, level: Level = _same) -> Tensor:
    """Deterministic first-order steps: DDIM (Song et al. 2021, eta = 0), Euler on the probability-flow ODE.

    Equation (20) of docs/method.md.
    """
    for now, then in zip(levels, levels[1:], strict=False):
        clean = denoise(x, now)
        x = clean + _like(level(then) / level(now), x) * (x - clean)
    return x


def ancestral(denoise: Denoise, x: Tensor, levels: list[float], noise: Noise, level: Level = _same) -> Tensor:
    """Ancestral DDPM sampling with the fixed-large variance beta (Ho et al. 2020).

    Equation (21) of docs/method.md.

    With abar = 1 / (1 + sigma^2) and 1 - beta = abar_t / abar_{t-1}; coordinates here are x_t / sqrt(abar_t).
    """
    for now, then in zip(levels, levels[1:], strict=False):
        clean = denoise(x, now)
        before, after = level(now), level(then)
        x = clean + _like((after / before) ** 2, x) * (x - clean)
        if then > 0:
            beta = 1 - (1 + after**2) / (1 + before**2)
            x = x + _like((beta * (1 + after**2)) ** 0.5, x) * noise()
    return x


def heun(denoise: Denoise, x: Tensor, levels: list[float], noise: Noise, level: Level = _same) -> Tensor:
    """Deterministic second-order steps (Karras et al. 2022, Algorithm 1); (22) of docs/method.md."""
    return stochastic(denoise, x, levels, noise, level, churn=0.0)


def stochastic(
    denoise: Denoise,
    x: Tensor,
    levels: list[float],
    noise: Noise,
    level: Level = _same,
    churn: float = 20.0,
    churn_min: float = 0.02,
    churn_max: float = 8.0,
    noise_scale: float = 1.0,
) -> Tensor:
    """Second-order steps, each after a little fresh noise (Karras et al. 2022, Algorithm 2).

    Equation (23) of docs/method.md.

    Two network calls a step, but for the last one. `churn` is their S_churn, spread over the steps.
    """
    steps = len(levels) - 1
    for now, then in zip(levels, levels[1:], strict=False):
        gamma = min(churn / steps, 2**0.5 - 1) if churn_min <= now <= churn_max else 0.0
        if gamma > 0:
            raised = now * (1 + gamma)
            x = x + _like(noise_scale * (level(raised) ** 2 - level(now) ** 2) ** 0.5, x) * noise()
            now = raised
        before, after = _like(level(now), x), _like(level(then), x)
        slope = (x - denoise(x, now)) / before
        ahead = x + (after - before) * slope
        if then > 0:
            slope = (slope + (ahead - denoise(ahead, then)) / after) / 2
            ahead = x + (after - before) * slope
        x = ahead
    return x


def sde(
    denoise: Denoise,
    x: Tensor,
    levels: list[float],
    noise: Noise,
    level: Level = _same,
    eta: float = 1.0,
    finish: float = 1.0,
) -> Tensor:
    """Stochastic multistep solver, one network call a step: DPM-Solver++(2M) for the SDE (Lu et al. 2022).

    Equation (24) of docs/method.md.

    With h = log(sigma / sigma'),
    x' = (sigma'/sigma) e^(-eta h) x + (1 - e^(-(1 + eta) h)) D + sigma' sqrt(1 - e^(-2 eta h)) z,
    where D is the denoised sample extrapolated from this step and the one before to the middle of the step.

    The last step goes the share `finish` of the way to D. All of it ends at the mean of what the last noisy sample may
    have come from, which is narrower than the distribution by as much as that noise hides. Half of it is the trapezoid
    rule on the probability-flow equation, whose slope is 0 at sigma = 0: where the last level is well under the
    width s of a distribution, sqrt(s^2 + sigma^2) goes to s but for terms of fourth order in sigma/s.
    """
    previous, last_h = None, 0.0
    for now, then in zip(levels, levels[1:], strict=False):
        clean = denoise(x, now)
        if then == 0:
            return x + finish * (clean - x)
        ratio, after = level(now) / level(then), level(then)
        h = float(torch.log(torch.tensor(now / then, dtype=torch.float64)))
        decay = _like(ratio ** (-(1 + eta)), x)
        estimate = clean if previous is None else clean + (h / last_h) / 2 * (clean - previous)
        x = decay * x + (1 - decay) * estimate
        if eta > 0:
            x = x + _like(after * (1 - ratio ** (-2 * eta)) ** 0.5, x) * noise()
        previous, last_h = clean, h
    return x


def fitted(
    denoise: Denoise,
    x: Tensor,
    levels: list[float],
    noise: Noise,
    level: Level = _same,
    eta: Sequence[float] = (),
    ahead: Sequence[float] = (),
    fresh: Sequence[float] = (),
    finish: Sequence[float] = (1.0, 0.0),
    start: float = 1.0,
) -> Tensor:
    """The multistep solver of `sde` with coefficients of its own for each step, one network call a step.

    Equation (24b) of docs/method.md.

    Step i takes `eta`[i] for the share of fresh noise, `fresh`[i] times as much of it, and `ahead`[i] for how far D
    goes on from the D before, D + ahead (D - D_before), where `sde` has one eta, 1, and half the ratio of the steps.
    The last step goes the share `finish`[0] of the way to D + finish[1] (D - D_before). The first noise is scaled by
    `start`. Levels and coefficients are a model's, for one number of calls: `benchmarks/fit_solver.py` finds them.

    Raises
    ------
    InputError
        When there are not as many coefficients as steps.
    """
    steps = len(levels) - 1
    if {len(eta), len(ahead), len(fresh)} != {steps - 1}:
        raise InputError(f"A fitted sampler of {steps} steps has {steps - 1} numbers in each of eta, ahead and fresh.")
    previous, x = None, start * x
    for step, (now, then) in enumerate(itertools.pairwise(levels)):
        clean = denoise(x, now)
        last = step == steps - 1
        more = finish[1] if last else ahead[step]
        estimate = clean if previous is None else clean + more * (clean - previous)
        if last:
            return x + finish[0] * (estimate - x)
        ratio, after = level(now) / level(then), level(then)
        decay = _like(ratio ** (-(1 + eta[step])), x)
        x = decay * x + (1 - decay) * estimate
        if eta[step] > 0:
            x = x + _like(fresh[step] * after * (1 - ratio ** (-2 * eta[step])) ** 0.5, x) * noise()
        previous = clean
    return x


def annealed_langevin(
    denoise: Denoise,
    x: Tensor,
    levels: list[float],
    noise: Noise,
    level: Level = _same,
    inner: int = 100,
    step: float = 2.4e-6,
) -> Tensor:
    """Langevin dynamics at one level after the other (Song and Ermon 2019, Algorithm 1).

    Equation (B2) of docs/benchmark.md.

    `inner` steps x' = x + a s(x) + sqrt(2 a) z at each level but the final 0, with the score
    s(x) = (D(x) - x) / sigma^2 and a = step (sigma / smallest sigma)^2. It starts from x / levels[0], of unit size: a
    score of *distances* perturbed by sigma has never seen atoms as far apart as coordinates perturbed by sigma are.
    """
    smallest = levels[-2]
    x = x / levels[0]
    for sigma in levels[:-1]:
        size = step * (sigma / smallest) ** 2
        for _ in range(inner):
            score = (denoise(x, sigma) - x) / _like(level(sigma), x) ** 2
            x = x + size * score + (2 * size) ** 0.5 * noise()
    return x


SAMPLERS: Registry[Callable[..., Tensor]] = Registry(
    "eginterpolator.samplers",
    "sampler",
    {
        name: f"eginterpolator.diffusion.samplers:{name}"
        for name in ("ddim", "ancestral", "heun", "stochastic", "sde", "fitted", "annealed_langevin")
    },
)


@dataclass(frozen=True)
class SamplerConfig:
    """A sampler by name, its number of steps, further arguments of its function, and its levels where they are its own.

    `levels` decrease, Å, the last one 0; empty takes those of the noise process.
    """

    name: str = "sde"
    steps: int = 40
    options: tuple[tuple[str, Any], ...] = ()
    levels: tuple[float, ...] = ()

    def run(self, denoise: Denoise, x: Tensor, levels: list[float], noise: Noise, level: Level = _same) -> Tensor:
        """Sample from the noisy x at levels[0]."""
        return SAMPLERS[self.name](denoise, x, levels, noise, level, **dict(self.options))
