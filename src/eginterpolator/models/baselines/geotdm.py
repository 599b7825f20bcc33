"""GeoTDM: all frames of a trajectory diffused together, without a pretrained structure model (SPEC section 7)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eginterpolator.chemistry.codes import COLUMNS
from eginterpolator.models.structure import BasicES
from eginterpolator.nn.graph_batch import GraphBatch
from eginterpolator.nn.temporal_layer import TemporalLayer


class GeoTDM(nn.Module):
    """Structure and temporal layers in turn (Han et al. 2024, with the layers of this project).

    Nothing is mixed and nothing is frozen: every layer is trained on trajectories alone.

    Parameters
    ----------
    hidden, channels, layers : int
        Width of the scalars, number of vector channels, number of (structure, temporal) pairs of layers.
    heads : int
        Of the attention over frames.
    max_hops : int
        As for BasicES.
    columns, ensembles : the featuriser's code counts and the number of ensembles.
    """

    def __init__(
        self,
        hidden: int = 128,
        channels: int = 16,
        layers: int = 6,
        heads: int = 8,
        max_hops: int = 7,
        columns: Sequence[int] = tuple(COLUMNS.values()),
        ensembles: int = 2,
    ) -> None:
        super().__init__()
        self.frames = BasicES(hidden, channels, layers, max_hops, columns, ensembles)
        self.temporal = nn.ModuleList(TemporalLayer(hidden, channels, heads) for _ in range(layers))
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
