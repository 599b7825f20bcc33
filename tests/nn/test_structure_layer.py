"""The layer of structures: stereo in its scalars, pairs within reach, triples of the batch."""

from __future__ import annotations

from dataclasses import replace

import torch

from eginterpolator.chemistry.codes import EDGE_HOPS, EDGE_TYPES
from eginterpolator.nn.structure_layer import OrientedTriples, State, make_context
from tests.builders.networks import CHIRAL, MIRROR, frames, graphs, molecule, shake


def test_the_signed_volume_of_a_stereocentre_reaches_its_scalars():
    """Right and wrong isomer differ in the scalars of the centre and its neighbours; nothing else does."""
    layer, channels = OrientedTriples(8, 3), 3
    shake(layer)
    x, batch = frames(CHIRAL, 1), graphs(CHIRAL)
    state = State(x, torch.ones((*x.shape[:3], 8)), torch.zeros((*x.shape[:3], channels, 3)))

    def scalars(x, batch):
        return layer(state._replace(x=x), make_context(batch, torch.zeros((1, 1, 8)), 7)).h[0, 0].detach()

    right, wrong = scalars(x, batch), scalars(x * MIRROR, batch)
    touched = sorted(set(batch.triples.flatten().tolist()))
    rest = [k for k in range(x.shape[2]) if k not in touched]
    assert ((right - wrong)[touched].abs().amax(dim=1) > 0.01).all()
    assert torch.equal(right[rest], state.h[0, 0, rest]) and torch.equal(wrong[rest], right[rest])
    torch.testing.assert_close(scalars(x * MIRROR, replace(batch, signs=-batch.signs)), right)


def test_pairs_beyond_max_hops_exchange_no_message():
    batch = graphs("CCCCCC")
    noise = torch.zeros((1, 1, 4))
    near = make_context(batch, noise, 3).pairs[0, 0, :, :, 0]
    index = torch.arange(6)
    distance = (index[:, None] - index[None]).abs()
    assert torch.equal(near.bool(), (distance >= 1) & (distance <= 3))
    assert make_context(batch, noise, 7).pairs.sum() == 30
    assert len(EDGE_HOPS) == len(EDGE_TYPES)


def test_the_context_packs_the_real_triples_of_the_batch():
    batch = graphs("CO", CHIRAL, n_triples=6)
    stereo = make_context(batch, torch.zeros((2, 1, 4)), 7).stereo
    n = batch.mask.shape[1]
    assert stereo is not None
    assert torch.equal(stereo.atoms, batch.triples[1, : len(stereo.signs)] + n)
    assert stereo.signs.abs().eq(1).all() and len(stereo.signs) == len(molecule(CHIRAL).triples)
    assert make_context(graphs("CO"), torch.zeros((1, 1, 4)), 7).stereo is None
