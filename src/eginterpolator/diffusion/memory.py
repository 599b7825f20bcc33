"""Noise with a memory along the frames of a trajectory.

Between frames t and s the noise has the correlation sum_k w_k exp(-|t - s| / tau_k), plus white noise where the weights
w_k sum to less than 1; in every single frame it is standard normal. So a structure network sees what it was trained
on, and noise that drifts slowly is denoised to structures that drift slowly: memory is there before any temporal
network, which then learns what to change. Since the covariance is the same at every level, the probability-flow
equation dx/dsigma = (x - D) / sigma and the samplers stay as they are; only their fresh noise is drawn in this way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from eginterpolator.errors import InputError


class NoiseMemory:
    """Correlation of the noise in time.

    Parameters
    ----------
    components : sequence of (tau, weight)
        Correlation times in ps, and their weights, together at most 1. None at all is white noise.

    Raises
    ------
    InputError
        When a time is not positive, or the weights are negative or sum to more than 1.
    """

    def __init__(self, components: Sequence[Sequence[float]] = ()) -> None:
        self.components = tuple((float(tau), float(weight)) for tau, weight in components)
        times, weights = [tau for tau, _ in self.components], [weight for _, weight in self.components]
        if any(not tau > 0 for tau in times) or any(not weight >= 0 for weight in weights) or sum(weights) > 1 + 1e-9:
            raise InputError(
                f"'memory' is {components}; give pairs of a time in ps and a weight that sum to at most 1."
            )

    def correlation(self, lag_ps: Tensor) -> Tensor:
        """Correlation at the lags [...], ps."""
        white = 1.0 - math.fsum(weight for _, weight in self.components)
        total = white * (lag_ps == 0).double()
        for tau, weight in self.components:
            total = total + weight * torch.exp(-lag_ps.double().abs() / tau)
        return total

    def __call__(self, white: Tensor, frame_ps: float) -> Tensor:
        """Noise with this memory from standard normal noise [B, T, N, 3], frames `frame_ps` apart."""
        if not self.components or white.shape[1] == 1:
            return white
        factor = _factor(self, white.shape[1], frame_ps).to(white.device, white.dtype)
        return torch.einsum("ts,bsnd->btnd", factor, white)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoiseMemory) and self.components == other.components

    def __hash__(self) -> int:
        return hash(self.components)


@lru_cache(maxsize=16)
def _factor(memory: NoiseMemory, n_frames: int, frame_ps: float) -> Tensor:
    """Lower Cholesky factor of the correlation matrix, float64 [T, T]; a row weighs frames up to its own only."""
    frames = torch.arange(n_frames, dtype=torch.float64)
    correlation = memory.correlation((frames[:, None] - frames) * frame_ps)
    # times much longer than the window leave nearly singular matrices
    return torch.linalg.cholesky(correlation + 1e-9 * torch.eye(n_frames, dtype=torch.float64))
