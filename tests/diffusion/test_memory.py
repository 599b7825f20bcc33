"""Noise with a memory: covariance in time of each atom, given frames, sampling in its modes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from eginterpolator.diffusion.memory import GRID, NoiseMemory
from eginterpolator.diffusion.process import Preconditioned, process_from_config
from eginterpolator.diffusion.samplers import SamplerConfig
from eginterpolator.errors import InputError

SCALE, FLOOR, PS = 1.5, 0.3, 5.2
TIMES = torch.tensor([[2.0, 12.0, 200.0]])


def predicted(n_frames: int, *given: int) -> torch.Tensor:
    rows = torch.ones((1, n_frames), dtype=torch.bool)
    rows[0, list(given)] = False
    return rows


def kernel(n_frames: int, time: float) -> np.ndarray:
    lag = np.abs(np.subtract.outer(np.arange(n_frames), np.arange(n_frames))) * PS
    tau = SCALE * max(0.0, GRID ** round(np.log(time) / np.log(GRID)) - PS)
    if tau == 0:
        return np.eye(n_frames)
    ratio = lag / tau
    return (1 + ratio) * np.exp(-ratio)


@pytest.mark.parametrize("sigma", [0.1, 0.3, 2.0])
@pytest.mark.parametrize("given", [(), (0,), (0, 11)])
def test_the_covariance_of_each_atom_is_white_up_to_the_floor_and_drifts_above(sigma, given):
    modes = NoiseMemory(SCALE, FLOOR).modes(predicted(12, *given), TIMES, PS)
    white = min(sigma, FLOOR) ** 2
    free = np.setdiff1d(np.arange(12), given)
    for atom, time in enumerate(TIMES[0].tolist()):
        level, basis = modes.level(sigma)[0, :, atom, 0], modes.basis[0, atom].double()
        covariance = ((basis * level**2) @ basis.T).numpy()
        wanted = white * np.eye(12) + (sigma**2 - white) * kernel(12, time)
        np.testing.assert_allclose(covariance[np.ix_(free, free)], wanted[np.ix_(free, free)], atol=1e-5)
        assert not covariance[np.ix_(free, given)].any()
        assert covariance.diagonal() == pytest.approx(np.full(12, sigma**2), rel=1e-4)


def test_rows_of_a_batch_have_their_own_times_and_given_frames():
    rows = torch.cat([predicted(7), predicted(7, 0), predicted(7)])
    times = torch.tensor([[12.0, 200.0], [12.0, 200.0], [200.0, 12.0]])
    together = NoiseMemory(SCALE, FLOOR).modes(rows, times, PS)
    for k in range(3):
        alone = NoiseMemory(SCALE, FLOOR).modes(rows[k : k + 1], times[k : k + 1], PS)
        assert torch.equal(together.basis[k], alone.basis[0]) and torch.equal(
            together.level(2.0)[k], alone.level(2.0)[0]
        )
    assert torch.equal(together.basis[0, 0], together.basis[2, 1])
    assert not torch.equal(together.basis[0], together.basis[1])


def test_modes_and_frames_are_one_rotation_apart():
    modes = NoiseMemory(SCALE).modes(predicted(9, 0), torch.tensor([[2.0, 9.0, 50.0, 400.0]]), PS)
    x = torch.randn((1, 9, 4, 3))
    torch.testing.assert_close(modes.frames(modes.coefficients(x)), x)
    torch.testing.assert_close(modes.coefficients(x).square().sum(), x.square().sum())


def test_without_memory_or_with_one_frame_nothing_changes():
    x = torch.randn((1, 5, 3, 3))
    for memory, n_frames in ((NoiseMemory(), 5), (NoiseMemory(SCALE), 1)):
        modes = memory.modes(predicted(n_frames), TIMES, PS)
        assert modes.frames(x) is x and modes.coefficients(x) is x and modes.level(0.7) == 0.7


def test_it_is_part_of_the_config():
    process = Preconditioned(memory={"scale": SCALE, "floor": FLOOR})
    again = process_from_config(json.loads(json.dumps(process.config())))
    assert again.config() == process.config() and again.memory.config() == {"scale": SCALE, "floor": FLOOR}
    assert "memory" not in Preconditioned().config()


@pytest.mark.parametrize("bad", [(-1.0, 0.1), (1.0, -0.1), (float("nan"), 0.1)])
def test_what_is_no_memory_is_refused(bad):
    with pytest.raises(InputError, match="does not exist"):
        NoiseMemory(*bad)


@pytest.mark.parametrize("name, steps", [("sde", 60), ("heun", 40), ("ddim", 200), ("stochastic", 60)])
def test_samplers_reach_a_gaussian_process_from_correlated_noise(name, steps):
    """Data with a covariance in time C: the exact denoiser is linear, and samples must have C again."""
    n_frames, rows = 6, 6000
    lag = np.abs(np.subtract.outer(np.arange(n_frames), np.arange(n_frames)))
    target = torch.from_numpy(0.5 * np.exp(-lag / 2.0) + 0.5 * np.exp(-lag / 0.3))
    modes = NoiseMemory(SCALE, FLOOR).modes(predicted(n_frames), torch.tensor([[6.0]]), PS)
    basis = modes.basis[0, 0].double()

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
