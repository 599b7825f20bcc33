"""What a training run will take, before it begins: molecules, sizes, memory and hours, by a few of its own steps."""

from __future__ import annotations

import resource
import sys
import time
import warnings
from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from eginterpolator.training.config import TrainConfig
from eginterpolator.training.module import DenoiserModule
from eginterpolator.training.run import LIGHTNING_ASIDES, TrainingData, accelerate, make_denoiser

UNTIMED, TIMED = 3, 5
"""Steps before the clock starts (kernels are compiled in the first), and steps that it counts."""


@dataclass(frozen=True)
class Plan:
    """What a run will take on this machine.

    Attributes
    ----------
    molecules, validation_molecules : int
        That are trained on, and that are held out of it.
    frames : int
        Of the molecules that are trained on.
    parameters, trained_parameters : int
    data_mb, memory_mb : float
        Of the frames in memory, and the most that the process (or the GPU) held in the measured steps.
    seconds_a_step, cpu_seconds_a_step : float
        Mean over the measured steps, by the clock and by this process's threads; validation and checkpoints are not in
        it.
    steps : int
        Of the whole run.
    hours : float
        `steps` times `seconds_a_step`.
    """

    molecules: int
    validation_molecules: int
    frames: int
    parameters: int
    trained_parameters: int
    data_mb: float
    memory_mb: float
    seconds_a_step: float
    cpu_seconds_a_step: float
    steps: int
    hours: float

    def lines(self) -> list[str]:
        """In words, a line each."""
        share = self.trained_parameters / self.parameters
        return [
            f"molecules: {self.molecules:,} ({self.frames:,} frames), {self.validation_molecules:,} more are held out",
            f"network: {self.parameters:,} parameters, {share:.0%} of them trained",
            f"memory: {self.memory_mb:,.0f} MB, {self.data_mb:,.0f} of them frames",
            f"time: {self.seconds_a_step:.3g} s a step, {self.steps:,} steps, {self.hours:.3g} hours on this machine",
        ]


class _Clock(Callback):
    """Seconds, by the clock and of the process, of the steps after the first ones."""

    def __init__(self) -> None:
        self.began, self.seconds = (0.0, 0.0), (0.0, 0.0)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:
        now = time.perf_counter(), time.process_time()
        if trainer.global_step == UNTIMED:
            self.began = now
        self.seconds = now[0] - self.began[0], now[1] - self.began[1]


def plan(config: TrainConfig) -> Plan:
    """Do a few steps of a run, on one device, and say what all of it takes; nothing is written.

    Raises
    ------
    InputError
        When a setting or a store cannot be used.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    data = TrainingData(config.data, config.seed)
    denoiser = make_denoiser(config)
    module = DenoiserModule(denoiser, config.optimiser, config.max_steps, config.align)
    accelerate(denoiser, config)
    clock = _Clock()
    trainer = L.Trainer(
        accelerator=config.accelerator, devices=1, precision="bf16-mixed" if config.precision == "bf16" else "32-true",
        max_steps=UNTIMED + TIMED, gradient_clip_val=config.optimiser.gradient_clip, limit_val_batches=0,
        callbacks=[clock], logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        for message in LIGHTNING_ASIDES:
            warnings.filterwarnings("ignore", message=message)
        trainer.fit(module, datamodule=data)
    frames = [source.frames for source in data.training.sources]
    held_out = data.validation.sources if data.validation is not None else []
    sizes = [parameter.numel() for parameter in denoiser.parameters()]
    trained = [parameter.numel() for parameter in denoiser.parameters() if parameter.requires_grad]
    seconds, processor = (each / TIMED for each in clock.seconds)
    return Plan(
        molecules=len({str(key) for each in frames for key in each.keys}),
        validation_molecules=len({str(key) for source in held_out for key in source.frames.keys}),
        frames=sum(len(each.positions) for each in frames),
        parameters=sum(sizes),
        trained_parameters=sum(trained),
        data_mb=sum(each.positions.nbytes for each in frames) / 1e6,
        memory_mb=_most_memory() / 1e6,
        seconds_a_step=seconds,
        cpu_seconds_a_step=processor,
        steps=config.max_steps,
        hours=seconds * config.max_steps / 3600,
    )


def _most_memory() -> int:
    """Bytes."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
