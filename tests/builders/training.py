"""Weights of runs, and the loss on batches that they have not seen."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from eginterpolator.training.config import TrainConfig
from eginterpolator.training.module import DenoiserModule
from eginterpolator.training.run import TrainingData
from tests.builders.networks import CHIRAL

BOTH = ["CCO", CHIRAL]


def weights(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "model.safetensors")


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {key for key, value in before.items() if not torch.equal(value, after[key])}


def loss(config: TrainConfig, denoiser, steps: range = range(9000, 9008)) -> float:
    """Loss on batches of the training molecules that training has not seen."""
    module = DenoiserModule(denoiser, config.optimiser, 1, config.align)
    batches = TrainingData(config.data, config.seed).training
    with torch.no_grad():
        values = [module.loss(denoiser, batches.batch(step))[0] for step in steps]
    return float(torch.cat(values).mean())
