"""BasicES: the structure denoiser, L structure layers on single frames (SPEC section 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

import torch
from torch import Tensor, nn

from eginterpolator.nn.embeddings import AtomEmbedding, Codes, NoiseEmbedding
from eginterpolator.nn.graph_batch import GraphBatch, centre
from eginterpolator.nn.structure_layer import Context, State, StructureLayer, make_context


class StructureSizes(Codes, total=False):
    """The hyperparameters of a `BasicES`."""

    hidden: int
    channels: int
    layers: int
    max_hops: int


class BasicES(nn.Module):
    """Raw network output for noisy frames; `diffusion.Parameterisation` turns it into denoised coordinates.

    Parameters
    ----------
    hidden, channels, layers : int
        Width of the scalars, number of vector channels, number of structure layers.
    max_hops : int
        Pairs more bonds apart exchange no message; 7 is dense, 3 the published graph.
    columns, ensembles
        As for `AtomEmbedding`.
    kernel : function or None
        Computes all layers in one call, from them, the first state and the context; `models.compiled` puts it there.
    """

    kernel: Callable[..., State] | None = None

    def __init__(
        self,
        hidden: int = 128,
        channels: int = 16,
        layers: int = 6,
        max_hops: int = 7,
        **codes: Unpack[Codes],
    ) -> None:
        super().__init__()
        self.hidden, self.channels, self.max_hops = hidden, channels, max_hops
        self.atoms = AtomEmbedding(hidden, **codes)
        self.noise = NoiseEmbedding(hidden)
        self.layers = nn.ModuleList(StructureLayer(hidden, channels) for _ in range(layers))
        self.read_vectors = nn.Linear(channels, 1, bias=False)
        nn.init.zeros_(self.read_vectors.weight)

    def start(self, x: Tensor, label: Tensor, graph: GraphBatch) -> tuple[State, Context]:
        """First state and shared context for x [B, T, N, 3] and noise labels [B, T]."""
        context = make_context(graph, self.noise(label), self.max_hops)
        h = self.atoms(graph)[:, None] + context.noise[:, :, None]
        v = x.new_zeros((*x.shape[:3], 3, self.channels))
        return State(x, h, v), context

    def output(self, x: Tensor, state: State, graph: GraphBatch) -> Tensor:
        """Final minus input coordinates, without motion of the centre: [B, T, N, 3]; (13) of docs/method.md."""
        with torch.autocast(device_type=x.device.type, enabled=False):
            read = self.read_vectors(state.v).squeeze(-1)
        return centre(state.x - x + read, graph.mask)

    def encode(self, x: Tensor, label: Tensor, graph: GraphBatch) -> tuple[State, Context]:
        """State after the last layer, and the context."""
        state, context = self.start(x, label, graph)
        if self.kernel:
            return self.kernel([*self.layers], state, context), context
        for layer in self.layers:
            state = layer(state, context)
        return state, context

    def forward(self, x: Tensor, label: Tensor, graph: GraphBatch) -> Tensor:
        """x [B, T, N, 3] scaled noisy frames, label [B, T] -> raw output [B, T, N, 3]."""
        state, _ = self.encode(x, label, graph)
        return self.output(x, state, graph)
