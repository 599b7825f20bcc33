"""Symmetries that every network has: rotations, translations, permutations, padding, and a parity that is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from eginterpolator.chemistry.codes import CHIRALITY_COLUMN, COLUMNS, EDGE_HOPS, EDGE_TYPES
from eginterpolator.data.batches import _mirror
from eginterpolator.data.batching import collate_graphs
from eginterpolator.nn.attention import pairwise
from eginterpolator.nn.embeddings import AtomEmbedding, LagBias, NoiseEmbedding, RadialBasis
from eginterpolator.nn.graph_batch import centre
from eginterpolator.nn.structure_layer import OrientedTriples, State, make_context
from tests.builders.networks import (
    CHIRAL,
    FRAME_PS,
    MIRRORED,
    MODELS,
    all_predicted,
    frames,
    graph,
    graphs,
    molecule,
    network,
    permuted,
    raw,
    relative_error,
    rotations,
    shake,
)

T = 5
TOLERANCE = 1e-4
MIRROR = torch.tensor([-1.0, 1.0, 1.0])


@pytest.fixture(params=MODELS, scope="module")
def denoiser(request):
    return network(request.param)


def test_rotation_and_translation(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    base = raw(denoiser, x, batch)
    assert base.abs().max() > 0.1
    for rotation in rotations(3):
        moved = x @ rotation.T + torch.tensor([3.0, -2.0, 5.0])
        assert relative_error(raw(denoiser, moved, batch), base @ rotation.T) < TOLERANCE
    # the test can fail: the outputs before and after are not the same
    assert relative_error(raw(denoiser, x @ rotations(1)[0].T, batch), base) > 0.1


def test_a_translation_of_single_frames_changes_nothing(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    shift = torch.arange(T)[None, :, None, None] * torch.tensor([1.0, 0.5, -0.3])
    assert relative_error(raw(denoiser, x + shift, batch), raw(denoiser, x, batch)) < TOLERANCE


def test_a_mirror_image_needs_the_other_signs(denoiser):
    """The signs decide: R/S labels are features of the atoms, which the two isomers learn each for itself."""
    x, batch, other = frames(CHIRAL, T), graphs(CHIRAL), graphs(MIRRORED)
    mirrored = raw(denoiser, x, batch) * MIRROR
    assert relative_error(raw(denoiser, x * MIRROR, batch), mirrored) > 0.01
    assert relative_error(raw(denoiser, x * MIRROR, replace(batch, signs=other.signs)), mirrored) < TOLERANCE
    assert relative_error(raw(denoiser, x * MIRROR, replace(batch, codes=other.codes)), mirrored) > 0.01


def test_a_molecule_without_stereo_keeps_the_parity(denoiser):
    x, batch = frames("CCOC", T), graphs("CCOC")
    assert relative_error(raw(denoiser, x * MIRROR, batch), raw(denoiser, x, batch) * MIRROR) < TOLERANCE


def test_the_order_of_a_centres_neighbours_does_not_matter(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    swapped = replace(batch, triples=batch.triples[:, :, [0, 2, 1, 3]], signs=-batch.signs)
    assert relative_error(raw(denoiser, x, swapped), raw(denoiser, x, batch)) < TOLERANCE


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


def test_cis_and_trans_are_told_apart(denoiser):
    cis, trans = "C/C=C\\C#N", "C/C=C/C#N"
    x = frames(trans, T)
    assert relative_error(raw(denoiser, x, graphs(cis)), raw(denoiser, x, graphs(trans))) > 1e-3


def test_permutation_of_atoms(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    order = torch.from_numpy(np.random.default_rng(3).permutation(x.shape[2]))
    got = raw(denoiser, x[:, :, order], permuted(batch, order))
    wanted = raw(denoiser, x, batch)[:, :, order]
    assert relative_error(got, wanted) < TOLERANCE


@pytest.mark.parametrize("padding", [0, 4])
def test_the_output_does_not_depend_on_the_batch(denoiser, padding):
    smiles = [CHIRAL, "CO", "C[C@H](O)[C@@H](C)C#N"]
    size = max(molecule(s).n_heavy for s in smiles) + padding
    batch = graphs(*smiles, n_atoms=size, n_triples=12)
    x = 50 * torch.randn((3, T, size, 3), generator=torch.Generator().manual_seed(0))  # nonsense at padding
    singles = [frames(s, T) for s in smiles]
    for k, single in enumerate(singles):
        x[k, :, : single.shape[2]] = single
    together = raw(denoiser, x, batch)
    for k, (s, single) in enumerate(zip(smiles, singles, strict=True)):
        alone, n = raw(denoiser, single, graphs(s)), single.shape[2]
        torch.testing.assert_close(together[k, :, :n], alone[0], rtol=1e-5, atol=1e-5)
        assert (together[k, :, n:] == 0).all()


def test_the_noise_level_and_the_ensemble_are_seen(denoiser):
    x, batch = frames(CHIRAL, T), graphs(CHIRAL)
    base = raw(denoiser, x, batch)
    assert relative_error(raw(denoiser, x, batch, sigma=0.3), base) > 0.01
    other = collate_graphs([graph(CHIRAL)], [1])
    assert relative_error(raw(denoiser, x, other), base) > 0.01


def test_denoised_frames_are_centred_and_finite(denoiser):
    x = 10.0 + frames(CHIRAL, T)
    sigma = torch.full(x.shape[:2], 0.6)
    with torch.no_grad():
        clean = denoiser(x, sigma, graphs(CHIRAL), all_predicted(x), FRAME_PS)
    assert torch.isfinite(clean).all()
    torch.testing.assert_close(clean.mean(dim=2), torch.zeros(1, T, 3), atol=1e-5, rtol=0)


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


def test_centre_leaves_padding_at_zero():
    batch = graphs("CO", "CCO")
    x = torch.randn((2, 4, 3, 3))
    got = centre(x, batch.mask)
    assert (got[0, :, 2] == 0).all()
    torch.testing.assert_close(got.sum(dim=2), torch.zeros(2, 4, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(got[1, :, 0] - got[1, :, 1], x[1, :, 0] - x[1, :, 1])


def test_atom_embedding_sums_one_vector_a_column():
    columns = list(COLUMNS.values())
    embedding = AtomEmbedding(columns, 2, 8)
    batch = graphs(CHIRAL)
    got = embedding(batch)[0]
    for atom in range(len(got)):
        rows = [sum(columns[:k]) + int(code) for k, code in enumerate(batch.codes[0, atom])]
        wanted = embedding.table.weight[rows].sum(0) + embedding.charge(batch.charges[0, atom, None])
        torch.testing.assert_close(got[atom], wanted + embedding.ensemble.weight[0])


def test_lag_bias_is_symmetric_and_falls_with_time():
    bias = LagBias(4)
    torch.nn.init.zeros_(bias.mlp[2].weight)
    got = bias(20, 5.2).detach()
    assert (got.diff(dim=-1) < 0).all()
    pairs = pairwise(got)
    assert torch.equal(pairs, pairs.transpose(1, 2)) and torch.equal(pairs[:, 0], got)
    assert not torch.allclose(got, bias(20, 2.6))


def test_radial_basis_is_fine_at_bond_lengths():
    basis = RadialBasis(24, 14.0)
    assert torch.allclose(basis(torch.tensor([0.0, 14.0]))[[0, 1], [0, -1]], torch.ones(2))
    near, far = (basis(torch.tensor([d, d + 0.1])).diff(dim=0).norm() for d in (1.4, 10.0))
    assert near > 3 * far


def test_noise_embedding_tells_near_labels_apart():
    embedding = NoiseEmbedding(8)
    got = embedding(torch.tensor([0.0, 0.05, 1.0]))
    assert got.shape == (3, 8) and len({tuple(row.tolist()) for row in got}) == 3


def test_mirrored_batches_are_those_of_the_other_isomer():
    batch, other = graphs(CHIRAL), graphs(MIRRORED)
    x = frames(CHIRAL, 1)
    got, mirrored = _mirror(batch, x, torch.tensor([True]))
    assert torch.equal(got.codes, other.codes) and torch.equal(got.signs, other.signs)
    assert set(batch.codes[0, :, CHIRALITY_COLUMN].tolist()) != set(got.codes[0, :, CHIRALITY_COLUMN].tolist())
    assert torch.equal(mirrored, -x)
    same, untouched = _mirror(batch, x, torch.tensor([False]))
    assert torch.equal(same.codes, batch.codes) and torch.equal(untouched, x)
