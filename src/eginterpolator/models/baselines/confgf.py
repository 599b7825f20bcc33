"""ConfGF: the score of interatomic distances, turned into a score of coordinates (SPEC section 7; Shi et al. 2021)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from eginterpolator.models.baselines.pairs import (
    EdgeEmbedding,
    EdgeScalar,
    GINLayer,
    edge_vectors,
    pair_distances,
    within_hops,
)
from eginterpolator.nn.embeddings import AtomEmbedding, Codes
from eginterpolator.nn.graph_batch import GraphBatch


class ConfGF(nn.Module):
    """GIN message passing on the 3-hop graph with distances on its edges.

    Equation (B2) of docs/benchmark.md.

    The network does not see the noise level: the score at level sigma is its output over sigma, so that one function
    of the distances serves all levels (Song and Ermon 2020, NCSNv2).

    Parameters
    ----------
    hidden, layers : int
        Width, and number of GIN layers.
    max_hops : int
        Pairs at most so many bonds apart are edges.
    columns, ensembles
        As for `AtomEmbedding`.
    """

    def __init__(self, hidden: int = 256, layers: int = 4, max_hops: int = 3, **codes: Unpack[Codes]) -> None:
        super().__init__()
        self.max_hops = max_hops
        self.atoms = AtomEmbedding(hidden, **codes)
        self.edges = EdgeEmbedding(hidden)
        self.layers = nn.ModuleList(GINLayer(hidden, last=k == layers - 1) for k in range(layers))
        self.score = EdgeScalar(hidden)

    def edge_scores(self, distance: Tensor, graph: GraphBatch) -> tuple[Tensor, Tensor]:
        """Sigma times the score of each distance, and which pairs are edges.

        Parameters
        ----------
        distance : [B, T, N, N]
            Å; in training perturbed by Gaussian noise, so that they may be negative.
        graph : GraphBatch

        Returns
        -------
        scores [B, T, N, N], pairs bool [B, N, N]
        """
        pairs = within_hops(graph, self.max_hops)
        edges = self.edges(distance, graph)
        h = self.atoms(graph)[:, None].expand(-1, distance.shape[1], -1, -1)
        for layer in self.layers:
            h = layer(h, edges, pairs)
        return self.score(h, edges), pairs

    def forward(self, x: Tensor, label: Tensor, graph: GraphBatch) -> Tensor:
        """Sigma times the score of coordinates x [B, T, N, 3] Å: s_i = sum_j s_ij (x_i - x_j) / d_ij, [B, T, N, 3].

        `label` is not used: see the class.
        """
        distance, unit = pair_distances(x)
        scores, pairs = self.edge_scores(distance, graph)
        return edge_vectors(scores, unit, pairs)

    def distance_loss(self, x0: Tensor, sigma: Tensor, noise: Tensor, graph: GraphBatch) -> Tensor:
        """Denoising score matching on the distances of x0 [B, T, N, 3], weighted by sigma squared: [B, T].

        Equation (B1) of docs/benchmark.md.

        With d' = d + sigma z the score is -(d' - d) / sigma^2 = -z / sigma, so sigma times the network's score should
        be -z: the mean over edges of (sigma s_ij + z_ij)^2. `sigma` is [B, T] in Å, `noise` z [B, T, N, N], symmetric.
        """
        distance, _ = pair_distances(x0)
        scores, pairs = self.edge_scores(distance + sigma[..., None, None] * noise, graph)
        square = (scores.float() + noise).square() * pairs[:, None]
        return square.sum(dim=(-1, -2)) / pairs.sum(dim=(-1, -2))[:, None].clamp(min=1)


def pair_noise(uniform: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Symmetric standard normal noise [B, T, N, N] that is a function of the batch's own random numbers.

    `uniform` float32 [B, 1] seeds the generator, so that a resumed run draws the same noise.
    """
    seed = int(uniform.detach().cpu().contiguous().view(torch.int32).to(torch.int64).sum())
    generator = torch.Generator().manual_seed(seed)
    upper = torch.randn(shape, generator=generator).triu(diagonal=1)
    return (upper + upper.transpose(-1, -2)).to(uniform.device)
