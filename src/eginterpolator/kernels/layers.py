"""Structure layers one after the other in one call, without gradients: a few frames go through all of them while their
state stays in the cache."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from eginterpolator.chemistry.codes import EDGE_TYPES
from eginterpolator.kernels import messages, transition
from eginterpolator.kernels.library import LANES, call, packed, pointers, struct, threads_for
from eginterpolator.nn.structure_layer import Context, State, StructureLayer, one_by_one

Stack = struct("Stack", "noise weights centres atoms signs", int64="triples", int="layers inner", float="scale")

LAYER = StructureLayer
"""What `compute` stands for, where it `fits`."""


def fits(layer: StructureLayer) -> bool:
    """Whether the kernel is written for a layer's sizes and numbers."""
    return messages.fits(layer.messages) and transition.fits(layer.transition)


def compute(layers: Sequence[StructureLayer], state: State, context: Context, numbers: str = "bf16") -> State:
    """What `one_by_one` computes, with products of such `numbers`.

    With gradients and on other devices it is that function, whose parts have kernels of their own.
    """
    if state.x.device.type != "cpu" or torch.is_grad_enabled():
        return one_by_one(layers, state, context)
    x, h, v, noise = packed(state.x, state.h.float(), state.v, context.noise.float().expand(*state.x.shape[:2], -1))
    types, mask = packed(context.graph.edges, context.pairs[:, 0, :, :, 0])
    atoms, signs = packed(*(context.stereo or (types.new_zeros((0, 4)), x.new_zeros(0))))
    weights = nn.utils.parameters_to_vector(parameter for layer in layers for parameter in layer.parameters())
    radial = layers[0].messages.radial
    sizes = messages.Sizes(*x.shape[:3], h.shape[-1], LANES, len(radial.centres), len(EDGE_TYPES), threads_for(x))
    held = (noise, weights, messages.filled_up(radial.centres), atoms, signs)
    inner = layers[0].triples.centre.out_features
    stack = pointers(Stack, *held, triples=len(signs), layers=len(layers), inner=inner, scale=radial.scale)
    out = torch.empty_like(x), torch.empty_like(h), torch.empty_like(v)
    states = (pointers(transition.Tensors, *each) for each in ((x, h, v), out))
    call("egi_layers", numbers, sizes, pointers(messages.Graph, types, mask), stack, *states)
    return State(*out)
