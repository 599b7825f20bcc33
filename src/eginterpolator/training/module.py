"""The LightningModule of every denoiser: loss, optimiser, schedule, EMA weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from eginterpolator.models.denoiser import Denoiser
from eginterpolator.nn.batch import Batch


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW with linear warm-up and a cosine to zero at `max_steps`."""

    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 500
    gradient_clip: float = 1.0
    ema_decay: float = 0.999


class DenoiserModule(L.LightningModule):
    """Trains a denoiser on its own loss, `denoiser.loss(batch, align)`.

    Only its parameters with `requires_grad` are trained. EMA weights live in `ema`, part of the checkpoint.
    """

    def __init__(self, denoiser: Denoiser, optimiser: OptimiserConfig, max_steps: int, align: bool) -> None:
        super().__init__()
        self.denoiser, self.optimiser, self.max_steps = denoiser, optimiser, max_steps
        self.align = align
        average = torch.optim.swa_utils.get_ema_multi_avg_fn(optimiser.ema_decay)
        self.ema = torch.optim.swa_utils.AveragedModel(denoiser, multi_avg_fn=average)
        self.ema.requires_grad_(False)

    @property
    def averaged(self) -> Denoiser:
        """The denoiser with the EMA weights."""
        return cast(Denoiser, self.ema.module)

    def loss(self, denoiser: Denoiser, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss of each frame [B, T] and its noise level [B, T]."""
        return denoiser.loss(batch, self.align)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        by_frame, _ = self.loss(self.denoiser, batch)
        loss = by_frame.sum() / batch.predicted.sum()
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """The step, then its share of the moving average: a checkpoint holds both or neither."""
        super().optimizer_step(*arguments, **options)
        self.ema.update_parameters(self.denoiser)

    def validation_step(self, batch: Batch, index: int, dataloader_idx: int = 0) -> None:
        by_frame, sigma = self.loss(self.averaged, batch)
        value = by_frame.sum() / batch.predicted.sum()
        rows = len(batch.x0)
        self.log("val/loss", value, sync_dist=True, batch_size=rows)
        for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 2.0), (2.0, math.inf)):
            chosen = (sigma > low) & (sigma <= high)
            count = chosen.sum()
            # every process logs every range, with weight 0 where it has no frame in it: they are summed together
            mean = by_frame[chosen].sum() / count.clamp(min=1)
            self.log(f"val/loss_{low}_{high}", mean, sync_dist=True, batch_size=rows if count else 0)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        return batch.to(device)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        trained = [p for p in self.denoiser.parameters() if p.requires_grad]
        c = self.optimiser
        optimiser = torch.optim.AdamW(trained, lr=c.learning_rate, weight_decay=c.weight_decay, foreach=True)

        def factor(step: int) -> float:
            warm = min(1.0, (step + 1) / max(1, c.warmup_steps))
            return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.max_steps)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
