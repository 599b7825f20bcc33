"""The batch that a denoiser is trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from eginterpolator.nn.graph_batch import GraphBatch


@dataclass(frozen=True)
class Batch:
    """One training batch.

    Attributes
    ----------
    graph : GraphBatch of B molecules
    x0 : float32 [B, T, N, 3]
        Clean frames, Å, centred.
    noise : float32 [B, T, N, 3]
        Standard normal, centred.
    uniform : float32 [B, 1]
        Uniform in (0, 1): which noise level the trajectory gets.
    predicted : bool [B, T]
        False for conditioning frames.
    frame_ps : float
        Spacing of the frames, the same for the whole batch.
    """

    graph: GraphBatch
    x0: Tensor
    noise: Tensor
    uniform: Tensor
    predicted: Tensor
    frame_ps: float

    def to(self, device: torch.device | str) -> Batch:
        """Copy to a device."""
        tensors = {name: getattr(self, name).to(device) for name in ("graph", "x0", "noise", "uniform", "predicted")}
        return replace(self, **tensors)

    def pin_memory(self) -> Batch:
        """Lightning asks for it before copying to a GPU; nothing to do for host tensors of this size."""
        return self
