"""Noise processes, and random numbers in float64."""

from __future__ import annotations

import torch
from hypothesis import settings

from eginterpolator.diffusion.process import DDPM, Preconditioned

QUICK = settings(deadline=None, derandomize=True, max_examples=50)
PROCESSES = {"preconditioned": Preconditioned(), "ddpm": DDPM()}


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
