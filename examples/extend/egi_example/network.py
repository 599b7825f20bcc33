"""A network of one's own: pair distances in, a force along each pair out."""

import torch
from torch import Tensor, nn

from eginterpolator.chemistry.codes import EDGE_TYPES
from eginterpolator.models.architectures import Architecture
from eginterpolator.models.denoiser import StructureDenoiser
from eginterpolator.nn.graph_batch import GraphBatch


class DistanceNet(nn.Module):
    """x_i' = x_i + sum_j s(d_ij, type, noise) (x_i - x_j) / (d_ij + 1); each frame by itself."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.types = nn.Embedding(len(EDGE_TYPES), hidden)
        self.scalars = nn.Sequential(nn.Linear(hidden + 2, hidden), nn.SiLU(), nn.Linear(hidden, 1))

    def forward(self, x: Tensor, label: Tensor, graph: GraphBatch) -> Tensor:
        """Scaled frames [B, T, N, 3], noise labels [B, T] -> raw output [B, T, N, 3]."""
        apart = x[:, :, :, None] - x[:, :, None]
        distance = (apart.square().sum(dim=-1, keepdim=True) + 1e-12).sqrt()
        types = self.types(graph.edges)[:, None].expand(-1, x.shape[1], -1, -1, -1)
        noise = label[..., None, None, None].expand_as(distance)
        scalars = self.scalars(torch.cat([types, distance, noise], dim=-1))
        pairs = graph.pair_mask()[:, None, :, :, None]
        return (pairs * scalars * apart / (distance + 1)).sum(dim=3)


DISTANCE_NET = Architecture(DistanceNet, StructureDenoiser)
