"""Samplers against data of a known distribution, N(mean, spread^2), whose exact denoiser is a formula."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from eginterpolator.diffusion.process import DDPM, NCSN, Preconditioned, SigmoidDDPM
from eginterpolator.diffusion.samplers import SAMPLERS, SamplerConfig, ancestral, annealed_langevin
from eginterpolator.errors import InputError

MEAN, SPREAD = 0.7, 1.3
COUNT = 40_000
CASES = [
    ("ddim", "preconditioned", 200, {}),
    ("heun", "preconditioned", 40, {}),
    ("stochastic", "preconditioned", 60, {}),
    ("sde", "preconditioned", 60, {}),
    ("sde", "preconditioned", 60, {"eta": 0.0}),
    ("sde", "ddpm", 200, {}),
    ("heun", "ddpm", 200, {}),
    ("ancestral", "ddpm", 1000, {}),
]


def exact(mean: float = MEAN, spread: float = SPREAD):
    """Posterior mean of x_0 given x_0 + sigma noise."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return mean + spread**2 / (spread**2 + sigma**2) * (x - mean)

    return denoise


def levels_of(steps: int, process: str = "preconditioned") -> list[float]:
    return [float(s) for s in {"preconditioned": Preconditioned(), "ddpm": DDPM()}[process].levels(steps)]


def moments(name: str, levels: list[float], mean: float = MEAN, spread: float = SPREAD, **options) -> tuple[float, ...]:
    """Mean and standard deviation of what a sampler makes of exact noisy data, without statistical error.

    With Gaussian data every sampler is affine in its start and in each of its noises: `probe` column 0 holds the
    start's mean, the others one unit of each source of randomness.
    """
    calls = 2 * len(levels)
    probe = torch.full((calls + 2,), mean, dtype=torch.float64)
    probe[1] += math.hypot(spread, levels[0])
    count = iter(range(2, calls + 2))

    def noise() -> Tensor:
        return torch.nn.functional.one_hot(torch.tensor(next(count)), calls + 2).double()

    result = SamplerConfig(name, len(levels) - 1, tuple(options.items())).run(exact(mean, spread), probe, levels, noise)
    return float(result[0]), float((result[1:] - result[0]).norm())


@pytest.mark.parametrize("name, process, steps, options", CASES)
def test_mean_and_spread_of_samples(name, process, steps, options):
    generator = torch.Generator().manual_seed(1)

    def noise() -> Tensor:
        return torch.randn(COUNT, generator=generator)

    levels = levels_of(steps, process)
    start = MEAN + math.hypot(SPREAD, levels[0]) * noise()
    got = SamplerConfig(name, steps, tuple(options.items())).run(exact(), start, levels, noise)
    # four standard errors, and two percent for the finite steps
    assert got.mean().item() == pytest.approx(MEAN, abs=4 * SPREAD / COUNT**0.5 + 0.01)
    assert got.std().item() == pytest.approx(SPREAD, abs=4 * SPREAD / (2 * COUNT) ** 0.5 + 0.02 * SPREAD)
    normal = (got - got.mean()) / got.std()
    assert normal.pow(4).mean().item() == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("name, process, steps, options", CASES)
def test_exact_moments(name, process, steps, options):
    mean, spread = moments(name, levels_of(steps, process), **options)
    assert mean == pytest.approx(MEAN, abs=0.005)
    assert spread == pytest.approx(SPREAD, rel=0.02)


@pytest.mark.parametrize(
    "name, options, order",
    [
        ("ddim", {}, 1),
        ("heun", {}, 2),
        ("stochastic", {}, 1),  # the share of fresh noise in a step shrinks as 1 / steps
        ("sde", {"eta": 0.0}, 2),
        ("sde", {}, 2),
    ],
)
def test_the_error_falls_with_the_steps_at_the_order_of_the_method(name, options, order):
    def error(steps: int) -> float:
        # steps in log(sigma) that grow, down to where the last step has nothing left to do
        ramp = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        levels = [float(s) for s in 10 ** (1 - 5 * (0.5 * ramp + 0.5 * ramp**2))] + [0.0]
        return abs(moments(name, levels, **options)[1] - SPREAD)

    coarse, fine = error(80), error(160)
    assert fine < coarse < 0.2
    assert math.log2(coarse / fine) > order - 0.35


@pytest.mark.parametrize("steps", [3, 20, 1000])
def test_ancestral_is_exact_at_any_number_of_steps_for_unit_gaussians(steps):
    """The fixed-large variance is the exact posterior for data N(0, 1) (Ho et al. 2020, section 3.2)."""
    levels = levels_of(steps, "ddpm")
    mean, spread = moments("ancestral", levels, mean=0.0, spread=1.0)
    assert mean == pytest.approx(0.0, abs=1e-12)
    # the last step gives the posterior mean at the lowest level, without noise
    assert spread == pytest.approx(1 / math.hypot(1.0, levels[-2]), rel=1e-9)


