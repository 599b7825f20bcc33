"""GeoDiff-A: two encoders whose edge scalars become the noise on coordinates (SPEC section 7; Xu et al. 2022).

The variant with the aligned noise target: train with `align: true` under the process `SigmoidDDPM`.
"""

from __future__ import annotations

import math
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
from eginterpolator.nn.embeddings import AtomEmbedding, Codes, NoiseEmbedding
from eginterpolator.nn.graph_batch import GraphBatch


class SchNetLayer(nn.Module):
    """Continuous-filter convolution: h_i' = h_i + MLP[sum_j W(e_ij) C(d_ij) h_j] (Schütt et al. 2017).

    C is the cosine cutoff (1 + cos(pi d / r)) / 2.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.filter = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.sender = nn.Linear(hidden, hidden, bias=False)
        self.update = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))

    def forward(self, h: Tensor, edges: Tensor, weight: Tensor) -> Tensor:
        """h [B, T, N, hidden], edges [B, T, N, N, hidden], weight [B, T, N, N]: C, and 0 where there is no edge."""
        gathered = self.filter(edges) * weight[..., None] * self.sender(h)[:, :, None]
        return h + self.update(gathered.sum(dim=3))


class GlobalEncoder(nn.Module):
    """SchNet on all pairs nearer than the cutoff, and on those of the local graph: [B, T, N, 3]."""

    def __init__(self, hidden: int, layers: int, cutoff: float, **codes: Unpack[Codes]) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.atoms = AtomEmbedding(hidden, **codes)
        self.edges = EdgeEmbedding(hidden)
        self.layers = nn.ModuleList(SchNetLayer(hidden) for _ in range(layers))
        self.scalar = EdgeScalar(hidden)

    def forward(self, distance: Tensor, unit: Tensor, noise: Tensor, graph: GraphBatch, local: Tensor) -> Tensor:
        near = (distance < self.cutoff) & graph.pair_mask()[:, None]
        window = 0.5 * (1 + torch.cos(distance.clamp(max=self.cutoff) * (math.pi / self.cutoff)))
        weight = torch.where(near, window, torch.zeros_like(window))
        edges = self.edges(distance, graph)
        h = self.atoms(graph)[:, None] + noise[:, :, None]
        for layer in self.layers:
            h = layer(h, edges, weight)
        # the cutoff fades the far pairs out; those of the local graph count at every distance
        gate = torch.where(local[:, None], torch.ones_like(weight), weight)
        return edge_vectors(self.scalar(h, edges) * gate, unit, graph.pair_mask())


class LocalEncoder(nn.Module):
    """GIN on the pairs up to `max_hops` bonds apart: [B, T, N, 3]."""

    def __init__(self, hidden: int, layers: int, **codes: Unpack[Codes]) -> None:
        super().__init__()
        self.atoms = AtomEmbedding(hidden, **codes)
        self.edges = EdgeEmbedding(hidden)
        self.layers = nn.ModuleList(GINLayer(hidden, last=k == layers - 1) for k in range(layers))
        self.scalar = EdgeScalar(hidden)

    def forward(self, distance: Tensor, unit: Tensor, noise: Tensor, graph: GraphBatch, local: Tensor) -> Tensor:
        edges = self.edges(distance, graph)
        h = self.atoms(graph)[:, None] + noise[:, :, None]
        for layer in self.layers:
            h = layer(h, edges, local)
        return edge_vectors(self.scalar(h, edges), unit, local)


class GeoDiff(nn.Module):
    """Noise of scaled frames as the sum of a global and a local encoder.

    Equation (B3) of docs/benchmark.md.

    Parameters
    ----------
    hidden : int
        Width of both encoders.
    global_layers, local_layers : int
        SchNet convolutions and GIN layers.
    cutoff : float
        Of the global encoder, Å (of the scaled coordinates that the process gives).
    max_hops : int
        Of the local graph.
    columns, ensembles
        As for `AtomEmbedding`.
    """

    def __init__(
        self,
        hidden: int = 128,
        global_layers: int = 6,
        local_layers: int = 4,
        cutoff: float = 10.0,
        max_hops: int = 3,
        **codes: Unpack[Codes],
    ) -> None:
        super().__init__()
        self.max_hops = max_hops
        self.noise = NoiseEmbedding(hidden)
        self.everywhere = GlobalEncoder(hidden, global_layers, cutoff, **codes)
        self.bonded = LocalEncoder(hidden, local_layers, **codes)

    def forward(self, x: Tensor, label: Tensor, graph: GraphBatch) -> Tensor:
        """x [B, T, N, 3] scaled noisy frames, label [B, T] -> noise [B, T, N, 3]."""
        local = within_hops(graph, self.max_hops)
        distance, unit = pair_distances(x)
        noise = self.noise(label)
        far = self.everywhere(distance, unit, noise, graph, local)
        return far + self.bonded(distance, unit, noise, graph, local)
