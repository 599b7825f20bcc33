"""`Transition` by the kernel: nothing wider than a state is held, and it is computed once more on the way back."""

from __future__ import annotations

import ctypes
from typing import Any, cast

import torch
from torch import Tensor, nn

from eginterpolator.kernels.library import LANES, call, chosen, like, operator, packed, pointers, struct, threads_for
from eginterpolator.nn.structure_layer import State, Transition

STATE, WEIGHTS = 3, 8
"""Of the operator's inputs, which come first."""

Sizes = struct("Sizes", int64="rows", int="hidden threads")
Tensors = struct("Tensors", "x h v")
Weights = struct("Weights", "scale shift left right first first_bias second second_bias")

LAYER = Transition
"""What `compute` stands for, where it `fits`."""


def fits(layer: Transition) -> bool:
    """Whether the kernel is written for a layer's sizes and numbers."""
    whole = layer.channels == LANES and not layer.hidden % (2 * LANES)
    return whole and layer.left.weight.dtype == torch.float32


def compute(layer: Transition, state: State, numbers: str = "bf16") -> State:
    """What `Transition.mixed` computes, with products of such `numbers`; on other devices that function itself."""
    if state.x.device.type != "cpu":
        return layer.mixed(state)
    first, last = cast(nn.Linear, layer.mlp[0]), cast(nn.Linear, layer.mlp[2])
    weights = (layer.norm.weight, layer.norm.bias, layer.left.weight, layer.right.weight)
    x, h, v = state
    mlp = (first.weight, first.bias, last.weight, last.bias)
    return State(*chosen(_transition, _run)(x, h.float(), v, *weights, *mlp, numbers))


def _call(name: str, numbers: str, inputs: list[Tensor], *structures: ctypes.Structure | None) -> None:
    """A function of the library, on contiguous tensors."""
    x, h, *_ = inputs
    sizes = Sizes(x.numel() // 3, h.shape[-1], threads_for(x))
    call(name, numbers, sizes, pointers(Weights, *inputs[STATE:]), pointers(Tensors, *inputs[:STATE]), *structures)


def _run(
    x: Tensor, h: Tensor, v: Tensor,
    scale: Tensor, shift: Tensor, left: Tensor, right: Tensor,
    first: Tensor, first_bias: Tensor, second: Tensor, second_bias: Tensor, numbers: str,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The next state, float32.

    State x [.., 3], h [.., hidden], v [.., 3, 16]; scale and shift of the norm; weights [out, in] and biases [out].
    """
    inputs = packed(x, h, v, scale, shift, left, right, first, first_bias, second, second_bias)
    out = torch.empty(x.shape), torch.empty(h.shape), torch.empty(v.shape)
    _call("egi_transition", numbers, inputs, pointers(Tensors, *out))
    return out


def _run_back(
    to_x: Tensor, to_h: Tensor, to_v: Tensor,
    x: Tensor, h: Tensor, v: Tensor,
    scale: Tensor, shift: Tensor, left: Tensor, right: Tensor,
    first: Tensor, first_bias: Tensor, second: Tensor, second_bias: Tensor, numbers: str, frozen: bool,
) -> list[Tensor]:  # fmt: skip
    """Gradients of h and v, and of weights unless they are frozen, from those of the next state."""
    weights = (scale, shift, left, right, first, first_bias, second, second_bias)
    inputs, grads = packed(x, h, v, *weights), packed(to_x, to_h, to_v)
    to_state = [torch.empty(h.shape), torch.empty(v.shape)]
    to_weights = [] if frozen else [torch.zeros(tensor.shape) for tensor in weights]
    out = pointers(Tensors, None, *to_state)
    last = pointers(Weights, *to_weights) if to_weights else None
    _call("egi_transition_back", numbers, inputs, pointers(Tensors, *grads), out, last)
    return [*to_state, *to_weights]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, ctx.numbers = inputs
    ctx.save_for_backward(*tensors)


def _gradients(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    frozen = not any(ctx.needs_input_grad[STATE:])
    got = _backward(*grads, *ctx.saved_tensors, ctx.numbers, frozen)
    return (grads[0], *got, *([None] * WEIGHTS if frozen else ()), None)


_transition = operator("gated_transition", _run, lambda x, h, v, *weights: tuple(like((x, h, v))))
_backward = operator(
    "gated_transition_backward",
    _run_back,
    lambda to_x, to_h, to_v, x, *inputs: like(inputs[: STATE - 1 if inputs[-1] else STATE - 1 + WEIGHTS]),
)
_transition.register_autograd(_gradients, setup_context=_keep)
