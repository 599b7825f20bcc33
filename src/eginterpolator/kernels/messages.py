"""`PairMessages.sums` by the kernel: nothing of the size of all pairs is held, and messages are computed once more on
the way back."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor, nn

from eginterpolator.chemistry.codes import EDGE_TYPES
from eginterpolator.kernels.library import LANES, call, chosen, like, operator, packed, pointers, struct, threads_for
from eginterpolator.nn.structure_layer import Context, PairMessages

RADIAL = 32
"""The most Gaussians."""

NODES, WEIGHTS = 4, 5
"""Of the operator's inputs, which come first."""

Sizes = struct("Sizes", int64="molecules frames", int="atoms hidden channels radial types threads")
Graph = struct("Graph", "types mask")
Weights = struct("Weights", "pair message message_bias gates gates_bias centres", float="scale")
Nodes = struct("Nodes", "x v receiver sender")
Sums = struct("Sums", "pushed carried gathered")
Gradients = struct("Gradients", "pair message message_bias gates gates_bias")

LAYER = PairMessages
"""What `compute` stands for, where it `fits`."""


def fits(layer: PairMessages) -> bool:
    """Whether the kernel is written for a layer's sizes and numbers."""
    hidden, radial = layer.message.out_features, len(layer.radial.centres)
    whole = not (hidden % (2 * LANES) or layer.channels % LANES)
    return whole and radial <= RADIAL and layer.message.weight.dtype == torch.float32


def filled_up(centres: Tensor) -> Tensor:
    """Centres of the Gaussians as the kernel reads them, [RADIAL]: zeros behind the last one."""
    return nn.functional.pad(centres, (0, RADIAL - len(centres)))


def compute(
    layer: PairMessages, x: Tensor, v: Tensor, receiver: Tensor, sender: Tensor, context: Context, numbers: str = "bf16"
) -> tuple[Tensor, Tensor, Tensor]:
    """What `PairMessages.sums` computes, with products of such `numbers`; on other devices that function itself."""
    if x.device.type != "cpu":
        return layer.sums(x, v, receiver, sender, context)
    weights = (layer.pair.weight, layer.message.weight, layer.message.bias, layer.gates.weight, layer.gates.bias)
    mask = context.pairs[:, 0, :, :, 0]
    nodes = (x, v, receiver.float(), sender.float())
    rest = (context.graph.edges, mask, layer.radial.centres, layer.radial.scale, numbers)
    return chosen(_sums, _run)(*nodes, *weights, *rest)


def _arguments(inputs: tuple[Tensor, ...], scale: float) -> tuple[list[Tensor], list[ctypes.Structure]]:
    """Tensors in the layout of the kernel, and the structures that point to them."""
    x, v, receiver, sender, *weights, types, mask, centres = packed(*inputs)
    filled = filled_up(centres)
    radial = weights[0].shape[1] - len(EDGE_TYPES)
    sizes = (*x.shape[:3], receiver.shape[-1], v.shape[-1], radial, len(EDGE_TYPES), threads_for(x))
    held = [x, v, receiver, sender, *weights, types, mask, filled]
    to_weights = pointers(Weights, *weights, filled, scale=scale)
    return held, [Sizes(*sizes), pointers(Graph, types, mask), to_weights, pointers(Nodes, *held[:4])]


def _run(
    x: Tensor, v: Tensor, receiver: Tensor, sender: Tensor,
    pair: Tensor, message: Tensor, message_bias: Tensor, gates: Tensor, gates_bias: Tensor,
    types: Tensor, mask: Tensor, centres: Tensor, scale: float, numbers: str,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Sums as `PairMessages.sums` returns them, float32.

    Nodes come first: x [B, T, N, 3], v [B, T, N, 3, channels], receiver and sender [B, T, N, hidden]; then weights
    [out, in] and biases [out]; then edge types, int64, and where a message passes [B, N, N], centres and spacing of
    the radial basis.
    """
    inputs = (x, v, receiver, sender, pair, message, message_bias, gates, gates_bias, types, mask, centres)
    held, structures = _arguments(inputs, scale)
    out = torch.zeros(x.shape), torch.zeros(v.shape), torch.zeros(receiver.shape)
    call("egi_messages", numbers, *structures, pointers(Sums, *out))
    return out


def _run_back(
    pushed: Tensor, carried: Tensor, gathered: Tensor,
    x: Tensor, v: Tensor, receiver: Tensor, sender: Tensor,
    pair: Tensor, message: Tensor, message_bias: Tensor, gates: Tensor, gates_bias: Tensor,
    types: Tensor, mask: Tensor, centres: Tensor, scale: float, numbers: str, frozen: bool,
) -> list[Tensor]:  # fmt: skip
    """Gradients of nodes, and of weights unless they are frozen, from those of the sums."""
    inputs = (x, v, receiver, sender, pair, message, message_bias, gates, gates_bias, types, mask, centres)
    held, structures = _arguments(inputs, scale)
    grads = packed(pushed, carried, gathered)
    out = [torch.zeros(tensor.shape) for tensor in inputs[: NODES if frozen else NODES + WEIGHTS]]
    to_weights = None if frozen else pointers(Gradients, *out[NODES:])
    to_nodes = pointers(Nodes, *out[:NODES])
    call("egi_messages_back", numbers, *structures, pointers(Sums, *grads), to_nodes, to_weights)
    return out


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, ctx.scale, ctx.numbers = inputs
    ctx.save_for_backward(*tensors)


def _gradients(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    frozen = not any(ctx.needs_input_grad[NODES : NODES + WEIGHTS])
    got = _backward(*grads, *ctx.saved_tensors, ctx.scale, ctx.numbers, frozen)
    return (*got, *[None] * (len(ctx.needs_input_grad) - len(got)))


_sums = operator("sums_over_pairs", _run, lambda x, v, receiver, *rest: tuple(like((x, v, receiver))))
_backward = operator(
    "sums_over_pairs_backward",
    _run_back,
    lambda pushed, carried, gathered, *inputs: like(inputs[: NODES if inputs[-1] else NODES + WEIGHTS]),
)
_sums.register_autograd(_gradients, setup_context=_keep)
