"""A sampler of one's own: deterministic steps, each of which goes a little less far than it could."""

from collections.abc import Callable
from typing import Any

from torch import Tensor


def damped(
    denoise: Callable[[Tensor, float], Tensor],
    x: Tensor,
    levels: list[float],
    noise: Callable[[], Tensor],
    level: Callable[[float], Any] = lambda sigma: sigma,
    damping: float = 0.0,
) -> Tensor:
    """Euler steps down the levels; `damping` keeps that share of the noise that a step would take away."""
    for now, then in zip(levels, levels[1:], strict=False):
        clean = denoise(x, now)
        ratio = level(then) / level(now)
        x = clean + (ratio + damping * (1 - ratio) * (then > 0)) * (x - clean)
    return x
