"""What all baselines share: symmetries, padding, model folders, given frames, no structure model inside."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from eginterpolator.data.batching import collate_graphs
from eginterpolator.errors import InputError
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.models.registry import Model, load_model, save_model
from eginterpolator.nn.graph_batch import centre
from tests.builders.baselines import BY_DISTANCE, OVER_TIME, SYSTEMS, denoiser
from tests.builders.networks import (
    CHIRAL,
    FRAME_PS,
    MIRROR,
    frames,
    graph,
    graphs,
    molecule,
    permuted,
    raw,
    relative_error,
    rotations,
)

TOLERANCE = 1e-4


@pytest.fixture(params=SYSTEMS)
def kind(request) -> str:
    return request.param


def test_rotation_translation_and_parity(kind):
    x, batch = frames(CHIRAL, 2), graphs(CHIRAL)
    base = raw(denoiser(kind), x, batch)
    assert base.abs().max() > 0.05
    for rotation in rotations(2):
        moved = x @ rotation.T + torch.tensor([3.0, -2.0, 5.0])
        assert relative_error(raw(denoiser(kind), moved, batch), base @ rotation.T) < TOLERANCE
    assert relative_error(raw(denoiser(kind), x @ rotations(1)[0].T, batch), base) > 0.1
    mirrored = relative_error(raw(denoiser(kind), x * MIRROR, batch), base * MIRROR)
    assert mirrored < TOLERANCE if kind in BY_DISTANCE else mirrored > 0.01


def test_permutation_and_padding(kind):
    x, batch = frames(CHIRAL, 2), graphs(CHIRAL)
    base = raw(denoiser(kind), x, batch)
    order = torch.from_numpy(np.random.default_rng(3).permutation(x.shape[2]))
    assert relative_error(raw(denoiser(kind), x[:, :, order], permuted(batch, order)), base[:, :, order]) < TOLERANCE
    wide = collate_graphs([graph(CHIRAL), graph("CCO")], n_atoms=14, n_triples=6)
    padded = torch.zeros(2, 2, 14, 3)
    padded[0, :, : x.shape[2]] = x
    padded[1, :, :3] = frames("CCO", 2)
    together = raw(denoiser(kind), padded, wide)
    assert relative_error(together[:1, :, : x.shape[2]], base) < TOLERANCE
    assert together[0, :, x.shape[2] :].abs().max() == 0


def test_a_model_folder_rebuilds_each(kind, tmp_path):
    model, process, _, _ = SYSTEMS[kind]
    save_model(tmp_path, denoiser(kind), {"name": kind, "model": model, "process": process.config()})
    loaded = load_model(tmp_path).denoiser
    assert type(loaded) is type(denoiser(kind)) and type(loaded.network).__name__ == kind
    x, batch = frames(CHIRAL, 2), graphs(CHIRAL)
    assert torch.equal(raw(loaded, x, batch), raw(denoiser(kind), x, batch))


@pytest.mark.parametrize("kind", OVER_TIME)
def test_given_frames_stay_and_matter(kind):
    x, batch = frames(CHIRAL, 2), graphs(CHIRAL)
    x = centre(x, batch.mask)
    predicted = torch.tensor([[False, True]])
    sigma = torch.tensor([[0.0, 0.8]])
    with torch.no_grad():
        out = denoiser(kind)(x, sigma, batch, predicted, FRAME_PS)
        other = x.clone()
        other[:, 0] = centre(frames(CHIRAL, 1, seed=9), batch.mask)[:, 0]
        changed = denoiser(kind)(other, sigma, batch, predicted, FRAME_PS)
    assert torch.equal(out[:, 0], x[:, 0]) and torch.equal(changed[:, 0], other[:, 0])
    assert relative_error(changed[:, 1], out[:, 1]) > 1e-3, "the next frame depends on the current one"


@pytest.mark.parametrize("kind", OVER_TIME)
def test_there_is_no_structure_model_inside(kind):
    model = Model(kind, denoiser(kind), {"window": 2, "sampler": SYSTEMS[kind][2]})
    config = GenerationConfig(n_frames=2, strength=0.5, hydrogens=False)
    with pytest.raises(InputError, match="no structure model"):
        generate_trajectories(model, molecule("CCO"), config)
