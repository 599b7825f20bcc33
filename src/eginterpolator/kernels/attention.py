"""`TemporalAttention.averages` by the kernel: read and written as the layers have it, products of bf16 or fp32
matrices, and no matrix of biases."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from eginterpolator.kernels.library import DTYPES, call, chosen, like, operator, packed, pointers, struct, threads_for
from eginterpolator.nn.temporal_layer import TemporalAttention

VECTORS = 3
"""The most of a head: with what else is averaged they fill a register."""
INPUTS, RESULTS = 4, 3
"""Of the operator's tensors, which come first."""

Sizes = struct("Sizes", int64="molecules", int="frames atoms heads width vectors threads")
Inputs = struct("Inputs", "x scalars mixed by_lag")
Averages = struct("Averages", "scalars moved vectors")
Kept = struct("Kept", "phi normaliser")

LAYER = TemporalAttention
"""What `compute` stands for, where it `fits`."""


def fits(layer: TemporalAttention) -> bool:
    """Whether the kernel is written for a layer's sizes and numbers."""
    return layer.per_head <= VECTORS and layer.scalars.weight.dtype == torch.float32


def compute(
    layer: TemporalAttention, x: Tensor, scalars: Tensor, mixed: Tensor, by_lag: Tensor, numbers: str = "bf16"
) -> tuple[Tensor, Tensor, Tensor]:
    """What `TemporalAttention.averages` computes, scalars in `numbers`; on other devices that function itself."""
    if x.device.type != "cpu":
        return layer.averages(x, scalars, mixed, by_lag)
    got = chosen(_averages, _run)(x, scalars.to(DTYPES[numbers]), mixed, by_lag, layer.width, layer.per_head, numbers)
    return got[0], got[1], got[2]


def _call(
    name: str, inputs: list[Tensor], width: int, vectors: int, numbers: str, *structures: ctypes.Structure
) -> None:
    """A function of the library, on contiguous tensors."""
    molecules, frames, atoms, _ = inputs[0].shape
    sizes = Sizes(molecules, frames, atoms, len(inputs[3]), width, vectors, threads_for(inputs[0]))
    call(name, numbers, sizes, pointers(Inputs, *inputs), *structures)


def _shapes(x: Tensor, by_lag: Tensor, width: int, vectors: int) -> list[tuple[int, ...]]:
    molecules, frames, atoms, _ = x.shape
    heads, every, kept = len(by_lag), (molecules, frames, atoms), (molecules, atoms, len(by_lag), frames)
    return [(*every, heads * width), (*every, 3, heads), (*every, 3, heads * vectors), kept, kept]


def _run(
    x: Tensor, scalars: Tensor, mixed: Tensor, by_lag: Tensor, width: int, vectors: int, numbers: str
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Averages as `TemporalAttention.averages` returns them; and for the way back phi's and the logarithm to base 2 of
    each row's normaliser [B, N, heads, T].
    """
    inputs = packed(x, scalars, mixed, by_lag)
    first, *rest = _shapes(x, by_lag, width, vectors)
    out = [torch.empty(first, dtype=DTYPES[numbers]), *(torch.empty(shape) for shape in rest)]
    results, kept = pointers(Averages, *out[:RESULTS]), pointers(Kept, *out[RESULTS:])
    _call("egi_attention", inputs, width, vectors, numbers, results, kept)
    return out[0], out[1], out[2], out[3], out[4]


def _fake(
    x: Tensor, scalars: Tensor, mixed: Tensor, by_lag: Tensor, width: int, vectors: int, numbers: str
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    shapes = _shapes(x, by_lag, width, vectors)
    a, b, c, d, e = (of.new_empty(shape) for of, shape in zip((scalars, x, x, x, x), shapes, strict=True))
    return a, b, c, d, e


def _run_back(
    to_scalars: Tensor, to_moved: Tensor, to_vectors: Tensor,
    x: Tensor, scalars: Tensor, mixed: Tensor, by_lag: Tensor,
    averages: list[Tensor], width: int, vectors: int, numbers: str,
) -> list[Tensor]:  # fmt: skip
    """Gradients of x, scalars, mixed and by_lag."""
    inputs = packed(x, scalars, mixed, by_lag)
    grads = [*(torch.empty_like(tensor) for tensor in inputs[:-1]), torch.zeros_like(inputs[-1])]
    given = packed(to_scalars, to_moved, to_vectors)
    results, kept = pointers(Averages, *averages[:RESULTS]), pointers(Kept, *averages[RESULTS:])
    upstream, to_inputs = pointers(Averages, *given), pointers(Inputs, *grads)
    _call("egi_attention_back", inputs, width, vectors, numbers, results, kept, upstream, to_inputs)
    return grads


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, ctx.width, ctx.vectors, ctx.numbers = inputs
    ctx.save_for_backward(*tensors, *output)


def _gradients(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    saved = ctx.saved_tensors
    settings = (ctx.width, ctx.vectors, ctx.numbers)
    got = _backward(*packed(*grads[:RESULTS]), *saved[:INPUTS], list(saved[INPUTS:]), *settings)
    return (*got, None, None, None)


_averages = operator("averages_over_frames", _run, _fake)
_backward = operator(
    "averages_over_frames_backward",
    _run_back,
    lambda to_scalars, to_moved, to_vectors, *inputs: like(inputs[:INPUTS]),
)
_averages.register_autograd(_gradients, setup_context=_keep)
