"""Noise with a memory: its covariance in time, what it leaves alone, and what it does to independent frames."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from eginterpolator.diffusion.memory import NoiseMemory
from eginterpolator.diffusion.process import Preconditioned, process_from_config
from eginterpolator.errors import InputError
from eginterpolator.generation import GenerationConfig, generate_trajectories
from eginterpolator.models.registry import Model
from network_helpers import CHIRAL, molecule, network

COMPONENTS = [(1e6, 0.4), (100.0, 0.35), (20.0, 0.15)]


def white(n_frames: int, rows: int = 4000) -> torch.Tensor:
    return torch.randn((rows, n_frames, 2, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_the_covariance_is_the_mixture_of_exponentials():
    noise = NoiseMemory(COMPONENTS)(white(12), 5.2).flatten(2).movedim(1, -1).flatten(0, 1)
    lag = np.abs(np.subtract.outer(np.arange(12), np.arange(12))) * 5.2
    wanted = 0.4 * np.exp(-lag / 1e6) + 0.35 * np.exp(-lag / 100) + 0.15 * np.exp(-lag / 20) + 0.1 * (lag == 0)
    np.testing.assert_allclose(np.cov(noise.numpy().T), wanted, atol=0.03)
    assert np.cov(noise.numpy().T).diagonal() == pytest.approx(np.ones(12), abs=0.03)


def test_without_components_or_with_one_frame_it_is_the_noise_that_went_in():
    for memory, noise in ((NoiseMemory(), white(5, 2)), (NoiseMemory(COMPONENTS), white(1, 2))):
        assert memory(noise, 5.2) is noise


def test_earlier_frames_do_not_depend_on_how_many_follow():
    memory, noise = NoiseMemory(COMPONENTS), white(20, 2)
    torch.testing.assert_close(memory(noise, 5.2)[:, :8], memory(noise[:, :8], 5.2))


def test_long_times_in_long_windows_stay_finite():
    assert NoiseMemory([(1e9, 1.0)])(white(300, 1), 5.2).isfinite().all()


def test_it_is_part_of_the_config():
    process = Preconditioned(memory=COMPONENTS)
    again = process_from_config(json.loads(json.dumps(process.config())))
    assert isinstance(again, Preconditioned) and again.memory == process.memory != NoiseMemory()


@pytest.mark.parametrize("bad", [[(0.0, 0.5)], [(-1.0, 0.5)], [(10.0, -0.1)], [(10.0, 0.7), (20.0, 0.7)]])
def test_what_is_no_correlation_is_refused(bad):
    with pytest.raises(InputError, match="'memory' is"):
        NoiseMemory(bad)


def test_independent_frames_drift_slowly_and_are_the_same_molecules():
    """The structure model alone: neighbouring frames are alike with memory, and not without."""
    denoiser = network("structure")
    config = GenerationConfig(n_frames=12, n_samples=6, seed=3, hydrogens=False)
    steps = []
    for memory in ([], COMPONENTS[:2] + [(20.0, 0.25)]):
        denoiser.process = Preconditioned(sigma_data=1.5, memory=memory)
        model = Model("structure", denoiser, {"frame_ps": 5.2, "sampler": {"name": "sde", "steps": 4}})
        made = generate_trajectories(model, molecule(CHIRAL), config)
        steps.append(np.mean([np.abs(np.diff(t.positions, axis=0)).mean() for t in made]))
        first = [t.positions for t in generate_trajectories(model, molecule(CHIRAL), replace(config, n_frames=1))]
        assert np.isfinite(first).all()
    assert steps[1] < 0.6 * steps[0]
