"""Blocks of frames: seeds, windows, noise with a memory, and draws that fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.diffusion.memory import NoiseMemory
from eginterpolator.diffusion.process import Preconditioned
from eginterpolator.errors import GenerationError
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.generation import sampling
from eginterpolator.generation.sampling import Sampler, derive_seed
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories, network_calls
from eginterpolator.models.registry import Model
from tests.builders.generation import LONG, SMALL, moved, positions
from tests.builders.networks import CHIRAL, WINDOW, molecule, network

SCALE, FLOOR, PS = 1.5, 0.3, 5.2


def test_molecules_and_blocks_have_seeds_of_their_own():
    base = (1, molecule(CHIRAL), 0, 0, 0)
    changed = [(2, *base[1:]), (1, molecule("CCO"), 0, 0, 0), (*base[:2], 1, 0, 0), (*base[:3], 1, 0), (*base[:4], 1)]
    seeds = {derive_seed(*arguments) for arguments in [base, *changed]}
    assert len(seeds) == 6 and all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(1, Molecule.from_smiles("CCO"), 0, 0, 0) == 6607496170953703936  # on every machine


def test_each_block_goes_on_from_the_last_frame(tiny, monkeypatch):
    calls = []
    draw = Sampler.draw

    def recorded(self, samples, n_frames, given, block=0, progress=lambda calls: None):
        result = draw(self, samples, n_frames, given, block, progress)
        calls.append((n_frames, block, given, result))
        return result

    monkeypatch.setattr(Sampler, "draw", recorded)
    long = positions(tiny, LONG)
    assert [(n, block) for n, block, _, _ in calls] == [(WINDOW, 0), (WINDOW, 1), (5, 2)]
    for (_, _, _, before), (_, _, given, after) in zip(calls, calls[1:], strict=False):
        for k in range(3):
            np.testing.assert_array_equal(given[k].first, before[k, -1])
            np.testing.assert_array_equal(after[k, 0], before[k, -1])
    assert all(len(x) == LONG.n_frames for x in long)
    short = positions(tiny, replace(LONG, n_frames=WINDOW))
    for one, other in zip(short, long, strict=True):
        np.testing.assert_array_equal(one, other[:WINDOW])


def test_noise_with_a_memory_draws_all_frames_together_through_shifted_windows(tiny, monkeypatch):
    seen = []
    forward = type(tiny.denoiser).forward

    def recorded(self, x, *arguments):
        seen.extend([x.shape[1]] * x.shape[0])
        return forward(self, x, *arguments)

    monkeypatch.setattr(type(tiny.denoiser), "forward", recorded)
    monkeypatch.setattr(tiny.denoiser.process, "memory", NoiseMemory(1.5, 0.2))
    n_frames = 2 * WINDOW + 3
    config = replace(LONG, n_frames=n_frames, n_samples=1)
    made = positions(tiny, config)
    assert made[0].shape[0] == n_frames and np.isfinite(made[0]).all()
    half = WINDOW // 2
    even, odd = [WINDOW, WINDOW, 3], [WINDOW - half, WINDOW, 3 + half]
    passes = network_calls(tiny, config)
    assert passes > 2 and seen == ([*even, *odd] * passes)[: 3 * passes]


def test_windows_go_through_the_network_together_and_do_not_see_each_other(tiny, monkeypatch):
    calls = []
    forward = type(tiny.denoiser).forward

    def recorded(self, x, *arguments):
        calls.append(x.shape[:2])
        return forward(self, x, *arguments)

    monkeypatch.setattr(type(tiny.denoiser), "forward", recorded)
    monkeypatch.setattr(tiny.denoiser.process, "memory", NoiseMemory(1.5, 0.2))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    made = {}
    for budget in (1, 10**6):
        monkeypatch.setattr(sampling, "PAIR_BUDGET", {"cpu": budget})
        made[budget] = positions(tiny, replace(LONG, n_frames=3 * WINDOW, n_samples=2, batch=2))
        largest = max(count for count, _ in calls)
        assert largest == (2 if budget == 1 else 6)
        calls.clear()
    for one, other in zip(*made.values(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_at_strength_0_the_noise_has_no_memory(tiny, monkeypatch):
    config = replace(SMALL, strength=0.0)
    white = positions(tiny, config)
    monkeypatch.setattr(tiny.denoiser.process, "memory", NoiseMemory(1.5, 0.2))
    for one, other in zip(white, positions(tiny, config), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(positions(tiny, SMALL)[0], white[0])


@pytest.mark.parametrize("task", ["unconditional", "interpolation"])
def test_noise_with_a_memory_shuffles_frames_within_wells(tiny, monkeypatch, task):
    ends = {}
    if task == "interpolation":
        ends = {name: Endpoint.of(moved(CHIRAL, seed), molecule(CHIRAL)) for name, seed in (("start", 3), ("end", 4))}
    config = replace(SMALL, task=task, n_frames=12, hydrogens=False)
    monkeypatch.setattr(tiny.denoiser.process, "memory", NoiseMemory(1.5, 0.2))
    shuffled = positions(tiny, config, **ends)
    monkeypatch.setattr("eginterpolator.generation.sampling.shuffled_within_wells", lambda x, *_: np.arange(len(x)))
    plain = positions(tiny, config, **ends)

    def shapes(frames: np.ndarray) -> list[tuple[float, ...]]:
        return [tuple(pdist(frame).round(2)) for frame in frames]

    for one, other in zip(shuffled, plain, strict=True):
        assert shapes(one) != shapes(other) and sorted(shapes(one)) == sorted(shapes(other))
        for end in (0, -1) if ends else ():
            np.testing.assert_array_equal(one[end], other[end])


def fail_draws(model: Model, monkeypatch, bad: float, which: list[tuple[int, int]]) -> list[int]:
    """Spoil one coordinate of (draw, row of its batch); returns a list that fills with the size of each draw."""
    draw, forward, sizes = Sampler._draw, model.denoiser.forward, []

    def counted(self, seeds, *arguments):
        sizes.append(len(seeds))
        return draw(self, seeds, *arguments)

    def spoiled(x, *arguments):
        result = forward(x, *arguments)
        for number, row in which:
            if number == len(sizes) - 1:
                result[row, -1, 0, 0] = bad
        return result

    monkeypatch.setattr(Sampler, "_draw", counted)
    monkeypatch.setattr(model.denoiser, "forward", spoiled)
    return sizes


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_sample_that_is_not_finite_is_drawn_again_with_another_seed(tiny, monkeypatch, bad, caplog):
    right = positions(tiny, SMALL)
    sizes = fail_draws(tiny, monkeypatch, bad, [(0, 1)])
    made = positions(tiny, SMALL)
    assert sizes == [3, 1] and "samples [1] are not finite" in caplog.text
    assert all(np.isfinite(x).all() and np.abs(x).max() > 0 for x in made)
    assert made[0].tobytes() == right[0].tobytes() and made[2].tobytes() == right[2].tobytes()
    assert np.abs(made[1] - right[1]).max() > 1e-2


def test_a_sample_that_stays_non_finite_is_a_failure(tiny, monkeypatch):
    sizes = fail_draws(tiny, monkeypatch, float("nan"), [(0, 1), (1, 0), (2, 0)])
    with pytest.raises(GenerationError, match="Sample 1 of 'molecule' has coordinates that are not finite after 3"):
        positions(tiny, SMALL)
    assert sizes == [3, 1, 1]


def test_independent_frames_drift_slowly():
    """The structure model alone: neighbouring frames are alike with memory, and not without."""
    denoiser = network("structure")
    config = GenerationConfig(n_frames=12, n_samples=6, seed=3, hydrogens=False)
    steps = []
    for memory in (None, {"scale": 50.0, "floor": 0.1}):
        denoiser.process = Preconditioned(sigma_data=1.5, memory=memory)
        model = Model("structure", denoiser, {"frame_ps": PS, "sampler": {"name": "sde", "steps": 4}})
        made = generate_trajectories(model, molecule(CHIRAL), config)
        steps.append(np.mean([np.abs(np.diff(t.positions, axis=0)).mean() for t in made]))
    assert steps[1] < 0.7 * steps[0]
