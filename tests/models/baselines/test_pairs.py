"""Scores of distances become scores of coordinates."""

from __future__ import annotations

import torch

from eginterpolator.models.baselines.pairs import edge_vectors, pair_distances, within_hops
from tests.builders.networks import CHIRAL, frames, graphs


def test_edge_scores_become_coordinate_scores_by_the_chain_rule():
    """sum_j s_ij (x_i - x_j)/d_ij is the gradient of sum_{i<j} log N(d_ij; mu, sigma^2) where s is that of d_ij."""
    batch, sigma = graphs(CHIRAL), 0.7
    x = frames(CHIRAL, 1).double().requires_grad_()
    pairs = within_hops(batch, 3)
    distance, unit = pair_distances(x)
    mean = torch.full_like(distance, 1.5)
    score = -(distance - mean) / sigma**2
    half = pairs[:, None].triu(diagonal=1)
    (gradient,) = torch.autograd.grad((-((distance - mean) ** 2) / (2 * sigma**2) * half).sum(), x)
    assert torch.allclose(edge_vectors(score, unit, pairs), gradient, atol=1e-10)
