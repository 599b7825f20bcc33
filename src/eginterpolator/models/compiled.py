"""torch.compile for the costly parts of a network."""

from __future__ import annotations

from torch import nn

from eginterpolator.nn.structure_layer import PairMessages, Transition
from eginterpolator.nn.temporal_layer import TemporalAttention


def compile_parts(network: nn.Module) -> None:
    """Compile message passing, transitions and attention in place: layers of one kind share the compiled code.

    Code is made for each shape, once; the `buckets` of the training data keep the shapes few.
    """
    for part in network.modules():
        if isinstance(part, (PairMessages, Transition, TemporalAttention)):
            part.compile(dynamic=False)
