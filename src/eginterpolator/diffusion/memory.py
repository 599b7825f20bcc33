"""Noise with a memory along the frames of a trajectory.

At level sigma the noise of frames t and s has the covariance min(sigma, f)^2 delta_ts + (sigma^2 - f^2)_+ K_ts with
K_ts = sum_k w_k exp(-|t - s| / tau_k), and white noise where the weights w_k sum to less than 1. In every single frame
it is white with the standard deviation sigma, so that a structure network sees what it was trained on. Noise that
drifts slowly is denoised to structures that drift slowly: memory is there before any temporal network, which then
learns what to change. Up to the floor f the noise is white: what is decided there, bond lengths and most angles, has no
memory.

All these covariances share the eigenvectors of K. In their basis, the temporal modes, the noise is independent, with a
level sigma_m of its own for each mode, and the probability-flow equation is dx_m = (x_m - D_m) dsigma_m / sigma_m: the
samplers work there as they do on frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from eginterpolator.errors import InputError


class TemporalModes:
    """Basis of the frames in which the noise is independent; without a basis, the frames themselves.

    Parameters
    ----------
    basis : float64 [B, T, T], or None
        Columns are modes. A given frame is a mode of its own.
    variances : float64 [B, T], or None
        Eigenvalues of K.
    floor : float
        f, Å.
    """

    def __init__(self, basis: Tensor | None = None, variances: Tensor | None = None, floor: float = 0.0) -> None:
        self.basis, self.variances, self.floor = basis, variances, floor

    def coefficients(self, x: Tensor) -> Tensor:
        """Frames [B, T, N, 3] -> modes [B, M, N, 3]."""
        return x if self.basis is None else torch.einsum("btm,btnd->bmnd", self.basis.to(x.dtype), x)

    def frames(self, modes: Tensor) -> Tensor:
        """Modes [B, M, N, 3] -> frames [B, T, N, 3]."""
        return modes if self.basis is None else torch.einsum("btm,bmnd->btnd", self.basis.to(modes.dtype), modes)

    def noise(self, white: Tensor, sigma: Tensor) -> Tensor:
        """Frames of noise, standard normal in each of them, from white noise [B, M, N, 3]; levels sigma [B, 1], Å."""
        if self.basis is None:
            return white
        share = self.level(sigma) / sigma[..., None, None]
        return self.frames(share.to(white.dtype) * white)

    def level(self, sigma: Any) -> Any:
        """sigma_m of each mode, float64 [B, M, 1, 1], where frames have sigma: a number, or a tensor [B, 1], Å."""
        if self.variances is None:
            return sigma
        square = torch.as_tensor(sigma, dtype=torch.float64, device=self.variances.device).square()
        white = square.clamp(max=self.floor**2)
        return (white + (square - white) * self.variances).sqrt()[..., None, None]


class NoiseMemory:
    """Covariance of the noise in time.

    Parameters
    ----------
    components : sequence of (tau, weight)
        Correlation times in ps, and their weights, together at most 1. None at all is white noise.
    floor : float
        Noise level up to which it is white, Å.

    Raises
    ------
    InputError
        When a time is not positive, the weights are negative or sum to more than 1, or the floor is negative.
    """

    def __init__(self, components: Sequence[Sequence[float]] = (), floor: float = 0.0) -> None:
        self.components = tuple((float(tau), float(weight)) for tau, weight in components)
        self.floor = float(floor)
        times, weights = [tau for tau, _ in self.components], [weight for _, weight in self.components]
        if any(not tau > 0 for tau in times) or any(not weight >= 0 for weight in weights) or sum(weights) > 1 + 1e-9:
            raise InputError(
                f"The noise memory {list(self.components)} is no correlation; give pairs of a positive time in ps and "
                "a weight, all weights together at most 1."
            )
        if not self.floor >= 0:
            raise InputError(f"The floor {self.floor} of the noise memory is no noise level; give 0 or more Å.")

    def correlation(self, lag_ps: Tensor) -> Tensor:
        """K at the lags [...], ps; float64."""
        white = 1.0 - math.fsum(weight for _, weight in self.components)
        total = white * (lag_ps == 0).double()
        for tau, weight in self.components:
            total = total + weight * torch.exp(-lag_ps.double().abs() / tau)
        return total

    def modes(self, predicted: Tensor, frame_ps: float) -> TemporalModes:
        """Modes of the frames to predict, bool [B, T]: given frames have no noise and are left out of K."""
        if not self.components or predicted.shape[1] == 1:
            return TemporalModes()
        rows = [self._row(tuple(row), frame_ps) for row in predicted.cpu().tolist()]
        basis, variances = (torch.stack(parts).to(predicted.device) for parts in zip(*rows, strict=True))
        return TemporalModes(basis, variances, self.floor)

    def _row(self, predicted: tuple[bool, ...], frame_ps: float) -> tuple[Tensor, Tensor]:
        return _eigenvectors(self.components, predicted, frame_ps)

    def config(self) -> dict[str, Any]:
        """Parameters, for the checkpoint."""
        return {"components": [list(pair) for pair in self.components], "floor": self.floor}


@lru_cache(maxsize=16)
def _eigenvectors(
    components: tuple[tuple[float, float], ...], predicted: tuple[bool, ...], frame_ps: float
) -> tuple[Tensor, Tensor]:
    """Eigenvectors float64 [T, T] and eigenvalues [T] of K between the predicted frames; 1 for given ones."""
    frames = torch.arange(len(predicted), dtype=torch.float64)
    correlation = NoiseMemory(components).correlation((frames[:, None] - frames) * frame_ps)
    free = torch.tensor(predicted, dtype=torch.float64)
    correlation = correlation * free[:, None] * free
    # below every eigenvalue of K, so that given frames come first, in order, and mix with nothing
    correlation = correlation - torch.diag(1 - free)
    variances, basis = torch.linalg.eigh(correlation)
    variances = torch.where(variances < -0.5, torch.ones_like(variances), variances.clamp(min=1e-9))
    return basis, variances
