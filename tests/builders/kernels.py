"""Layers that have a kernel, with random numbers to put through them."""

from __future__ import annotations

import os
import shutil

import pytest
import torch
from torch import Tensor

from eginterpolator.kernels import library
from eginterpolator.nn.structure_layer import Context, PairMessages, State, StructureLayer, Transition, make_context
from eginterpolator.nn.temporal_layer import TemporalAttention
from tests.builders.networks import CHIRAL, FRAME_PS, graphs, shake

# Where there are no kernels there is nothing to compare; layers without them are tested for everybody in nn/
COMPILER = shutil.which(os.environ.get("CXX", "g++"))
needs_kernels = pytest.mark.skipif(
    not library.processor_fits() or COMPILER is None,
    reason="the kernels want a processor with AVX-512 BF16 and a C++ compiler",
)
needs_any_kernels = pytest.mark.skipif(
    not library.kinds() or COMPILER is None,
    reason="kernels want AVX2, AVX-512 or NEON, and a C++ compiler",
)
EVERY_KIND = [pytest.param(kind, marks=[pytest.mark.slow] if k else []) for k, kind in enumerate(library.kinds())]
"""What this processor has; the best is tested always, the others with the slow tests, since each is compiled first."""
SMILES = (CHIRAL, "CC(=O)NCC", "c1ccccc1C(=O)NCC")


def pairs(hidden: int, smiles: tuple[str, ...] = SMILES, n_frames: int = 5, hops: int = 4):
    """A layer, its context and random x, v, receiver and sender; molecules of several sizes in one batch."""
    generator = torch.Generator().manual_seed(hidden)
    batch = graphs(*smiles)
    shape = (*batch.mask.shape[:1], n_frames, batch.mask.shape[1])
    layer = PairMessages(hidden, 16, 24, 14.0)
    shake(layer)
    context = make_context(batch, torch.zeros((*shape[:2], hidden)), hops)
    sizes = ((3,), (3, 16), (hidden,), (hidden,))
    given = [torch.randn((*shape, *size), generator=generator, requires_grad=True) for size in sizes]
    return layer, context, given


def stack(hidden: int, count: int, smiles: tuple[str, ...] = SMILES, n_frames: int = 5, hops: int = 4):
    """Layers, a random state and its context, with the noise of each frame; molecules of several sizes in one batch."""
    generator = torch.Generator().manual_seed(hidden)
    batch = graphs(*smiles)
    shape = (*batch.mask.shape[:1], n_frames, batch.mask.shape[1])
    layers = [StructureLayer(hidden, 16) for _ in range(count)]
    for layer in layers:
        shake(layer)
    context = make_context(batch, torch.randn((*shape[:2], hidden), generator=generator), hops)
    sizes = ((3,), (hidden,), (3, 16))
    return layers, State(*(torch.randn((*shape, *size), generator=generator) for size in sizes)), context


def used(layer: PairMessages) -> list[Tensor]:
    return [layer.pair.weight, layer.message.weight, layer.message.bias, layer.gates.weight, layer.gates.bias]


def values_and_gradients(function, layer: PairMessages, given: list[Tensor], context: Context) -> list[Tensor]:
    out = [each.float() for each in function(layer, *given, context)]
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(each.shape, generator=generator) for each in out]
    total = torch.stack([(each * weight).sum() for each, weight in zip(out, weights, strict=True)]).sum()
    return [*out, *torch.autograd.grad(total, [*given, *used(layer)])]


def distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().norm() / other.detach().norm())


def frames(n_frames: int, hidden: int, heads: int, per_head: int = 3, spread: float = 1.0, numbers: str = "bf16"):
    """A layer, and random x, scalars, mixed vectors and biases of lags: x is far from zero, as coordinates are."""
    generator = torch.Generator().manual_seed(n_frames)
    torch.manual_seed(hidden)
    layer = TemporalAttention(hidden, 16, heads, per_head)
    widths = ((3,), (3 * hidden + heads * (1 + per_head),), (3, 3 * heads * per_head))
    x, scalars, mixed = (torch.randn((2, n_frames, 3, *each), generator=generator) for each in widths)
    given = [
        x + 5,
        (spread * scalars).to(library.DTYPES[numbers]),
        spread * mixed,
        layer.lag(n_frames, FRAME_PS).detach(),
    ]
    return layer, [each.requires_grad_() for each in given]


def averages_and_gradients(
    function, layer: TemporalAttention, given: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    out = function(layer, *given)
    generator = torch.Generator().manual_seed(1)
    upstream = [torch.randn(each.shape, generator=generator).bfloat16().to(each.dtype) for each in out]
    return list(out), list(torch.autograd.grad(list(out), given, upstream))


def transition_of(hidden: int, n_frames: int) -> tuple[Transition, State]:
    generator = torch.Generator().manual_seed(hidden)
    layer = Transition(hidden, 16)
    shake(layer)
    shapes = ((2, n_frames, 5, *size) for size in ((3,), (hidden,), (3, 16)))
    return layer, State(*(torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes))
