"""Noise with a memory: its covariance in time, given frames, sampling in its modes, what it does to single frames."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from eginterpolator.diffusion.memory import NoiseMemory
from eginterpolator.diffusion.process import Preconditioned, process_from_config
from eginterpolator.diffusion.samplers import SamplerConfig
from eginterpolator.errors import InputError
from eginterpolator.generation import GenerationConfig, generate_trajectories
from eginterpolator.models.registry import Model
from network_helpers import CHIRAL, molecule, network

COMPONENTS = ((1e6, 0.4), (100.0, 0.35), (20.0, 0.15))
FLOOR, PS = 0.3, 5.2


def predicted(n_frames: int, *given: int) -> torch.Tensor:
    rows = torch.ones((1, n_frames), dtype=torch.bool)
    rows[0, list(given)] = False
    return rows


def kernel(n_frames: int) -> np.ndarray:
    lag = np.abs(np.subtract.outer(np.arange(n_frames), np.arange(n_frames))) * PS
    return 0.4 * np.exp(-lag / 1e6) + 0.35 * np.exp(-lag / 100) + 0.15 * np.exp(-lag / 20) + 0.1 * (lag == 0)


@pytest.mark.parametrize("sigma", [0.1, 0.3, 2.0])
@pytest.mark.parametrize("given", [(), (0,), (0, 11)])
def test_the_covariance_is_white_up_to_the_floor_and_drifts_above(sigma, given):
    modes = NoiseMemory(COMPONENTS, FLOOR).modes(predicted(12, *given), PS)
    level = modes.level(sigma)[0, :, 0, 0]
    covariance = (modes.basis[0] * level**2) @ modes.basis[0].T
    white = min(sigma, FLOOR) ** 2
    wanted = white * np.eye(12) + (sigma**2 - white) * kernel(12)
    free = np.setdiff1d(np.arange(12), given)
    np.testing.assert_allclose(covariance.numpy()[np.ix_(free, free)], wanted[np.ix_(free, free)], atol=1e-9)
    assert not covariance.numpy()[np.ix_(free, given)].any()
    assert covariance.diagonal().numpy() == pytest.approx(np.full(12, sigma**2))


def test_modes_and_frames_are_one_rotation_apart():
    modes = NoiseMemory(COMPONENTS).modes(predicted(9, 0), PS)
    x = torch.randn((1, 9, 4, 3), dtype=torch.float64)
    torch.testing.assert_close(modes.frames(modes.coefficients(x)), x)
    torch.testing.assert_close(modes.coefficients(x).square().sum(), x.square().sum())


def test_without_components_or_with_one_frame_nothing_changes():
    x = torch.randn((1, 5, 4, 3))
    for memory, n_frames in ((NoiseMemory(), 5), (NoiseMemory(COMPONENTS), 1)):
        modes = memory.modes(predicted(n_frames), PS)
        assert modes.frames(x) is x and modes.coefficients(x) is x and modes.level(0.7) == 0.7


def test_it_is_part_of_the_config():
    process = Preconditioned(memory={"components": COMPONENTS, "floor": FLOOR})
    again = process_from_config(json.loads(json.dumps(process.config())))
    assert again.config() == process.config() and again.memory.components == COMPONENTS
    assert "memory" not in Preconditioned().config()


@pytest.mark.parametrize("bad", [[(0.0, 0.5)], [(-1.0, 0.5)], [(10.0, -0.1)], [(10.0, 0.7), (20.0, 0.7)]])
def test_what_is_no_correlation_is_refused(bad):
    with pytest.raises(InputError, match="is no correlation"):
        NoiseMemory(bad)
    with pytest.raises(InputError, match="no noise level"):
        NoiseMemory(floor=-0.1)


@pytest.mark.parametrize("name, steps", [("sde", 60), ("heun", 40), ("ddim", 200), ("stochastic", 60)])
def test_samplers_reach_a_gaussian_process_from_correlated_noise(name, steps):
    """Data with a covariance in time C: the exact denoiser is linear, and samples must have C again."""
    n_frames, rows = 6, 6000
    lag = np.abs(np.subtract.outer(np.arange(n_frames), np.arange(n_frames)))
    target = torch.from_numpy(0.5 * np.exp(-lag / 2.0) + 0.5 * np.exp(-lag / 0.3))
    modes = NoiseMemory(COMPONENTS, FLOOR).modes(predicted(n_frames).expand(rows, -1), PS)
    basis = modes.basis[0]

    def denoise(x: torch.Tensor, sigma: float) -> torch.Tensor:
        noise = (basis * modes.level(sigma)[0, :, 0, 0] ** 2) @ basis.T
        return modes.coefficients(
            torch.einsum("ts,bsnd->btnd", target @ torch.linalg.inv(target + noise), modes.frames(x))
        )

    generator = torch.Generator().manual_seed(0)

    def noise() -> torch.Tensor:
        return torch.randn((rows, n_frames, 1, 1), generator=generator, dtype=torch.float64)

    levels = [float(level) for level in Preconditioned().levels(steps)]
    x = SamplerConfig(name, steps).run(denoise, modes.level(levels[0]) * noise(), levels, noise, modes.level)
    got = np.cov(modes.frames(x)[:, :, 0, 0].numpy().T)
    np.testing.assert_allclose(got, target.numpy(), atol=0.07)


def test_independent_frames_drift_slowly():
    """The structure model alone: neighbouring frames are alike with memory, and not without."""
    denoiser = network("structure")
    config = GenerationConfig(n_frames=12, n_samples=6, seed=3, hydrogens=False)
    steps = []
    for memory in (None, {"components": [(1e6, 0.5), (100.0, 0.5)], "floor": 0.1}):
        denoiser.process = Preconditioned(sigma_data=1.5, memory=memory)
        model = Model("structure", denoiser, {"frame_ps": PS, "sampler": {"name": "sde", "steps": 4}})
        made = generate_trajectories(model, molecule(CHIRAL), config)
        steps.append(np.mean([np.abs(np.diff(t.positions, axis=0)).mean() for t in made]))
    assert steps[1] < 0.7 * steps[0]
