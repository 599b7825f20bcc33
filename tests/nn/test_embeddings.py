"""Embeddings of atoms, distances, noise levels and lags."""

from __future__ import annotations

import torch

from eginterpolator.chemistry.codes import COLUMNS, ENSEMBLES
from eginterpolator.nn.attention import pairwise
from eginterpolator.nn.embeddings import AtomEmbedding, LagBias, NoiseEmbedding, RadialBasis
from tests.builders.networks import CHIRAL, graphs


def test_atom_embedding_sums_one_vector_a_column():
    columns = list(COLUMNS.values())
    embedding = AtomEmbedding(8, columns, 2)
    batch = graphs(CHIRAL)
    got = embedding(batch)[0]
    for atom in range(len(got)):
        rows = [sum(columns[:k]) + int(code) for k, code in enumerate(batch.codes[0, atom])]
        wanted = embedding.table.weight[rows].sum(0) + embedding.charge(batch.charges[0, atom, None])
        torch.testing.assert_close(got[atom], wanted + embedding.ensemble.weight[0])


def test_conditions_that_a_network_does_not_know_change_nothing():
    embedding = AtomEmbedding(8)
    usual, other = graphs(CHIRAL), graphs(CHIRAL, ensembles=[ENSEMBLES.index("vacuum")], temperatures=[450.0])
    assert torch.equal(embedding(usual), embedding(other))
    assert not torch.equal(embedding(usual), embedding(graphs(CHIRAL, ensembles=[ENSEMBLES.index("minimum")])))


def test_ensemble_and_temperature_are_told_and_begin_as_what_the_weights_knew():
    before, embedding = AtomEmbedding(8), AtomEmbedding(8, ensembles=len(ENSEMBLES), temperatures=True)
    batches = [
        graphs(CHIRAL, ensembles=[k], temperatures=[t]) for k, t in ((0, 300.0), (0, 450.0), (2, 300.0), (3, 250.0))
    ]
    assert len({tuple(embedding(each)[0, 0].tolist()) for each in batches}) == 4
    embedding.load_state_dict(before.state_dict())
    for each in batches:
        assert torch.equal(embedding(each), before(batches[0]))
    assert torch.equal(embedding.ensemble.weight[1], before.ensemble.weight[1])


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


def test_far_lags_have_a_bias_that_makes_no_denormal_weights():
    bias = LagBias(heads=2)(2000, 5.2)
    assert bias.shape == (2, 2000)
    weights = bias.exp()
    assert (weights >= torch.finfo(torch.float32).tiny).all()
    assert weights.min() < 1e-16
