"""Generation with random weights, and with a network that knows the answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from eginterpolator.diffusion.process import Preconditioned
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.models.denoiser import Denoiser
from eginterpolator.models.registry import Model
from tests.builders.networks import CHIRAL, WINDOW, geometry, molecule

SMALL = GenerationConfig(n_frames=6, n_samples=3, seed=4, precision="fp32")  # the same rounding on every machine
LONG = replace(SMALL, n_frames=2 * WINDOW + 3)
LARGE = "CCCCCCCCCCCCCC"  # 14 heavy atoms, more than the 12 of the tiny model


class Oracle(Denoiser):
    """Answers with the same frames, float32 [K, N, 3], for samples 0 to K - 1 of a batch, whatever the noise."""

    def __init__(self, frames: np.ndarray) -> None:
        super().__init__(torch.nn.Identity(), Preconditioned())
        self.frames = torch.nn.Parameter(torch.from_numpy(np.float32(frames)), requires_grad=False)

    def forward(self, x, sigma, graph, predicted, frame_ps, strength=1.0):
        frames = self.frames.repeat(-(-len(x) // len(self.frames)), 1, 1)[: len(x), None]
        return torch.where(predicted[..., None, None], frames.expand_as(x), x)


def oracle(smiles: str, *signs: float) -> Model:
    heavy = geometry(smiles)[: molecule(smiles).n_heavy]
    return Model("oracle", Oracle(np.stack([sign * heavy for sign in signs or (1.0,)])), {"frame_ps": 5.2})


def positions(model: Model, config: GenerationConfig, smiles: str = CHIRAL, **ends) -> list[np.ndarray]:
    return [t.positions for t in generate_trajectories(model, molecule(smiles), config, **ends)]


def moved(smiles: str, seed: int, noise: float = 0.1) -> np.ndarray:
    """All atoms somewhere in space, float32."""
    random = np.random.default_rng(seed)
    shape = geometry(smiles) + noise * random.standard_normal(geometry(smiles).shape)
    return np.float32(shape @ Rotation.random(random_state=seed).as_matrix().T + 20 * random.standard_normal(3))