def test_ancestral_is_the_published_update():
    """x_{t-1} = (x_t - beta / sqrt(1 - abar) eps) / sqrt(1 - beta) + sqrt(beta) z, in variance-preserving form."""
    process, t = DDPM(), 600
    abar = process.abar
    beta = float(1 - abar[t] / abar[t - 1])
    levels = [float(process.sigmas[t]), float(process.sigmas[t - 1])]
    x_t, eps, z = (torch.randn(50, dtype=torch.float64) for _ in range(3))

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return x - sigma * eps

    got = SAMPLERS["ancestral"](denoise, x_t / abar[t].sqrt(), levels, lambda: z) * abar[t - 1].sqrt()
    wanted = (x_t - beta / (1 - abar[t]).sqrt() * eps) / (1 - beta) ** 0.5 + beta**0.5 * z
    torch.testing.assert_close(got, wanted)


def test_ddim_is_the_published_update():
    """x_{t'} = sqrt(abar') x_0 + sqrt(1 - abar') eps (Song et al. 2021, eta = 0)."""
    process = DDPM()
    levels = [float(process.sigmas[700]), float(process.sigmas[500])]
    x_t, eps = (torch.randn(50, dtype=torch.float64) for _ in range(2))
    a, b = process.abar[700], process.abar[500]
    got = SAMPLERS["ddim"](lambda x, sigma: x - sigma * eps, x_t / a.sqrt(), levels, None) * b.sqrt()
    torch.testing.assert_close(got, b.sqrt() * (x_t - (1 - a).sqrt() * eps) / a.sqrt() + (1 - b).sqrt() * eps)


@pytest.mark.parametrize("name", ["ddim", "heun"])
def test_deterministic_samplers_draw_no_noise(name):
    def noise() -> Tensor:
        raise AssertionError("a deterministic sampler asked for noise")

    levels = levels_of(10)
    x = levels[0] * torch.randn(100, generator=torch.Generator().manual_seed(0))
    first, second = (SAMPLERS[name](exact(), x, levels, noise) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", ["ancestral", "stochastic", "sde"])
def test_stochastic_samplers_spread_from_one_start(name):
    levels = levels_of(40)
    x = torch.full((2000,), levels[0])
    assert SAMPLERS[name](exact(), x, levels, lambda: torch.randn(2000)).std() > 0.5


def test_sde_without_noise_is_ddim_in_its_first_step():
    levels, x = [10.0, 6.0, 0.0], torch.randn(20, dtype=torch.float64)
    seen = []

    def denoise(x: Tensor, sigma: float) -> Tensor:
        seen.append(x)
        return exact()(x, sigma)

    for name, options in (("ddim", {}), ("sde", {"eta": 0.0})):
        SAMPLERS[name](denoise, x, levels, None, **options)
    torch.testing.assert_close(seen[1], seen[3])


def test_sde_extrapolates_to_the_middle_of_unequal_steps():
    """A denoised sample that is linear in log(sigma) is known exactly at the middle of the step."""
    levels, eta = [8.0, 5.0, 0.5, 0.1, 0.0], 1.0
    seen = []

    def denoise(x: Tensor, sigma: float) -> Tensor:
        seen.append(x)
        return torch.full_like(x, -math.log(sigma))

    SAMPLERS["sde"](denoise, torch.zeros(1, dtype=torch.float64), levels, lambda: torch.zeros(1), eta=eta)
    for k, (now, then) in enumerate(zip(levels[1:3], levels[2:4], strict=True), 1):
        decay = (then / now) ** (1 + eta)
        middle = -(math.log(now) + math.log(then)) / 2
        torch.testing.assert_close(seen[k + 1], decay * seen[k] + (1 - decay) * middle)


def test_half_of_the_last_step_keeps_the_spread_of_a_narrow_distribution():
    """The whole of it loses what the last noisy sample hides, half of it keeps it to the fourth order of 0.4."""
    levels = [0.02 * 1.02**k for k in range(300, -1, -1)] + [0.0]
    spreads = {finish: moments("sde", levels, 0.0, 0.05, finish=finish)[1] for finish in (1.0, 0.5)}
    assert spreads[1.0] == pytest.approx(0.05 / math.sqrt(1 + 0.4**2), rel=3e-3)
    assert spreads[0.5] == pytest.approx(0.05 * (1 + 0.4**4 / 8), rel=3e-3)
    assert moments("sde", levels, 0.0, 0.05) == moments("sde", levels, 0.0, 0.05, finish=1.0)


def fitted_like_sde(levels: list[float], finish: float = 0.5) -> dict:
    """Coefficients with which the fitted sampler is the stochastic one."""
    h = [math.log(now / then) for now, then in itertools.pairwise(levels[:-1])]
    ahead = [0.0, *(now / before / 2 for before, now in itertools.pairwise(h))]
    return {"eta": [1.0] * len(h), "ahead": ahead, "fresh": [1.0] * len(h), "finish": [finish, 0.0]}


def test_the_fitted_sampler_is_sde_with_the_coefficients_of_sde():
    levels = levels_of(7)
    options = fitted_like_sde(levels)
    ours, theirs = (
        moments(name, levels, **more) for name, more in (("fitted", options), ("sde", {"finish": 0.5}))
    )  # fmt: skip
    assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"start": 1.2}, {"eta": [0.5, *[1.0] * 5]}, {"ahead": [0.0, 0.1, *[0.5] * 4]}, {"fresh": [*[1.0] * 5, 0.5]},
        {"finish": [0.9, 0.0]}, {"finish": [0.5, 0.3]},
    ],
)  # fmt: skip
def test_every_coefficient_of_the_fitted_sampler_matters(change):
    levels = [6.0, 3.0, 1.5, 0.7, 0.3, 0.15, 0.1, 0.0]
    plain, changed = (
        moments("fitted", levels, 0.7, 0.2, **{**fitted_like_sde(levels), **more}) for more in ({}, change)
    )
    assert abs(plain[1] - changed[1]) > 1e-7


