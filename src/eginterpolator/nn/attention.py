"""Attention with a learned bias, without scores of all frames in memory on any path.

PyTorch's fused attention of a processor has no gradient for its bias: with one that is trained it silently takes a path
that keeps every score, three times slower and quadratic in the number of frames. `biased_attention` takes the fused
kernel for the way there and goes back over a few atoms and one head at a time, whose scores stay in the processor's
cache; the formulas are those of flash attention (Dao et al. 2022, appendix B.2). Other devices have kernels with that
gradient, and without gradients PyTorch's own is fused everywhere.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

WIDTHS = 8
"""A head is padded to a multiple of this."""
CACHED = 250_000
"""Scores that are worked on together, one megabyte."""


def attend(q: Tensor, k: Tensor, value: Tensor, by_lag: Tensor) -> Tensor:
    """Attention over the frames of each atom, in fp32 everywhere: differences of averages move the atoms.

    Parameters
    ----------
    q, k : [B, N, heads, T, D]
    value : [B, N, heads, T, E]
    by_lag : [heads, T]
        The bias of each lag |t - s|.

    Returns
    -------
    Tensor, [B, N, heads, T, E]
    """
    atoms, width, value_width = q.shape[:2], q.shape[-1], value.shape[-1]
    # the fused kernel wants one width for all three, and products of odd widths take up to twice as long
    size = -(-max(width, value_width) // WIDTHS) * WIDTHS
    q, k, value = (nn.functional.pad(part.flatten(0, 1), (0, size - part.shape[-1])) for part in (q, k, value))
    with torch.autocast(q.device.type, enabled=False):
        got = biased_attention(q, k, value, by_lag, width**-0.5)
    return got[..., :value_width].unflatten(0, atoms)


def pairwise(by_lag: Tensor) -> Tensor:
    """What belongs to lags [heads, T], for all pairs of frames: [heads, T, T]."""
    index = torch.arange(by_lag.shape[-1], device=by_lag.device)
    return by_lag[:, (index[:, None] - index[None, :]).abs()]


def biased_attention(q: Tensor, k: Tensor, value: Tensor, by_lag: Tensor, scale: float) -> Tensor:
    """softmax(scale q k^T + bias of the lag) value.

    Equation (16) of docs/method.md.

    Parameters
    ----------
    q, k, value : [B, heads, T, D]
        float32 on a processor.
    by_lag : [heads, T]
        The bias of each lag |t - s|.
    scale : float

    Returns
    -------
    Tensor, [B, heads, T, D]
    """
    bias = pairwise(by_lag)
    if q.device.type != "cpu" or not torch.is_grad_enabled():
        return nn.functional.scaled_dot_product_attention(q, k, value, attn_mask=bias[None], scale=scale)
    return _attention(q, k, value, bias, scale)[0]


@torch.library.custom_op("eginterpolator::attention", mutates_args=(), device_types="cpu")
def _attention(q: Tensor, k: Tensor, value: Tensor, bias: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Result, and the logarithm of each row's normaliser [B, heads, T]."""
    kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    out, normaliser = kernel(q, k, value, attn_mask=bias[None], scale=scale)
    return out.contiguous(), normaliser.contiguous()


@_attention.register_fake
def _(q: Tensor, k: Tensor, value: Tensor, bias: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    return torch.empty_like(q, memory_format=torch.contiguous_format), q.new_empty(q.shape[:3])


@torch.library.custom_op("eginterpolator::attention_backward", mutates_args=(), device_types="cpu")
def _backward(
    grad: Tensor, q: Tensor, k: Tensor, value: Tensor, bias: Tensor, out: Tensor, normaliser: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of q, k, value and bias."""
    # heads first, so that what is worked on together lies together
    mean = (grad * out).sum(dim=-1, keepdim=True).transpose(0, 1).contiguous()
    normaliser = normaliser[..., None].transpose(0, 1).contiguous()
    bias = bias.contiguous()
    q, k, value, grad = (part.transpose(0, 1).contiguous() for part in (q * scale, k, value, grad))
    grad_q, grad_k, grad_v = (torch.empty_like(q) for _ in range(3))
    grad_bias = torch.zeros(bias.shape, dtype=bias.dtype)
    heads, count, frames, _ = q.shape
    rows = min(count, max(1, CACHED // frames**2))
    # made once: to get memory from the system takes as long as to fill it with scores
    buffers = torch.empty((2, rows, frames, frames))
    for head, start in product(range(heads), range(0, count, rows)):
        at = (head, slice(start, start + rows))
        weights, grad_scores = buffers[:, : count - start]
        torch.bmm(q[at], k[at].mT, out=weights)
        weights.add_(bias[head]).sub_(normaliser[at]).exp_()
        torch.bmm(grad[at], value[at].mT, out=grad_scores)
        grad_scores.sub_(mean[at]).mul_(weights)
        for part in grad_scores:
            grad_bias[head] += part
        torch.bmm(grad_scores, k[at], out=grad_q[at])
        torch.bmm(grad_scores.mT, q[at], out=grad_k[at])
        torch.bmm(weights.mT, grad[at], out=grad_v[at])
    grad_q, grad_k, grad_v = (part.transpose(0, 1).contiguous() for part in (grad_q.mul_(scale), grad_k, grad_v))
    return grad_q, grad_k, grad_v, grad_bias


@_backward.register_fake
def _(
    grad: Tensor, q: Tensor, k: Tensor, value: Tensor, bias: Tensor, out: Tensor, normaliser: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return q.new_empty(q.shape), q.new_empty(q.shape), q.new_empty(q.shape), bias.new_empty(bias.shape)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    q, k, value, bias, ctx.scale = inputs
    ctx.save_for_backward(q, k, value, bias, *output)


def _gradients(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    return (*_backward(grad, *ctx.saved_tensors, ctx.scale), None)


_attention.register_autograd(_gradients, setup_context=_keep)
