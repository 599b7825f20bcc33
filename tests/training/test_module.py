"""The module of training: averages, rates, validation and aligned losses follow their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from eginterpolator.training.config import load_config
from eginterpolator.training.module import DenoiserModule, OptimiserConfig
from tests.builders.networks import network
from tests.builders.training import loss

pytestmark = pytest.mark.filterwarnings("ignore")


def test_validation_weighs_every_range_of_noise_by_its_batches(monkeypatch):
    """A range without a frame in it is logged all the same, with weight 0: processes must agree on what is logged."""
    denoiser = network("structure")
    module = DenoiserModule(denoiser, OptimiserConfig(), 1, align=False)
    by_frame, sigma = torch.tensor([[1.0, 2.0], [4.0, 0.0]]), torch.tensor([[0.05, 1.0], [1.0, 0.0]])
    logged = {}
    monkeypatch.setattr(module, "loss", lambda *_: (by_frame, sigma))
    monkeypatch.setattr(module, "log", lambda name, value, **options: logged.update({name: (float(value), options)}))
    predicted = torch.tensor([[True, True], [True, False]])
    module.validation_step(type("Batch", (), {"predicted": predicted, "x0": torch.zeros(2)})(), 0)
    assert {name: (value, options["batch_size"]) for name, (value, options) in logged.items()} == {
        "val/loss": (pytest.approx(7 / 3), 2),
        "val/loss_0.0_0.1": (1.0, 2),
        "val/loss_0.1_0.5": (0.0, 0),
        "val/loss_0.5_2.0": (3.0, 2),
        "val/loss_2.0_inf": (0.0, 0),
    }


def test_averages_and_learning_rate_follow_their_formulas():
    denoiser = network("structure")
    module = DenoiserModule(denoiser, OptimiserConfig(ema_decay=0.75, warmup_steps=4), 20, False)
    parameter, average = (next(d.network.parameters()) for d in (module.denoiser, module.averaged))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    expected = None
    for value in (1.0, 2.0, 5.0):
        parameter.grad = parameter.detach() - value  # the step of SGD leads to `value`
        module.optimizer_step(0, 0, optimiser, lambda: None)
        expected = value if expected is None else 0.75 * expected + 0.25 * value
        assert torch.allclose(average, torch.full_like(average, expected))
    schedule = module.configure_optimizers()["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(21):
        rates += schedule.get_last_lr()
        schedule.optimizer.step()
        schedule.step()
    wanted = [1e-3 * min(1, (k + 1) / 4) * (1 + math.cos(math.pi * k / 20)) / 2 for k in range(21)]
    assert rates == pytest.approx(wanted)


def test_the_aligned_loss_is_smaller(folder):
    config = load_config(folder / "one.yaml")
    denoiser = network("structure")
    torch.nn.init.zeros_(denoiser.network.read_vectors.weight)
    aligned = load_config(folder / "one.yaml", ["align=true"])
    assert loss(aligned, denoiser) < loss(config, denoiser)
