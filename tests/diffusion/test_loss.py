"""The denoising loss against the published one, and rotations against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from eginterpolator.diffusion.loss import add_noise, denoising_loss, kabsch_rotation
from eginterpolator.diffusion.process import DDPM
from tests.builders.noise import QUICK, normal


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
