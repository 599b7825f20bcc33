"""GeoTDM: all frames of a trajectory diffused together, without a pretrained structure model (SPEC section 7)."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from eginterpolator.models.structure import BasicES, StructureSizes
from eginterpolator.nn.graph_batch import GraphBatch
from eginterpolator.nn.temporal_layer import TemporalLayer


class GeoTDM(nn.Module):
    """Structure and temporal layers in turn (Han et al. 2024, with the layers of this project).

    Nothing is mixed and nothing is frozen: every layer is trained on trajectories alone.

    Parameters
    ----------
    heads : int
        Of the attention over frames.
    sizes
        As for `BasicES`; `layers` is the number of (structure, temporal) pairs of layers.
    """

    def __init__(self, *, heads: int = 8, **sizes: Unpack[StructureSizes]) -> None:
        super().__init__()
        self.frames = BasicES(**sizes)
        hidden, channels = self.frames.hidden, self.frames.channels
        self.temporal = nn.ModuleList(TemporalLayer(hidden, channels, heads) for _ in self.frames.layers)
        self.given = nn.Embedding(2, hidden)

    def forward(self, x: Tensor, label: Tensor, graph: GraphBatch, predicted: Tensor, frame_ps: float) -> Tensor:
        """Raw output [B, T, N, 3] of scaled noisy frames x [B, T, N, 3].

        `label` is [B, T]; frames where `predicted` bool [B, T] is False are given: clean, marked, and never moved.
        """
        state, context = self.frames.start(x, label, graph)
        state = state._replace(h=state.h + self.given((~predicted).long())[:, :, None])
        moving = predicted[..., None, None]
        for structure, temporal in zip(self.frames.layers, self.temporal, strict=True):
            state = temporal(structure(state, context), x, context, frame_ps)
            state = state._replace(x=torch.where(moving, state.x, x))
        return self.frames.output(x, state, graph)
