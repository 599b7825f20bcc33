"""torch.compile for the costly parts of a network."""

from __future__ import annotations

import torch
from torch import nn

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
