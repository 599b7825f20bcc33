"""Autoregressive models: two frames at a time, in one graph."""

from __future__ import annotations

import pytest
import torch

from eginterpolator.errors import InputError
from eginterpolator.models.baselines.autoregressive import joined
from tests.builders.baselines import denoiser
from tests.builders.networks import CHIRAL, frames, graphs, raw


@pytest.mark.parametrize("kind", ("AutoregressiveEGNN", "AutoregressiveET"))
def test_autoregressive_models_see_two_frames(kind):
    with pytest.raises(InputError, match="n_frames: 2"):
        raw(denoiser(kind), frames(CHIRAL, 3), graphs(CHIRAL))


def test_the_joined_graph_holds_both_frames_atoms():
    batch = graphs(CHIRAL)
    both, size = joined(batch, 2), batch.mask.shape[1]
    assert both.mask.shape == (1, 2 * size) and both.codes.shape[1] == 2 * size
    assert torch.equal(both.edges[:, :size, size:], batch.edges) and both.edges[0, 0, size] == 0
    assert torch.equal(both.triples[:, batch.triples.shape[1] :], batch.triples + size)
    assert torch.equal(both.signs, batch.signs.repeat(1, 2))
