"""What makes a run survive: checkpoints that are never half-written, logs that go on, one run to a folder."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import logging
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins import TorchCheckpointIO
from lightning.pytorch.utilities.exceptions import SIGTERMException

from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path

log = logging.getLogger(__name__)


class AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints that appear whole or not at all.

    Lightning's own writer goes through the system's temporary folder; where that is another file system, a kill in
    the middle of the copy would leave half a file in place of the last good one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic_path(path) as temporary:
            torch.save(checkpoint, temporary)


@contextlib.contextmanager
def folder_to_itself(out: Path) -> Iterator[None]:
    """Hold a run's folder, against a second run that would write over its checkpoints.

    The processes of one run are one: only the first of them asks (Lightning starts the others with LOCAL_RANK set).

    Raises
    ------
    InputError
        When another run holds it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with open(out / ".lock", "w") as stream:
        if os.environ.get("LOCAL_RANK", "0") == "0":
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    f"Another run is training into '{out}'; wait for it, stop it, or choose another folder with out=."
                ) from error
        yield


def checkpoint_step(path: Path) -> int:
    """Number of steps that a checkpoint has behind it; 0 where there is none.

    Raises
    ------
    InputError
        When the file is damaged.
    """
    if not path.is_file():
        return 0
    try:
        return int(torch.load(path, map_location="cpu", weights_only=True)["global_step"])
    except (OSError, RuntimeError, KeyError, EOFError, UnpicklingError) as error:
        reason = (str(error).splitlines() or ["it is empty"])[0]
        raise InputError(
            f"The checkpoint '{path}' is damaged ({reason}); remove it to start this run again."
        ) from error


def csv_logger(out: Path, step: int) -> CSVLogger:
    """Log to `<out>/csv/metrics.csv`, after the rows of the first `step` steps: Lightning would delete them."""
    path = out / "csv" / "metrics.csv"
    earlier: list[dict[str, str]] = []
    if path.is_file():
        with open(path, newline="", encoding="utf-8") as stream:
            rows = [{key: value for key, value in row.items() if value} for row in csv.DictReader(stream)]
        earlier = [row for row in rows if int(row.get("step", step)) < step]
    logger = CSVLogger(out, name="csv", version="", flush_logs_every_n_steps=1)
    if earlier:
        logger.experiment.metrics = earlier
        logger.experiment.save()
    return logger


class StopTogether(Callback):
    """Ends a run that gets SIGTERM before its next step, with a checkpoint, in all of its processes at once.

    Lightning's own handler lets the processes wait for each other inside of it, wherever the signal meets them; two
    processes that were met in different places waited for ever.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():  # others get no signals
            signal.signal(signal.SIGTERM, self._hear)  # Lightning puts back what was there before it

    def _hear(self, *_: object) -> None:
        self.heard = True

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, batch: object, _: int) -> None:
        if trainer.strategy.reduce_boolean_decision(self.heard, all=False):
            trainer.save_checkpoint(self.path)
            if trainer.is_global_zero:
                log.warning("stopped by SIGTERM at step %d; the same command goes on from there", trainer.global_step)
            raise SIGTERMException(128 + signal.SIGTERM)
