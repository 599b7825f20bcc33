"""AR+EGNN and AR+ET: the next frame given the current one, rolled out for the whole trajectory (SPEC section 7).

Both diffuse windows of two frames, whose first one is given but at the start of a trajectory: there both are
diffused. `generation` rolls them out, block after block, with the window of two frames that their folder names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

import torch
from torch import Tensor, nn

from eginterpolator.errors import InputError
from eginterpolator.models.baselines.geotdm import GeoTDM
from eginterpolator.models.structure import BasicES, StructureSizes
from eginterpolator.nn.graph_batch import GraphBatch, centre

WINDOW = 2


class AutoregressiveEGNN(nn.Module):
    """Structure layers on one graph of both frames' atoms; there is no attention over time.

    The nodes are the atoms of both frames. Pairs have the type of their atoms' pair, within a frame and across; an
    atom and itself in the other frame have the type `none`, which no other pair has.

    Parameters
    ----------
    sizes
        As for `BasicES`.
    """

    def __init__(self, **sizes: Unpack[StructureSizes]) -> None:
        super().__init__()
        self.frames = BasicES(**sizes)
        self.place = nn.Embedding(2 * WINDOW, self.frames.hidden)

    def forward(self, x: Tensor, label: Tensor, graph: GraphBatch, predicted: Tensor, frame_ps: float) -> Tensor:
        """Raw output [B, T, N, 3] of one or two scaled noisy frames x [B, T, N, 3]; see `GeoTDM.forward`."""
        check_window(x)
        n_frames, n_atoms = x.shape[1:3]
        nodes = x.flatten(1, 2)[:, None]  # [B, 1, T N, 3]
        state, context = self.frames.start(nodes, label[:, -1:], joined(graph, n_frames))
        place = torch.arange(n_frames, device=x.device) + WINDOW * (~predicted).long()
        marks = self.place(place).repeat_interleave(n_atoms, dim=1)[:, None]
        state = state._replace(h=state.h + marks)
        moving = predicted.repeat_interleave(n_atoms, dim=1)[:, None, :, None]
        for layer in self.frames.layers:
            state = layer(state, context)
            state = state._replace(x=torch.where(moving, state.x, nodes))
        moved = self.frames.output(nodes, state, context.graph)
        return centre(moved.squeeze(1).unflatten(1, (n_frames, n_atoms)), graph.mask)


class AutoregressiveET(GeoTDM):
    """Structure and temporal layers in turn on two frames: the trajectory grows by one frame a window."""

    def forward(self, x: Tensor, label: Tensor, graph: GraphBatch, predicted: Tensor, frame_ps: float) -> Tensor:
        """Raw output [B, T, N, 3] of one or two scaled noisy frames x [B, T, N, 3]; see `GeoTDM.forward`."""
        check_window(x)
        return super().forward(x, label, graph, predicted, frame_ps)


def check_window(x: Tensor) -> None:
    """Raise InputError for frames x [B, T, N, 3] of more than the two that an autoregressive model sees."""
    if x.shape[1] > WINDOW:
        raise InputError(
            f"An autoregressive model sees {WINDOW} frames, not {x.shape[1]}; set n_frames: {WINDOW} in data, and "
            f"window: {WINDOW} in the model's config."
        )


def joined(graph: GraphBatch, copies: int) -> GraphBatch:
    """One graph of `copies` times the atoms of each molecule, all pairs typed by their atoms: [B, copies N, ...]."""
    size = graph.mask.shape[1]
    triples = torch.cat([graph.triples + size * k for k in range(copies)], dim=1)
    return replace(
        graph,
        codes=graph.codes.repeat(1, copies, 1),
        charges=graph.charges.repeat(1, copies),
        edges=graph.edges.repeat(1, copies, copies),
        mask=graph.mask.repeat(1, copies),
        triples=triples,
        signs=graph.signs.repeat(1, copies),
    )
