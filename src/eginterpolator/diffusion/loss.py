"""The denoising loss of both stages, and the Kabsch alignment that the published form uses."""

from __future__ import annotations

import torch
from torch import Tensor

from eginterpolator.diffusion.process import NoiseProcess


def kabsch_rotation(x: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """Rotation R [..., 3, 3] that brings centred x [..., N, 3] nearest to `reference`: min |x R^T - reference|.

    Weights [..., N] are 0 at padding. Kabsch 1976, by singular value decomposition, proper rotations only.
    """
    covariance = torch.einsum("...ni,...nj->...ij", reference * weight[..., None], x)
    u, _, vt = torch.linalg.svd(covariance.double())
    sign = torch.det(u @ vt).sign()
    u = torch.cat([u[..., :2], u[..., 2:] * sign[..., None, None]], dim=-1)
    return (u @ vt).to(x.dtype)


def add_noise(x0: Tensor, sigma: Tensor, noise: Tensor, mask: Tensor, align: bool) -> tuple[Tensor, Tensor]:
    """Noisy frames and the clean frames to recover from them.

    Equation (2) of docs/method.md.

    Parameters
    ----------
    x0, noise : [B, T, N, 3], centred, 0 at padding.
    sigma : [B, T], Å.
    mask : bool [B, N].
    align : bool
        Rotate the noisy trajectory onto the clean one, one rotation for all T frames (the published loss: the noise
        target is that of the aligned coordinates); given frames (sigma 0) fix the orientation and stop that. Without
        it the target is the exact posterior mean.
    """
    x = x0 + sigma[..., None, None] * noise
    if align:
        weight = mask[:, None].expand(x.shape[:3]).to(x.dtype).flatten(1)
        rotation = kabsch_rotation(x.flatten(1, 2), x0.flatten(1, 2), weight)
        free = (sigma > 0).all(dim=1)[:, None, None]
        rotation = torch.where(free, rotation, torch.eye(3, device=x.device, dtype=x.dtype))
        x = torch.einsum("bij,btnj->btni", rotation, x)
    return x, x0


def denoising_loss(
    process: NoiseProcess, raw: Tensor, x0: Tensor, x: Tensor, sigma: Tensor, mask: Tensor, frames: Tensor
) -> Tensor:
    """Mean squared error of the raw output over coordinates, each frame with the same weight; [B, T] by `frames`.

    Equation (8) of docs/method.md.

    `frames` bool [B, T] is False for conditioning frames, which are given, not predicted.
    """
    wanted = process.target(x0, x, sigma)
    square = (raw.float() - wanted).square().sum(dim=-1) * mask[:, None]
    by_frame = square.sum(dim=-1) / (3 * mask.sum(dim=1, keepdim=True))
    return torch.where(frames, by_frame, torch.zeros_like(by_frame))
