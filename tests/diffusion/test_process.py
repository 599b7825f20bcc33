"""Noise processes and the denoising loss, against formulas worked out by hand and against scipy."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scipy.stats import lognorm

from eginterpolator.diffusion.loss import add_noise, denoising_loss, kabsch_rotation
from eginterpolator.diffusion.process import DDPM, Preconditioned, process_from_config

QUICK = settings(deadline=None, derandomize=True, max_examples=50)
PROCESSES = {"preconditioned": Preconditioned(), "ddpm": DDPM()}


@pytest.fixture(params=PROCESSES)
def process(request):
    return PROCESSES[request.param]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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


def test_ddpm_loss_is_the_published_one():
    """|eps - eps_theta(sqrt(abar) x_0 + sqrt(1 - abar) eps, tau)|^2, mean over coordinates (SPEC section 2)."""
    process, step = DDPM(), 400
    x0, eps, mask = normal(2, 1, 5, 3).float(), normal(2, 1, 5, 3, seed=1).float(), torch.ones(2, 5, dtype=torch.bool)
    uniform = torch.full((2, 1), (step + 0.5) / 1000)
    sigma = process.sample_sigma(uniform)
    x, clean = add_noise(x0, sigma, eps, mask, align=False)
    abar = float(process.abar[step])
    x_tau = abar**0.5 * x0 + (1 - abar) ** 0.5 * eps
    torch.testing.assert_close(process.input_scale(sigma)[..., None, None] * x, x_tau, rtol=1e-5, atol=1e-5)
    assert (process.label(sigma) * 1000).round().unique().item() == step
    eps_theta = torch.tanh(x_tau)  # stands for a network
    loss = denoising_loss(process, eps_theta, clean, x, sigma, mask, torch.ones(2, 1, dtype=torch.bool))
    torch.testing.assert_close(loss, (eps - eps_theta).square().mean(dim=(2, 3)), rtol=1e-4, atol=1e-4)


def test_loss_leaves_out_padding_and_given_frames(process):
    x0, noise = normal(2, 3, 4, 3), normal(2, 3, 4, 3, seed=1)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    predicted = torch.tensor([[True, True, True], [False, True, True]])
    sigma = torch.full((2, 3), 0.7, dtype=torch.float64)
    x = x0 + 0.7 * noise
    raw = normal(2, 3, 4, 3, seed=2)
    got = denoising_loss(process, raw, x0, x, sigma, mask, predicted)
    wanted = (raw.float() - process.target(x0, x, sigma)).square()
    torch.testing.assert_close(got[0], wanted[0].mean(dim=(1, 2)))
    torch.testing.assert_close(got[1, 1:], wanted[1, 1:, :2].mean(dim=(1, 2)))
    assert got[1, 0] == 0
    raw[1, :, 2:], raw[1, 0] = 1e6, 1e6
    torch.testing.assert_close(denoising_loss(process, raw, x0, x, sigma, mask, predicted), got)


@QUICK
@given(seed=st.integers(0, 1000), n=st.integers(3, 12))
def test_kabsch_rotation_is_scipys(seed, n):
    random = np.random.default_rng(seed)
    x, reference = random.standard_normal((2, n, 3))
    wanted = Rotation.align_vectors(reference, x)[0].as_matrix()
    got = kabsch_rotation(torch.from_numpy(x), torch.from_numpy(reference), torch.ones(n, dtype=torch.float64))
    np.testing.assert_allclose(got.numpy(), wanted, atol=1e-6)
    assert torch.det(got).item() == pytest.approx(1.0)


def test_kabsch_rotation_undoes_a_rotation_never_a_reflection():
    x = normal(6, 3)
    weight = torch.tensor([1.0] * 5 + [0.0], dtype=torch.float64)
    turn = torch.from_numpy(Rotation.random(random_state=1).as_matrix())
    reference = x @ turn.T
    torch.testing.assert_close(kabsch_rotation(x, reference, weight), turn)
    reference[5], x[5] = 1e3, -1e3  # padding has no weight
    torch.testing.assert_close(kabsch_rotation(x, reference, weight), turn)
    mirror = kabsch_rotation(x, x * torch.tensor([-1.0, 1.0, 1.0]), weight)
    assert torch.det(mirror).item() == pytest.approx(1.0)
    planar = x * torch.tensor([1.0, 1.0, 0.0])
    assert torch.det(kabsch_rotation(planar, planar, weight)).item() == pytest.approx(1.0)


def test_aligned_noise_has_one_rotation_for_the_whole_trajectory():
    x0, noise = normal(1, 6, 5, 3), normal(1, 6, 5, 3, seed=1)
    mask, sigma = torch.ones(1, 5, dtype=torch.bool), torch.full((1, 6), 0.5, dtype=torch.float64)
    plain, clean = add_noise(x0, sigma, noise, mask, align=False)
    torch.testing.assert_close(plain, x0 + 0.5 * noise)
    assert clean is x0
    aligned, clean = add_noise(x0, sigma, noise, mask, align=True)
    assert clean is x0 and (aligned - x0).norm() < (plain - x0).norm() - 1e-3
    wanted, _ = Rotation.align_vectors(x0.reshape(-1, 3).numpy(), plain.reshape(-1, 3).numpy())
    np.testing.assert_allclose(aligned.numpy(), plain.numpy() @ wanted.as_matrix().T, atol=1e-6)


def test_a_given_frame_fixes_the_orientation():
    x0, noise = normal(2, 6, 5, 3), normal(2, 6, 5, 3, seed=1)
    mask, sigma = torch.ones(2, 5, dtype=torch.bool), torch.full((2, 6), 0.5, dtype=torch.float64)
    sigma[0, 0] = 0.0
    plain, aligned = (add_noise(x0, sigma, noise, mask, align)[0] for align in (False, True))
    assert torch.equal(aligned[0], plain[0]) and (aligned[1] - plain[1]).abs().max() > 1e-3


@pytest.mark.parametrize("changed", [Preconditioned(1.1, -0.5, 1.2, 0.02, 9.0, 7.0), DDPM(50, 1e-3, 0.05)])
def test_a_process_comes_back_from_its_config(changed):
    config = json.loads(json.dumps(changed.config()))
    again = process_from_config(config)
    assert type(again) is type(changed) and again.config() == config
    sigma = torch.tensor([0.1, 1.0])
    for name in ("input_scale", "label", "skip_scale", "output_scale"):
        assert torch.equal(getattr(again, name)(sigma), getattr(changed, name)(sigma))
    assert torch.equal(again.levels(7), changed.levels(7))
