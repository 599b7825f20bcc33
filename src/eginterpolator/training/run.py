"""A training run from its config: data, model, Lightning trainer, checkpoints, exact resume."""

from __future__ import annotations

import functools
import logging
import time
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn
from torch.utils.data import DataLoader

from eginterpolator.chemistry.codes import COLUMNS, ELEMENTS, ENSEMBLES, ensemble_code
from eginterpolator.data.batches import FrameBatches, Source
from eginterpolator.data.frames import FrameSet, load_frames
from eginterpolator.data.splits import held_out_counts, validation_mask
from eginterpolator.errors import InputError
from eginterpolator.files.io import sha256
from eginterpolator.models.census import Census
from eginterpolator.models.compiled import compile_parts, use_kernels
from eginterpolator.models.conditions import known_conditions, trained_conditions
from eginterpolator.models.denoiser import Denoiser, InterpolatorDenoiser
from eginterpolator.models.registry import NETWORKS, build_denoiser, load_model, save_model
from eginterpolator.nn.batch import Batch
from eginterpolator.training.config import DataConfig, SourceConfig, TrainConfig, to_dict
from eginterpolator.training.counting import training_census
from eginterpolator.training.module import DenoiserModule
from eginterpolator.training.resume import (
    AtomicCheckpoints,
    StopTogether,
    checkpoint_step,
    csv_logger,
    folder_to_itself,
)

log = logging.getLogger(__name__)

LIGHTNING_ASIDES = (".*exists and is not empty", ".*treespec, LeafSpec", ".*overridden `transfer_batch_to_device`")
"""Warnings about Lightning's own insides, and about a folder that holds its logs: nothing for a user to act on."""


class TrainingData(L.LightningDataModule):
    """Training batches that start at the trainer's step, and fixed validation batches of held-out molecules."""

    def __init__(self, config: DataConfig, seed: int) -> None:
        super().__init__()
        self.config, self.seed = config, seed
        training: list[Source] = []
        validation: list[Source] = []
        span = (config.n_frames - 1) * max(config.strides) + 1
        load = functools.cache(load_frames)
        for source in config.sources:
            frames = load(source.stores, config.max_atoms, config.max_triples, config.axes)
            if source.ensembles:
                frames = _of_ensembles(frames, source)
            long, stores = frames.length >= span, ", ".join(source.stores)
            if not long.any():
                raise InputError(
                    f"No molecule of {stores} has {span} frames, which windows of {config.n_frames} "
                    f"frames {max(config.strides)} apart need; simulate longer or lower data.n_frames."
                )
            short = int((~long & (frames.frame_ps > 0)).sum())  # conformers have no spacing
            if short:
                log.warning(
                    "%d simulated molecules of %s have less than %d frames and are left out", short, stores, span
                )
            frames = frames.select(long)
            if known := held_out_counts(frames.keys):
                log.warning(
                    "%s has molecules that the project holds out (%s): this model must not be judged on them",
                    stores,
                    ", ".join(f"{count} of {name}" for name, count in known.items()),
                )
            held_out = validation_mask(frames.keys, config.validation_share)
            for chosen, rows in ((training, ~held_out), (validation, held_out)):
                if rows.any():
                    chosen.append(Source(frames.select(rows), source.weight))
        if not training:
            raise InputError("No molecule is left to train on; check data.sources and data.validation_share.")
        self.training = self._batches(training, seed)
        self.validation = self._batches(validation, seed + 1) if validation else None

    def _batches(self, sources: list[Source], seed: int) -> FrameBatches:
        c = self.config
        return FrameBatches(
            sources, c.batch_size, c.n_frames, c.strides, c.conditioning, seed, c.mirror, c.buckets, c.batch_atoms
        )

    def molecules(self) -> set[str]:
        """Keys (`held_out_key`) of the molecules that are trained on."""
        return {str(key) for source in self.training.sources for key in source.frames.keys}

    def conditions(self) -> Iterator[tuple[str, float, float]]:
        """Ensembles of the training molecules, each with its lowest and highest temperature (K); some twice."""
        for source in self.training.sources:
            frames = source.frames
            for code in np.unique(frames.ensemble):
                rows = frames.rows(frames.ensemble == code)
                kelvin = frames.temperature[rows]
                yield ENSEMBLES[int(code)], float(kelvin.min()), float(kelvin.max())

    def elements(self) -> set[str]:
        """Symbols of the heavy elements in the training molecules."""
        column = list(COLUMNS).index("element")
        found: set[int] = set()
        for source in self.training.sources:
            frames = source.frames
            real = np.arange(frames.codes.shape[1]) < frames.n_atoms[:, None]
            found.update(np.unique(frames.codes[real][:, column]).tolist())
        return {ELEMENTS[code] for code in found}

    def train_dataloader(self) -> DataLoader:
        assert self.trainer is not None
        self.training.start_step, self.training.rank = self.trainer.global_step, self.trainer.global_rank
        return DataLoader(self.training, batch_size=None)

    def val_dataloader(self) -> list[DataLoader]:
        if self.validation is None:
            return []
        assert self.trainer is not None
        self.validation.rank = self.trainer.global_rank
        batches: list[Batch] = [self.validation.batch(step) for step in range(self.config.validation_batches)]
        return [DataLoader(batches, batch_size=None)]  # type: ignore[arg-type]


