"""A checkpoint folder with random weights: the shipped ones are not needed, and not touched when they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from eginterpolator.models.registry import Model, load_model, save_model
from network_helpers import INTERPOLATORS, MODELS, network

WINDOW = 8


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory) -> dict[str, Path]:
    """Checkpoint folder of each kind of interpolator: windows of 8 frames, C, N, O and F, up to 12 heavy atoms."""
    folders = {kind: tmp_path_factory.mktemp("models") / kind for kind in INTERPOLATORS}
    for kind, folder in folders.items():
        denoiser = network(kind)
        config = {
            "name": f"tiny-{kind}",
            "model": MODELS[kind],
            "process": denoiser.process.config(),
            "frame_ps": 5.2,
            "window": WINDOW,
            "limits": {"max_heavy_atoms": 12, "elements": ["C", "N", "O", "F"]},
            "sampler": {"name": "stochastic", "steps": 3, "options": {"churn": 1.0}},
        }
        save_model(folder, denoiser, config)
    return folders


@pytest.fixture(scope="session")
def tiny_folder(tiny_folders) -> Path:
    return tiny_folders["cascaded"]


@pytest.fixture
def tiny(tiny_folder) -> Model:
    return load_model(tiny_folder)
