"""Embeddings of atoms, pairs, distances, noise levels and time lags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from eginterpolator.chemistry.codes import COLUMNS, TEMPERATURE_K
from eginterpolator.nn.graph_batch import GraphBatch


class Codes(TypedDict, total=False):
    """What the features of atoms count up to."""

    columns: Sequence[int]
    ensembles: int
    temperatures: bool


class AtomEmbedding(nn.Module):
    """Sum of one learned vector a feature column, plus charge, ensemble and temperature: [B, N, hidden].

    Parameters
    ----------
    hidden : int
    columns : sequence of int
        The featuriser's code counts.
    ensembles : int
        The number of ensembles, from the first of `ENSEMBLES`; further ones are taken for the first.
    temperatures : bool
        Whether the temperature T is an input, as u = ln(T / 300 K) and u². Both are 0 at 300 K.
    """

    offsets: Tensor

    def __init__(
        self,
        hidden: int,
        columns: Sequence[int] = tuple(COLUMNS.values()),
        ensembles: int = 2,
        temperatures: bool = False,
    ) -> None:
        super().__init__()
        self.table = nn.Embedding(sum(columns), hidden)
        self.charge = nn.Linear(1, hidden)
        self.ensemble = nn.Embedding(ensembles, hidden)
        nn.init.normal_(self.table.weight, std=0.3)
        nn.init.normal_(self.ensemble.weight, std=0.3)
        self.temperature = nn.Linear(2, hidden, bias=False) if temperatures else None
        starts = [sum(columns[:k]) for k in range(len(columns))]
        self.register_buffer("offsets", torch.tensor(starts), persistent=False)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *others: Any) -> None:
        """Weights of an embedding that knew fewer conditions: new ensembles begin as the first, temperatures as 0."""
        before = state_dict.get(prefix + "ensemble.weight")
        new = self.ensemble.num_embeddings - (len(before) if before is not None else 0)
        if before is not None and new > 0:
            state_dict[prefix + "ensemble.weight"] = torch.cat([before, before[:1].expand(new, -1)])
        if self.temperature is not None:
            state_dict.setdefault(prefix + "temperature.weight", torch.zeros_like(self.temperature.weight))
        super()._load_from_state_dict(state_dict, prefix, *others)

    def forward(self, graph: GraphBatch) -> Tensor:
        atoms = self.table(graph.codes + self.offsets).sum(dim=2) + self.charge(graph.charges[..., None])
        known = graph.ensemble.where(graph.ensemble < self.ensemble.num_embeddings, 0)
        conditions = self.ensemble(known)
        if self.temperature is not None:
            u = (graph.temperature / TEMPERATURE_K).log()
            conditions = conditions + self.temperature(torch.stack([u, u.square()], dim=-1))
        return (atoms + conditions[:, None]) * graph.mask[..., None]


class RadialBasis(nn.Module):
    """Gaussians evenly spaced in log(1 + d), d in Å: fine at bond lengths, coarse far away. [...] -> [..., count]."""

    centres: Tensor

    def __init__(self, count: int, reach: float) -> None:
        super().__init__()
        self.scale = (count - 1) / math.log1p(reach) / math.sqrt(2.0)
        centres = torch.linspace(0.0, math.log1p(reach), count) * self.scale
        self.register_buffer("centres", centres, persistent=False)

    def forward(self, distance: Tensor) -> Tensor:
        offset = (torch.log1p(distance) * self.scale)[..., None] - self.centres
        return torch.exp(offset.square().clamp(max=FARTHEST).neg())


class NoiseEmbedding(nn.Module):
    """Noise label (a real number of order one) -> Fourier features -> MLP: [...] -> [..., hidden]."""

    frequencies: Tensor

    def __init__(self, hidden: int, features: int = 32) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.logspace(-2, 3, features // 2, base=2.0), persistent=False)
        self.mlp = nn.Sequential(nn.Linear(features, hidden), nn.SiLU(), nn.Linear(hidden, hidden))

    def forward(self, label: Tensor) -> Tensor:
        angle = label[..., None] * self.frequencies
        return self.mlp(torch.cat([angle.sin(), angle.cos()], dim=-1))


LEAST_BIAS = -40.0
"""Of lags: a weight of exp(-40) is nothing beside others in fp32, one of exp(-90) is a denormal number, on which a
processor takes a hundred times as long."""
FARTHEST = 40.0
"""Of distances, in squared widths of a Gaussian, for the same reason."""


class LagBias(nn.Module):
    """Relative time encoding: an attention bias for each head and lag |t - s| of 0 to T - 1 frames, [heads, T].

    Equation (16) of docs/method.md.

    Equilibrium dynamics looks the same backwards, so the sign of the lag is left out.
    """

    def __init__(self, heads: int, hidden: int = 32) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(3, hidden), nn.SiLU(), nn.Linear(hidden, heads))
        slopes = 0.5 ** torch.arange(heads, dtype=torch.float32)
        self.log_slopes = nn.Parameter(slopes.log())

    def forward(self, n_frames: int, frame_ps: float) -> Tensor:
        lag = torch.arange(n_frames, dtype=torch.float32, device=self.log_slopes.device) * frame_ps
        scaled = torch.log1p(lag)
        same = (lag == 0).float()
        features = torch.stack([scaled, scaled.square() / 8, same], dim=-1)
        by_lag = self.mlp(features) - torch.exp(self.log_slopes) * (lag / 5.0)[:, None]
        return by_lag.clamp(min=LEAST_BIAS).T
