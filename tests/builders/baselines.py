"""Small baselines, each with its own process and sampler."""

from __future__ import annotations

from functools import cache

import torch

from eginterpolator.diffusion.process import NCSN, NoiseProcess, Preconditioned, SigmoidDDPM
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.registry import build_denoiser
from tests.builders.networks import shake

SMALL = {"hidden": 24, "layers": 2}
WIDE = Preconditioned(sigma_data=1.2, log_mean=0.2, log_std=1.2)
SYSTEMS: dict[str, tuple[dict, NoiseProcess, dict, bool]] = {
    "ConfGF": (
        {"class": "ConfGF", **SMALL}, NCSN(levels=12, sigma_min=0.03, sigma_max=3.0),
        {"name": "annealed_langevin", "steps": 12, "options": {"inner": 8, "step": 9e-5}}, False,
    ),
    "GeoDiff": (
        {"class": "GeoDiff", "hidden": 24, "global_layers": 2, "local_layers": 2}, SigmoidDDPM(),
        {"name": "ancestral", "steps": 40}, True,
    ),
    "GeoTDM": (
        {"class": "GeoTDM", **SMALL, "channels": 4, "heads": 2}, WIDE,
        {"name": "sde", "steps": 20}, False,
    ),
    "AutoregressiveEGNN": (
        {"class": "AutoregressiveEGNN", **SMALL, "channels": 4}, WIDE,
        {"name": "sde", "steps": 20}, False,
    ),
    "AutoregressiveET": (
        {"class": "AutoregressiveET", **SMALL, "channels": 4, "heads": 2}, WIDE,
        {"name": "sde", "steps": 20}, False,
    ),
}  # fmt: skip
BY_DISTANCE = ("ConfGF", "GeoDiff")
OVER_TIME = ("GeoTDM", "AutoregressiveEGNN", "AutoregressiveET")


@cache
def denoiser(kind: str) -> Denoiser:
    """Random weights in every layer."""
    model, process, _, _ = SYSTEMS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = build_denoiser(model, process.config())
    shake(built)
    return built.eval()
