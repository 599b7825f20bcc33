"""`nn.attention.attend` by the kernel: products of numbers split into two bf16 each, and no matrix of biases."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from eginterpolator.kernels.library import fields, library, pointers
from eginterpolator.nn import attention


class Sizes(ctypes.Structure):
    _fields_ = [
        ("sequences", ctypes.c_int64),
        *fields("frames heads width value_width threads", ctypes.c_int),
        ("scale", ctypes.c_float),
    ]


class Inputs(ctypes.Structure):
    _fields_ = fields("q k value by_lag")


def attend(q: Tensor, k: Tensor, value: Tensor, by_lag: Tensor) -> Tensor:
    """What `nn.attention.attend` computes, of the same shapes; on other devices that function itself."""
    if q.device.type != "cpu":
        return attention.attend(q, k, value, by_lag)
    sequences = (part.contiguous().flatten(0, 2) for part in (q, k, value))
    got, _ = _attend(*sequences, by_lag, q.shape[-1] ** -0.5)
    return got.unflatten(0, q.shape[:3])


def _call(name: str, inputs: list[Tensor], scale: float, *arguments: Tensor | Inputs) -> None:
    """A function of the library, on contiguous tensors."""
    q, _, value, by_lag = inputs
    sequences, frames, width = q.shape
    sizes = Sizes(sequences, frames, len(by_lag), width, value.shape[-1], torch.get_num_threads(), scale)
    addresses = [
        ctypes.c_void_p(each.data_ptr()) if isinstance(each, Tensor) else ctypes.byref(each) for each in arguments
    ]
    getattr(library(), name)(ctypes.byref(sizes), ctypes.byref(pointers(Inputs, *inputs)), *addresses)


@torch.library.custom_op("eginterpolator::attend", mutates_args=(), device_types="cpu")
def _attend(q: Tensor, k: Tensor, value: Tensor, by_lag: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Of sequences [S, T, D], heads innermost: the result, and the logarithm of each row's normaliser [S, T]."""
    out, normaliser = torch.empty(value.shape), torch.empty(q.shape[:2])
    _call("egi_attention", [tensor.contiguous() for tensor in (q, k, value, by_lag)], scale, out, normaliser)
    return out, normaliser


@_attend.register_fake
def _(q: Tensor, k: Tensor, value: Tensor, by_lag: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    return value.new_empty(value.shape), q.new_empty(q.shape[:2])


@torch.library.custom_op("eginterpolator::attend_backward", mutates_args=(), device_types="cpu")
def _backward(
    grad: Tensor, q: Tensor, k: Tensor, value: Tensor, by_lag: Tensor, out: Tensor, normaliser: Tensor, scale: float
) -> list[Tensor]:
    """Gradients of q, k, value and by_lag."""
    inputs = [tensor.contiguous() for tensor in (q, k, value, by_lag)]
    grads = [*(torch.empty(tensor.shape) for tensor in (q, k, value)), torch.zeros(by_lag.shape)]
    given = [tensor.contiguous() for tensor in (out, normaliser, grad)]
    _call("egi_attention_back", inputs, scale, *given, pointers(Inputs, *grads))
    return grads


@_backward.register_fake
def _(grad: Tensor, q: Tensor, k: Tensor, value: Tensor, by_lag: Tensor, *rest: Any) -> list[Tensor]:
    return [tensor.new_empty(tensor.shape) for tensor in (q, k, value, by_lag)]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.scale = inputs
    ctx.save_for_backward(*tensors, *output)


def _gradients(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    return (*_backward(grad.contiguous(), *ctx.saved_tensors, ctx.scale), None)


_attend.register_autograd(_gradients, setup_context=_keep)
