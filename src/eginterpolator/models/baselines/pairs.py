"""What the distance-based baselines share: pair distances, embedded edges, GIN layers, edge scalars as vectors.

They read the geometry through distances alone, so they commute with reflections as well as with rotations: unlike
the structure layer they cannot tell a stereocentre from its mirror image (SPEC section 8.1).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from eginterpolator.chemistry.codes import EDGE_HOPS, EDGE_TYPES
from eginterpolator.nn.graph_batch import GraphBatch


def pair_distances(x: Tensor) -> tuple[Tensor, Tensor]:
    """Distances [B, T, N, N] Å and unit vectors (x_i - x_j) / d_ij [B, T, N, N, 3] of frames x [B, T, N, 3].

    Two atoms in one place have the distance 0 and no direction.
    """
    relative = x[:, :, :, None] - x[:, :, None]
    distance = (relative.square().sum(dim=-1) + 1e-12).sqrt()
    return distance, relative / distance[..., None]


def within_hops(graph: GraphBatch, max_hops: int) -> Tensor:
    """Pairs of different atoms at most `max_hops` bonds apart, bool [B, N, N]."""
    hops = torch.tensor(EDGE_HOPS, device=graph.edges.device)[graph.edges]
    return graph.pair_mask() & (hops <= max_hops)


def edge_vectors(scalars: Tensor, unit: Tensor, pairs: Tensor) -> Tensor:
    """Sum over j of s_ij (x_i - x_j) / d_ij: the chain rule from distances to coordinates, [B, T, N, 3].

    `scalars` [B, T, N, N], `unit` [B, T, N, N, 3], `pairs` bool [B, N, N] where there is an edge.
    """
    return ((scalars * pairs[:, None])[..., None] * unit).sum(dim=3)


class EdgeEmbedding(nn.Module):
    """Embedded pair type times an MLP of the distance: [B, T, N, N] Å -> [B, T, N, N, hidden].

    The MLP reads asinh(d / 1 Å): like d at bond lengths, and still of order one at distances that were perturbed by
    10 Å, where products of features of d itself run away and Langevin dynamics with them.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.types = nn.Embedding(len(EDGE_TYPES), hidden)
        self.length = nn.Sequential(nn.Linear(1, hidden), nn.SiLU(), nn.Linear(hidden, hidden))

    def forward(self, distance: Tensor, graph: GraphBatch) -> Tensor:
        return self.types(graph.edges)[:, None] * self.length(distance[..., None].asinh())


class GINLayer(nn.Module):
    """Graph isomorphism network with edges: h_i' = h_i + MLP[(1 + eps) h_i + sum_j relu(h_j + e_ij)].

    Xu et al. 2019, with edge features as Hu et al. 2020, and a residual connection.
    """

    def __init__(self, hidden: int, last: bool = False) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(()))
        self.mlp = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.activation = nn.Identity() if last else nn.SiLU()

    def forward(self, h: Tensor, edges: Tensor, pairs: Tensor) -> Tensor:
        """h [B, T, N, hidden], edges [B, T, N, N, hidden], pairs bool [B, N, N] -> h'."""
        message = nn.functional.relu(h[:, :, None] + edges) * pairs[:, None, :, :, None]
        return h + self.activation(self.mlp((1 + self.epsilon) * h + message.sum(dim=3)))


class EdgeScalar(nn.Module):
    """One number an edge, the same for (i, j) and (j, i): MLP[h_i h_j, e_ij] -> [B, T, N, N]."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden // 2), nn.SiLU(),
            nn.Linear(hidden // 2, 1),
        )  # fmt: skip

    def forward(self, h: Tensor, edges: Tensor) -> Tensor:
        product = h[:, :, :, None] * h[:, :, None]
        return self.mlp(torch.cat([product, edges], dim=-1)).squeeze(-1)
