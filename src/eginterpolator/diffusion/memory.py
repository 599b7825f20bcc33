"""Noise with a memory along the frames of a trajectory, each atom with its own.

At level sigma the noise of an atom has the covariance min(sigma, f)^2 delta_ts + (sigma^2 - f^2)_+ K_ts between frames
t and s, with the Matern kernel of order 3/2, K_ts = (1 + |t - s|/tau) exp(-|t - s|/tau), and tau in proportion to what
the time of the atom's torsion (`torsion_times`) has over the spacing of the frames: what forgets within a frame gets
white noise. In every single frame it is white with the standard deviation sigma, so that a structure network sees what
it was trained on. Noise that drifts slowly is denoised to structures that drift slowly: memory is there before any
temporal network, which then learns what to change. Up to the floor f the noise is white: what is decided there, bond
lengths and most angles, has no memory.

The kernel is smooth at lag 0 for a reason. A torsion's well is, roughly, the sign of something Gaussian with the
covariance K, and such a sign correlates as 2/pi arcsin K: with exp(-t/tau) it would fall as the square root of t.

All covariances of one atom share the eigenvectors of K. In their basis, the temporal modes, the noise is independent,
with a level sigma_m of its own for each mode, and the probability-flow equation is dx_m = (x_m - D_m) dsigma_m/sigma_m:
the samplers work there as they do on frames.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from eginterpolator.errors import InputError

GRID = 1.5
"""Times are rounded to powers of this, so that atoms and molecules share eigenvectors."""


class TemporalModes:
    """Basis of the frames in which the noise is independent; without a basis, the frames themselves.

    Parameters
    ----------
    basis : float32 [B, N, T, T], or None
        Of each atom; columns are modes. A given frame is a mode of its own.
    variances : float64 [B, T, N, 1], or None
        Eigenvalues of each atom's K, by mode.
    floor : float
        f, Å.
    """

    def __init__(self, basis: Tensor | None = None, variances: Tensor | None = None, floor: float = 0.0) -> None:
        self.basis, self.variances, self.floor = basis, variances, floor

    def coefficients(self, x: Tensor) -> Tensor:
        """Frames [B, T, N, 3] -> modes [B, M, N, 3]."""
        return x if self.basis is None else torch.einsum("bntm,btnd->bmnd", self.basis.to(x.dtype), x)

    def frames(self, modes: Tensor) -> Tensor:
        """Modes [B, M, N, 3] -> frames [B, T, N, 3]."""
        return modes if self.basis is None else torch.einsum("bntm,bmnd->btnd", self.basis.to(modes.dtype), modes)

    def noise(self, white: Tensor, sigma: Tensor) -> Tensor:
        """Frames of noise, standard normal in each of them, from white noise [B, M, N, 3]; levels sigma [B, 1], Å."""
        if self.basis is None:
            return white
        share = self.level(sigma) / sigma[..., None, None]
        return self.frames(share.to(white.dtype) * white)

    def level(self, sigma: Any) -> Any:
        """sigma_m of each mode, float64 [B, M, N, 1], where frames have sigma: a number, or a tensor [B, 1], Å.

        Equation (8b) of docs/method.md.
        """
        if self.variances is None:
            return sigma
        square = torch.as_tensor(sigma, dtype=torch.float64, device=self.variances.device).square()[..., None, None]
        white = square.clamp(max=self.floor**2)
        return (white + (square - white) * self.variances).sqrt()


class NoiseMemory:
    """Covariance of the noise in time.

    Equation (8a) of docs/method.md.

    Parameters
    ----------
    scale : float
        tau of the kernel over what the time of the atom's torsion has over the spacing of the frames; 0 is white noise.
    floor : float
        Noise level up to which it is white, Å.

    Raises
    ------
    InputError
        When one of them is negative.
    """

    def __init__(self, scale: float = 0.0, floor: float = 0.0) -> None:
        self.scale, self.floor = float(scale), float(floor)
        if not (self.scale >= 0 and self.floor >= 0):
            raise InputError(
                f"A noise memory of scale {self.scale} and floor {self.floor} does not exist; give a factor on the "
                "times of torsions and a noise level in Å, neither of them negative."
            )

    @property
    def end(self) -> float:
        """Noise level up to which frames have nothing in common, Å: the floor; 0 for noise that is white everywhere."""
        return self.floor if self.scale else 0.0

    def correlation(self, lag_ps: Tensor, time_ps: float, frame_ps: float) -> Tensor:
        """K at the lags [...], ps, for an atom whose torsion takes `time_ps`, of frames `frame_ps` apart; float64."""
        tau = self.scale * max(0.0, time_ps - frame_ps)
        ratio = lag_ps.double().abs() / max(tau, 1e-3)
        return (1 + ratio) * torch.exp(-ratio)

    def modes(self, predicted: Tensor, times_ps: Tensor, frame_ps: float) -> TemporalModes:
        """Modes of the frames to predict, bool [B, T], for atoms with the times [B, N], ps.

        Given frames have no noise and are left out of K.
        """
        if self.scale == 0 or predicted.shape[1] == 1:
            return TemporalModes()
        steps = torch.round(torch.log(times_ps.double().clamp(min=1e-3)) / math.log(GRID)).long().cpu().tolist()
        rows = [tuple(row) for row in predicted.cpu().tolist()]
        kinds = sorted({(row, step) for row, atoms in zip(rows, steps, strict=True) for step in atoms})
        made = [_eigenvectors(self.scale, GRID**step, row, frame_ps) for row, step in kinds]
        place = {kind: index for index, kind in enumerate(kinds)}
        index = torch.tensor([[place[row, step] for step in atoms] for row, atoms in zip(rows, steps, strict=True)])
        basis = torch.stack([basis for basis, _ in made])[index].to(predicted.device)
        variances = torch.stack([values for _, values in made])[index].to(predicted.device)
        return TemporalModes(basis, variances.transpose(1, 2)[..., None], self.floor)

    def config(self) -> dict[str, Any]:
        """Parameters, for the checkpoint."""
        return {"scale": self.scale, "floor": self.floor}


@lru_cache(maxsize=64)
def _eigenvectors(scale: float, time_ps: float, predicted: tuple[bool, ...], frame_ps: float) -> tuple[Tensor, Tensor]:
    """Eigenvectors float32 [T, T] and eigenvalues float64 [T] of K between the predicted frames; 1 for given ones."""
    frames = torch.arange(len(predicted), dtype=torch.float64)
    correlation = NoiseMemory(scale).correlation((frames[:, None] - frames) * frame_ps, time_ps, frame_ps)
    free = torch.tensor(predicted, dtype=torch.float64)
    correlation = correlation * free[:, None] * free
    # below every eigenvalue of K, so that given frames come first, in order, and mix with nothing
    correlation = correlation - torch.diag(1 - free)
    variances, basis = torch.linalg.eigh(correlation)
    variances = torch.where(variances < -0.5, torch.ones_like(variances), variances.clamp(min=1e-9))
    return basis.float(), variances
