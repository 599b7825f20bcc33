"""The desk: one job at a time, a short queue behind it, and what the page is told of both."""

from __future__ import annotations

import datetime
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from eginterpolator.errors import EGIError
from eginterpolator.files.inputs import prepare_out
from eginterpolator.serve.limits import Limits
from eginterpolator.serve.orders import Order
from eginterpolator.serve.results import id_of

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
CANCELLING = "cancelling"
SECONDS_TO_END = 5.0
"""That a killed process may take until it is gone."""


class QueueFullError(EGIError):
    """No more jobs can wait."""


class Hand(Protocol):
    """What the desk needs of a worker."""

    def send(self, order: Order, folder: Path) -> None: ...

    def kill(self) -> None: ...


@dataclass
class Job:
    """An order, and what became of it so far.

    Attributes
    ----------
    id : str
        What the browser calls it by; random.
    name : str
        Of the molecule.
    result : str or None
        Id of the result, once there is one.
    """

    order: Order
    name: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = WAITING
    phase: str = ""
    share: float = 0.0
    reason: str | None = None
    result: str | None = None
    folder: Path | None = None
    began: float | None = None
    seconds: float | None = None

    def shown(self) -> dict[str, Any]:
        """What the page is told of it."""
        spent = self.seconds if self.seconds is not None else time.monotonic() - self.began if self.began else 0.0
        return {
            "id": self.id, "name": self.name, "smiles": self.order.smiles, "frames": self.order.frames,
            "samples": self.order.samples, "state": self.state, "phase": self.phase, "share": round(self.share, 4),
            "reason": self.reason, "result": self.result, "seconds": round(spent, 1),
        }  # fmt: skip


class Desk:
    """Jobs of one output folder.

    Parameters
    ----------
    out : Path
        Where every job makes a folder of its own, as `egi generate` writes them.
    limits : Limits
    start : callable
        Starts a worker that tells of its events by `start(on_event)`.

    Raises
    ------
    InputError
        When `out` cannot be written to.
    """

    def __init__(self, out: Path, limits: Limits, start: Callable[[Callable[[Any, dict[str, Any]], None]], Hand]):
        self.out, self.limits, self._start = prepare_out(out).resolve(), limits, start
        self._lock = threading.Condition(threading.RLock())
        self._jobs: dict[str, Job] = {}
        self._running: Job | None = None
        self._worker: Hand | None = None
        self._leaving = False  # the worker is being ended
        self.facts: dict[str, Any] = {"models": [], "thermalise": "", "device": "", "ready": False}
        self.version, self.closed = 0, False
        with self._lock:
            self._hire()

    def submit(self, order: Order, name: str) -> Job:
        """Put a job at the end of the queue.

        Raises
        ------
        QueueFullError
            When too many wait already.
        """
        with self._lock:
            waiting = [job for job in self._jobs.values() if job.state == WAITING]
            if self.closed or len(waiting) >= self.limits.waiting:
                raise QueueFullError(f"{len(waiting)} jobs wait already; wait for one to end, or cancel one.")
            job = Job(order, name)
            self._jobs[job.id] = job
            self._next()
            self._changed()
            return job

    def cancel(self, id: str) -> bool:
        """End a job at once, or take it out of the queue; False where there is no such job at work or waiting."""
        with self._lock:
            job = self._jobs.get(id)
            if job is None or job.state not in (WAITING, RUNNING):
                return False
            if job.state == WAITING:
                self._end(job, CANCELLED)
            else:
                job.phase = CANCELLING
                self._dismiss()  # its last event ends the job
            self._changed()
            return True

    def snapshot(self) -> dict[str, Any]:
        """What the page is told: the jobs of this session, the newest first, and what the worker has."""
        with self._lock:
            return {"jobs": [job.shown() for job in reversed(self._jobs.values())], **self.facts}

    def close(self) -> None:
        """End everything; what is finished stays on the disk. Returns once the worker is no more."""
        with self._lock:
            self.closed = True
            if self._running is not None:
                self._running.phase = CANCELLING
            self._dismiss()
            self._lock.wait_for(lambda: self._worker is None, timeout=SECONDS_TO_END)

    def _hire(self) -> None:
        self.facts = {**self.facts, "ready": False}
        self._worker = self._start(self._event)

    def _dismiss(self) -> None:
        if self._worker is not None:
            self._leaving = True
            self._worker.kill()

    def _next(self) -> None:
        """Begin with the next job, where nothing is at work."""
        job = next((job for job in self._jobs.values() if job.state == WAITING), None)
        if self._running is not None or self._leaving or self.closed or job is None:
            return
        if self._worker is None:
            self._hire()
        try:
            job.folder = self._new_folder(job.name)
        except OSError as error:
            self._end(job, FAILED, f"Cannot write to '{self.out}' ({error.strerror or error}).")
            return self._next()
        job.state, job.phase, job.began = RUNNING, "starting", time.monotonic()
        self._running = job
        assert self._worker is not None
        self._worker.send(job.order, job.folder)

    def _new_folder(self, name: str) -> Path:
        """A new folder, named after the time and the molecule."""
        stem = f"{datetime.datetime.now():%Y%m%d-%H%M%S}_{name}"
        for number in range(1, 1000):
            folder = self.out / (stem if number == 1 else f"{stem}_{number}")
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                continue
        raise OSError(f"'{stem}' is there a thousand times")

    def _event(self, worker: Hand, event: dict[str, Any]) -> None:
        """Something that a worker tells, from its own thread."""
        with self._lock:
            if worker is not self._worker and self._worker is not None:
                return  # of one that was ended before
            job = self._running
            if event["kind"] == "ready":
                self.facts = {**{key: event[key] for key in ("models", "thermalise", "device")}, "ready": True}
            elif event["kind"] == "gone":
                self._gone(event)
            elif job is not None and event["kind"] == "progress":
                if job.phase != CANCELLING:
                    job.phase, job.share = event["phase"], event["share"]
            elif job is not None and event["kind"] == "end":
                self._end(job, DONE if event["reason"] is None else FAILED, event["reason"], event["kept"])
            self._next()
            self._changed()

    def _gone(self, event: dict[str, Any]) -> None:
        was_ready, self._worker, self._leaving = self.facts["ready"], None, False
        if (job := self._running) is not None:
            if job.phase == CANCELLING:
                self._end(job, CANCELLED)
            else:
                reason = f"The process that computed it ended (exit code {event['exit']}); was there enough memory?"
                self._end(job, FAILED, reason)
        if was_ready and not self.closed:
            self._hire()  # one that never got ready is tried again with the next job only

    def _end(self, job: Job, state: str, reason: str | None = None, kept: bool = False) -> None:
        if job is self._running:
            self._running = None
        job.state, job.reason, job.phase = state, reason, ""
        if job.began is not None:
            job.seconds = time.monotonic() - job.began
        if kept and job.folder is not None:
            job.result = id_of(job.folder)
        elif job.folder is not None:
            shutil.rmtree(job.folder, ignore_errors=True)
        ended = [each for each in self._jobs.values() if each.state not in (WAITING, RUNNING)]
        for old in ended[: -self.limits.finished]:
            del self._jobs[old.id]

    def _changed(self) -> None:
        self.version += 1
        self._lock.notify_all()
