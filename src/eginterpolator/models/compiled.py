"""The costly parts of a network made faster: by kernels, and for training by torch.compile."""

from __future__ import annotations

import logging
from functools import lru_cache, partial
from typing import cast

import torch
from torch import nn

from eginterpolator.errors import InputError
from eginterpolator.kernels import attention, layers, messages, transition
from eginterpolator.kernels.library import library, processor_fits
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.structure import BasicES
from eginterpolator.nn.structure_layer import PairMessages, StructureLayer, Transition
from eginterpolator.nn.temporal_layer import TemporalAttention

log = logging.getLogger(__name__)

VERSIONS = 64
"""Of the code of one function: for every shape, with and without gradients, of frozen and of trained layers. PyTorch's
own limit is 8, beyond which it runs a function uncompiled without failing."""


def compile_parts(network: nn.Module) -> None:
    """Compile message passing, transitions and attention in place: layers of one kind share the compiled code.

    Code is made for each shape, once; the `buckets` of the training data keep the shapes few. A transition by its
    kernel leaves nothing to compile.
    """
    torch._dynamo.config.recompile_limit = max(VERSIONS, torch._dynamo.config.recompile_limit)
    for part in network.modules():
        if isinstance(part, (PairMessages, TemporalAttention)) or (isinstance(part, Transition) and not part.kernel):
            part.compile(dynamic=False)


def use_kernels(network: nn.Module, numbers: str = "bf16") -> bool:
    """Let kernels compute messages, transitions and attention, in place; False where the processor has no use for them.

    They multiply matrices of bf16 or fp32 `numbers`, whatever the context says, and serve every shape.

    Raises
    ------
    InputError
        When the kernels cannot be compiled.
    """
    if not processor_fits(numbers):
        return False
    library(numbers)  # now, not in the middle of a step
    _use(network, numbers)
    return True


def _use(network: nn.Module, numbers: str) -> bool:
    """Give each layer whose sizes fit its kernel; whether there are such layers, and all of them have one."""
    found = []
    for part in network.modules():
        for kernel in (messages, transition, attention):
            if isinstance(part, kernel.LAYER):
                found.append(kernel.fits(part))
                part.kernel = partial(kernel.compute, numbers=numbers) if found[-1] else None
        if isinstance(part, StructureLayer | BasicES):  # whose layers are all of one size
            layer = cast(StructureLayer, part.layers[0]) if isinstance(part, BasicES) else part
            part.kernel = partial(layers.compute, numbers=numbers) if layers.fits(layer) else None
    return bool(found) and all(found)


@lru_cache(maxsize=8)
def with_kernels(denoiser: Denoiser, numbers: str = "bf16") -> Denoiser | None:
    """A copy of a denoiser for sampling with kernels of bf16 or fp32 for all layers; None where there cannot be all.

    Where those of bf16 cannot be compiled, those of fp32 serve: a wheel may bring them.
    """
    if not processor_fits(numbers):
        return None
    for each in dict.fromkeys((numbers, "fp32")):
        try:
            library(each)
        except InputError as error:  # nothing but time is lost, and meta.json says that there were no kernels
            log.info("%s Layers go without kernels of %s.", error, each)
            continue
        fast = denoiser.sharing()
        return fast if _use(fast, each) else None
    return None
