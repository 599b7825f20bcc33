"""A model folder with random weights, so small that it takes no time: what it makes is no molecule."""

from __future__ import annotations

from pathlib import Path

from eginterpolator.models.registry import build_denoiser, save_model


def write_tiny_model(folder: Path) -> Path:
    """Write a cascaded interpolator of a few hundred parameters; returns its folder."""
    structure = {"hidden": 8, "channels": 2, "layers": 1}
    model = {
        "class": "CascadedInterpolator", "structure": structure, "hidden": 8, "channels": 2, "heads": 2, "blocks": 1,
    }  # fmt: skip
    process = {"class": "Preconditioned"}
    config = {
        "name": "tiny", "model": model, "process": process, "frame_ps": 5.2, "window": 20,
        "sampler": {"name": "ddim", "steps": 3},
    }  # fmt: skip
    save_model(folder, build_denoiser(model, process), config)
    return folder