def test_the_fitted_sampler_ends_ahead_of_its_last_two_denoised_samples():
    """Two calls by hand, of a denoiser that says 1 and then 2."""
    said, x = iter([1.0, 2.0]), torch.full((1,), 8.0, dtype=torch.float64)
    options = {"eta": [0.0], "ahead": [9.0], "fresh": [1.0], "finish": [0.6, 0.5], "start": 0.5}
    got = SAMPLERS["fitted"](lambda x, sigma: torch.full_like(x, next(said)), x, [4.0, 1.0, 0.0], None, **options)
    between = 0.25 * 4.0 + 0.75 * 1.0
    assert got.item() == pytest.approx(between + 0.6 * (2.5 - between), rel=1e-12)


def test_a_fitted_sampler_with_too_few_coefficients_says_so():
    with pytest.raises(InputError, match="6 numbers"):
        SAMPLERS["fitted"](exact(), torch.zeros(1), levels_of(7), None, **{**fitted_like_sde(levels_of(7)), "eta": []})


@pytest.mark.parametrize(
    "name, calls", [("ddim", 12), ("ancestral", 12), ("sde", 12), ("heun", 23), ("stochastic", 23)]
)
def test_network_calls_and_the_levels_they_see(name, calls):
    levels, seen = levels_of(12), []

    def denoise(x: Tensor, sigma: float) -> Tensor:
        seen.append(sigma)
        return exact()(x, sigma)

    SamplerConfig(name, 12).run(denoise, torch.randn(3), levels, lambda: torch.randn(3))
    assert len(seen) == calls and min(seen) == levels[-2] > 0
    if name not in ("heun", "stochastic"):
        assert seen == levels[:-1]


def test_churn_is_only_added_inside_its_range():
    def noise() -> Tensor:
        raise AssertionError("noise was drawn outside of the range")

    levels = levels_of(12)
    x = torch.randn(3)
    still = SAMPLERS["stochastic"](exact(), x, levels, noise, churn=20.0, churn_min=20.0, churn_max=30.0)
    assert torch.equal(still, SAMPLERS["heun"](exact(), x, levels, noise))


@pytest.mark.parametrize("name", ("annealed_langevin", "ancestral"))
def test_samplers_reach_an_analytic_gaussian(name):
    """The exact denoiser of N(m, s^2) is (s^2 x + sigma^2 m) / (s^2 + sigma^2): samples have its mean and deviation."""
    generator = torch.Generator().manual_seed(0)
    mean, deviation = 1.5, 0.4

    def denoise(x, sigma):
        return (deviation**2 * x + sigma**2 * mean) / (deviation**2 + sigma**2)

    def noise():
        return torch.randn(20000, generator=generator, dtype=torch.float64)

    if name == "ancestral":
        levels = [float(level) for level in SigmoidDDPM().levels(200)]
        x = ancestral(denoise, levels[0] * noise(), levels, noise)
    else:
        levels = [float(level) for level in NCSN(sigma_max=5.0, sigma_min=0.05).levels(20)]
        x = annealed_langevin(denoise, levels[0] * noise(), levels, noise, inner=60, step=1e-4)
        deviation = (deviation**2 + 0.05**2) ** 0.5  # Langevin ends at the smallest level, not at none
    assert x.mean().item() == pytest.approx(mean, abs=0.02)
    assert x.std().item() == pytest.approx(deviation, rel=0.06)
    assert set(SAMPLERS) >= {"annealed_langevin", "ancestral"}
