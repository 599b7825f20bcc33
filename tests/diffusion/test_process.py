"""Noise processes against formulas worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import lognorm

from eginterpolator.diffusion.process import DDPM, NCSN, Preconditioned, SigmoidDDPM, process_from_config
from tests.builders.noise import PROCESSES, QUICK, normal


@pytest.mark.parametrize("kind", PROCESSES)
@QUICK
@given(level=st.floats(0.0, 1.0), seed=st.integers(0, 100))
def test_target_and_denoise_undo_each_other(kind, level, seed):
    process = PROCESSES[kind]
    low, high = np.log(process.sigma_min), np.log(process.sigma_max)
    sigma = torch.full((2, 3), float(np.exp(low + level * (high - low))), dtype=torch.float64)
    x0, raw = normal(2, 3, 4, 3, seed=seed), normal(2, 3, 4, 3, seed=seed + 1)
    x = x0 + sigma[..., None, None] * normal(2, 3, 4, 3, seed=seed + 2)
    torch.testing.assert_close(process.denoise(process.target(x0, x, sigma), x, sigma), x0)
    torch.testing.assert_close(process.target(process.denoise(raw, x, sigma), x, sigma), raw)


@pytest.mark.parametrize("sigma", [0.005, 0.1, 1.0, 10.0])
def test_preconditioned_inputs_and_targets_have_the_size_of_the_data(sigma):
    process = Preconditioned(sigma_data=1.7)
    levels = torch.full((1, 1), sigma, dtype=torch.float64)
    x0 = 1.7 * normal(1, 1, 40000, 3)
    x = x0 + sigma * normal(1, 1, 40000, 3, seed=1)
    assert process.target(x0, x, levels).std().item() == pytest.approx(1.0, abs=0.01)
    assert (process.input_scale(levels) * x).std().item() == pytest.approx(1.7, abs=0.02)


def test_a_raw_output_of_zero_is_the_posterior_mean_of_gaussian_data():
    process = Preconditioned(sigma_data=1.7)
    sigma, x = torch.tensor([[0.3, 2.0]], dtype=torch.float64), normal(1, 2, 4, 3)
    wanted = x * (1.7**2 / (1.7**2 + sigma**2))[..., None, None]
    torch.testing.assert_close(process.denoise(torch.zeros_like(x), x, sigma), wanted)


def test_preconditioned_levels_and_training_noise():
    process = Preconditioned(log_mean=-1.0, log_std=1.5)
    levels = process.levels(20)
    assert levels[0].item() == pytest.approx(12.0) and levels[-2].item() == pytest.approx(0.01) and levels[-1] == 0
    roots = levels[:-1] ** (1 / process.rho)
    torch.testing.assert_close(roots.diff(), roots.diff()[:1].expand(19))
    share = torch.linspace(0.05, 0.95, 19, dtype=torch.float64)
    wanted = lognorm(s=1.5, scale=np.exp(-1.0)).ppf(share.numpy())
    np.testing.assert_allclose(process.sample_sigma(share).numpy(), wanted, rtol=1e-6)
    extreme = process.sample_sigma(torch.tensor([1e-9, 1 - 1e-9], dtype=torch.float64))
    assert extreme[0] == process.sigma_min / 2 and extreme[1] == process.sigma_max * 1.5


def test_ddpm_has_the_published_schedule():
    process = DDPM()
    beta = np.linspace(1e-4, 0.02, 1000)
    abar = np.cumprod(1 - beta)
    np.testing.assert_allclose(process.abar.numpy(), abar, rtol=1e-12)
    assert process.sigma_min == pytest.approx(np.sqrt(1e-4 / (1 - 1e-4)))
    sigmas = torch.from_numpy(np.sqrt((1 - abar) / abar))
    for dtype in (torch.float32, torch.float64):  # every step finds its own label
        labels = process.label(sigmas.to(dtype)) * 1000
        assert torch.equal(labels.round(), torch.arange(1000, dtype=dtype))
    steps = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    torch.testing.assert_close(process.sample_sigma(steps), sigmas)
    levels = process.levels(1000)
    torch.testing.assert_close(levels[:-1], sigmas.flip(0))
    few = process.levels(10)
    assert len(few) == 11 and few[-1] == 0 and (few.diff() < 0).all() and set(few[:-1].tolist()) < set(levels.tolist())


@pytest.mark.parametrize("changed", [Preconditioned(1.1, -0.5, 1.2, 0.02, 9.0, 7.0), DDPM(50, 1e-3, 0.05)])
def test_a_process_comes_back_from_its_config(changed):
    config = json.loads(json.dumps(changed.config()))
    again = process_from_config(config)
    assert type(again) is type(changed) and again.config() == config
    sigma = torch.tensor([0.1, 1.0])
    for name in ("input_scale", "label", "skip_scale", "output_scale"):
        assert torch.equal(getattr(again, name)(sigma), getattr(changed, name)(sigma))
    assert torch.equal(again.levels(7), changed.levels(7))


def test_sigmoid_process_is_geodiffs():
    process = process_from_config(SigmoidDDPM().config())
    assert type(process) is SigmoidDDPM and process.steps == 5000
    beta = process.betas()
    assert beta[0] == pytest.approx(1e-7 + 2e-3 / (1 + np.exp(6)), rel=1e-3)
    assert beta[2500] == pytest.approx(1e-3, rel=1e-2) and bool((beta.diff() > 0).all())
    assert 10 < process.sigma_max < 15 and type(process_from_config(DDPM().config())) is DDPM


def test_levels_of_the_score_model_are_geometric():
    process = process_from_config(NCSN().config())
    levels = process.levels(50)
    assert levels[0] == pytest.approx(10.0) and levels[49] == pytest.approx(0.01) and levels[50] == 0
    assert torch.allclose(levels[1:50] / levels[:49], levels[1] / levels[0])
    drawn = process.sample_sigma(torch.linspace(1e-5, 1 - 1e-5, 5000))
    assert len(drawn.unique()) == 50
    x, x0, sigma = torch.randn(1, 1, 4, 3), torch.randn(1, 1, 4, 3), torch.tensor([[0.5]])
    assert torch.allclose(process.denoise(process.target(x0, x, sigma), x, sigma), x0, atol=1e-6)