def _of_ensembles(frames: FrameSet, source: SourceConfig) -> FrameSet:
    """The molecules of a source in its ensembles; InputError where there is none."""
    try:
        codes = [ensemble_code(each) for each in source.ensembles]
    except ValueError as error:
        raise InputError(f"data.sources.ensembles: {error}.") from error
    chosen = np.isin(frames.ensemble, codes)
    if not chosen.any():
        raise InputError(f"{', '.join(source.stores)} has no frame of the ensembles {', '.join(source.ensembles)}.")
    return frames.select(chosen)


class ExportWeights(Callback):
    """With every checkpoint, the EMA weights as a model folder that `egi generate --model` takes.

    Its config says what they cost: steps, samples, and the seconds of training, wall-clock and of this process's
    threads, over all the runs that led to the checkpoint. `census` counts what they were trained on, once. After the
    steps `snapshots` they go into `snapshots/STEP` beside the folder as well: the points of a learning curve.
    """

    def __init__(
        self, folder: Path, config: dict[str, Any], census: Callable[[], Census], snapshots: Collection[int] = ()
    ) -> None:
        self.folder, self.config, self.census = folder, config, functools.cache(census)
        self.snapshots = set(snapshots)
        self.before = {"seconds": 0.0, "cpu_seconds": 0.0}
        self.began = (time.perf_counter(), time.process_time())

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.began = (time.perf_counter(), time.process_time())

    def state_dict(self) -> dict[str, float]:
        spent = (time.perf_counter() - self.began[0], time.process_time() - self.began[1])
        return {key: round(self.before[key] + more, 3) for key, more in zip(self.before, spent, strict=True)}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self.before = dict(state_dict)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self._save(self.folder, trainer, pl_module)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:
        if trainer.global_step in self.snapshots:
            self._save(self.folder.parent / "snapshots" / f"{trainer.global_step:07d}", trainer, pl_module)

    def _save(self, folder: Path, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero and isinstance(pl_module, DenoiserModule):
            progress = {"steps": trainer.global_step, "samples": trainer.global_step * self.config["batch"]}
            spent = {"trained": {**progress, **self.state_dict()}}
            save_model(folder, pl_module.averaged, {**self.config, **spent}, self.census())


def make_denoiser(config: TrainConfig) -> Denoiser:
    """The run's denoiser, its structure layers loaded and frozen as the config says."""
    model = dict(config.model)
    if config.structure and not issubclass(NETWORKS.find(model.get("class")).denoiser, InterpolatorDenoiser):
        raise InputError(f"'structure' is for interpolators; a {model.get('class')} itself starts from 'start'.")
    if config.structure:
        model["structure"], pretrained = _structure(config.structure)
    torch.manual_seed(config.seed)
    denoiser = build_denoiser(model, config.process)
    if config.start:
        _start(denoiser, config.start)
    if isinstance(denoiser, InterpolatorDenoiser) and config.structure:
        denoiser.network.structure.load_state_dict(pretrained.state_dict())
        if config.freeze:
            denoiser.network.freeze()
    return denoiser


def _start(denoiser: Denoiser, name: str) -> None:
    """Give `denoiser` the weights of a model; where it is a structure network, those of the one in an interpolator.

    Conditions that the model did not know begin as `nn.AtomEmbedding` says.
    """
    inner = not isinstance(denoiser, InterpolatorDenoiser)
    network = _structure(name)[1] if inner else load_model(name).denoiser.network
    try:
        denoiser.network.load_state_dict(network.state_dict())
    except RuntimeError as error:
        raise InputError(f"The run cannot start from the weights of '{name}': its network has another size.") from error


def _structure(name: str) -> tuple[dict[str, Any], nn.Module]:
    """Settings and network of a structure model, or of the one that an interpolator holds."""
    model = load_model(name)
    if isinstance(model.denoiser, InterpolatorDenoiser):
        return model.config["model"]["structure"], model.denoiser.network.structure
    return {k: v for k, v in model.config["model"].items() if k != "class"}, model.denoiser.network


def train(config: TrainConfig) -> Path:
    """Run or resume a training run; returns the folder of its exported weights `<out>/model`.

    `<out>/last.ckpt` holds optimiser, EMA weights, step and schedule; batches are a function of the step, so a run
    that was killed goes on exactly where the checkpoint stands.

    Raises
    ------
    InputError
        When a setting, a store or the checkpoint cannot be used.
    """
    if config.precision not in ("bf16", "fp32"):
        raise InputError(f"'{config.precision}' is not a precision to train with; use bf16 or fp32.")
    with folder_to_itself(Path(config.out)), warnings.catch_warnings():
        for message in LIGHTNING_ASIDES:
            warnings.filterwarnings("ignore", message=message)
        return _train(config)


def accelerate(denoiser: Denoiser, config: TrainConfig) -> None:
    """Kernels where products are of bf16 matrices, and PyTorch's compiler if it is wanted."""
    try:
        if config.precision == "bf16":
            use_kernels(denoiser)
    except InputError as error:
        warnings.warn(f"{error} Training goes on without kernels, more slowly.", stacklevel=1)
    if config.compile:
        compile_parts(denoiser)


def _train(config: TrainConfig) -> Path:
    if config.threads:
        torch.set_num_threads(config.threads)
    L.seed_everything(config.seed, verbose=False)
    out = Path(config.out)
    last = out / "last.ckpt"
    step = checkpoint_step(last)
    denoiser = make_denoiser(config)
    data = TrainingData(config.data, config.seed)
    module = DenoiserModule(denoiser, config.optimiser, config.max_steps, config.align)
    accelerate(denoiser, config)
    export = {
        "name": config.name,
        "model": {**config.model, **({"structure": _structure(config.structure)[0]} if config.structure else {})},
        "process": denoiser.process.config(),
        "batch": round(data.training.mean_rows * config.devices),
        "limits": {
            "max_heavy_atoms": config.data.max_atoms,
            "elements": _elements(config, data),
            "axes": config.data.axes,
            "conditions": _conditions(config, data, *denoiser.told_conditions()),
        },
        **_sampling_before(config),
        "frame_ps": _frame_ps(data),
        "training": to_dict(config),
        "data_sha256": {p: sha256(p) for source in config.data.sources for p in source.stores},
    }
    checkpoint = ModelCheckpoint(
        dirpath=out,
        filename="last",
        train_time_interval=timedelta(minutes=config.checkpoint_minutes),
        save_on_train_epoch_end=False,
        enable_version_counter=False,
    )
    trainer = L.Trainer(
        accelerator=config.accelerator,
        devices=config.devices,
        # a batch without stereocentres leaves the weights of the oriented triples without gradient
        strategy="ddp_find_unused_parameters_true" if config.devices > 1 else "auto",
        precision="bf16-mixed" if config.precision == "bf16" else "32-true",
        max_steps=config.max_steps,
        gradient_clip_val=config.optimiser.gradient_clip,
        val_check_interval=config.validate_every,
        limit_val_batches=1.0 if data.validation else 0,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=[csv_logger(out, step), TensorBoardLogger(out, name="tensorboard", version="")],
        callbacks=[
            checkpoint,
            ExportWeights(
                out / "model",
                export,
                functools.partial(training_census, config, data.molecules()),
                snapshot_steps(config),
            ),  # fmt: skip
            StopTogether(last),
        ],
        plugins=[AtomicCheckpoints()],
        log_every_n_steps=50,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    if step:
        log.info("resuming from step %d of %s", step, last)
    trainer.fit(module, datamodule=data, ckpt_path=last if last.is_file() else None)
    trainer.save_checkpoint(last)
    return out / "model"


def snapshot_steps(config: TrainConfig) -> list[int]:
    """Steps whose weights are kept: the last one, half of it, a quarter ..., `config.snapshots` of them, ascending."""
    return sorted({max(1, config.max_steps >> k) for k in range(config.snapshots)})


def _elements(config: TrainConfig, data: TrainingData) -> list[str]:
    """Heavy elements that the model has seen: in this run, in stage 1, or before."""
    before = [load_model(name).config.get("limits", {}) for name in (config.structure, config.start) if name]
    return sorted({*data.elements(), *(symbol for limits in before for symbol in limits.get("elements") or ())})


def _conditions(
    config: TrainConfig, data: TrainingData, ensembles: int, temperatures: bool
) -> dict[str, tuple[float, float]]:
    """`limits.conditions`: of this run's data, and what the weights that it starts from had been trained on besides."""
    found = trained_conditions(data.conditions(), ensembles, temperatures)
    before = known_conditions(load_model(config.start).config) if config.start else {}
    for name, (low, high) in before.items():
        if name not in found and ENSEMBLES.index(name) < ensembles:
            found[name] = low, high
        elif name in found and temperatures:
            found[name] = min(low, found[name][0]), max(high, found[name][1])
    return found


def _sampling_before(config: TrainConfig) -> dict[str, Any]:
    """How the model that the run starts from is sampled, as far as it says so."""
    own = load_model(config.start).config if config.start else {}
    return {key: own[key] for key in ("sampler", "window") if key in own}


def _frame_ps(data: TrainingData) -> float | None:
    """Spacing of the frames that the model makes, where its data agree on one."""
    spacing = {
        round(float(value) * stride, 6)
        for source in data.training.sources
        for value in source.frames.frame_ps
        for stride in data.config.strides
        if value > 0
    }
    return spacing.pop() if len(spacing) == 1 and data.config.n_frames > 1 else None


def with_out(config: TrainConfig, out: str) -> TrainConfig:
    """The same run in another folder."""
    return replace(config, out=out)
