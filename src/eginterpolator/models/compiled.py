"""The costly parts of a network made faster: by kernels, and for training by torch.compile."""

from __future__ import annotations

import logging
from functools import lru_cache

import torch
from torch import nn

from eginterpolator.errors import InputError
from eginterpolator.kernels import attention, messages
from eginterpolator.kernels.library import library, processor_fits
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.nn.structure_layer import PairMessages, Transition
from eginterpolator.nn.temporal_layer import TemporalAttention

log = logging.getLogger(__name__)

VERSIONS = 64
"""Of the code of one function: for every shape, with and without gradients, of frozen and of trained layers. PyTorch's
own limit is 8, beyond which it runs a function uncompiled without failing."""


def compile_parts(network: nn.Module) -> None:
    """Compile message passing, transitions and attention in place: layers of one kind share the compiled code.

    Code is made for each shape, once; the `buckets` of the training data keep the shapes few.
    """
    torch._dynamo.config.recompile_limit = max(VERSIONS, torch._dynamo.config.recompile_limit)
    for part in network.modules():
        if isinstance(part, (PairMessages, Transition, TemporalAttention)):
            part.compile(dynamic=False)


def use_kernels(network: nn.Module) -> bool:
    """Let kernels compute messages and attention, in place; False where the processor has no use for them.

    They multiply bf16 matrices, whatever the context says, and serve every shape.

    Raises
    ------
    InputError
        When the kernels cannot be compiled.
    """
    if not processor_fits():
        return False
    library()  # now, not in the middle of a step
    _use_messages(network)
    for part in network.modules():
        if isinstance(part, TemporalAttention):
            part.kernel = attention.attend
    return True


def _use_messages(network: nn.Module) -> bool:
    """Let the kernel compute messages where it fits; whether it does anywhere."""
    fitting = [part for part in network.modules() if isinstance(part, PairMessages) and messages.fits(part)]
    for part in fitting:
        part.kernel = messages.sums
    return bool(fitting)


@lru_cache(maxsize=8)
def with_kernels(denoiser: Denoiser) -> Denoiser | None:
    """A copy of a denoiser for sampling in bf16, whose messages are the kernel's; None where there can be none.

    Attention stays PyTorch's: the kernel rounds its weights, and a window of sampling is short.
    """
    if not processor_fits():
        return None
    try:
        library()
    except InputError as error:  # nothing but time is lost, and meta.json says that there were no kernels
        log.info("%s Layers go without kernels.", error)
        return None
    fast = denoiser.sharing()
    return fast if _use_messages(fast) else None
