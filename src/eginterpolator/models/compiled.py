"""The costly parts of a network made faster for training: by kernels, and by torch.compile."""

from __future__ import annotations

import torch
from torch import nn

from eginterpolator.kernels import attention, messages
from eginterpolator.kernels.library import library, processor_fits
from eginterpolator.nn.structure_layer import PairMessages, Transition
from eginterpolator.nn.temporal_layer import TemporalAttention

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
    for part in network.modules():
        if isinstance(part, PairMessages) and messages.fits(part):
            part.kernel = messages.sums
        elif isinstance(part, TemporalAttention):
            part.kernel = attention.attend
    return True
