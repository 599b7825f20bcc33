"""The process that computes: it takes one order after the other and tells how far it is. It alone loads PyTorch."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from eginterpolator.serve.orders import Order

log = logging.getLogger(__name__)

Event = dict[str, Any]
SECONDS_BETWEEN_EVENTS = 0.1


class Worker:
    """A process at work, as the server sees it.

    Parameters
    ----------
    model : str
        What `egi serve --model` names.
    on_event : callable
        Told of every event of this worker, in a thread of its own. The last one is `{"kind": "gone"}`, once the
        process is no more, for whatever reason.
    """

    def __init__(self, model: str, on_event: Callable[[Worker, Event], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, model), name="egi-serve-worker", daemon=True)
        with _without_ctrl_c():  # the server ends its worker itself
            self._process.start()
        theirs.close()
        self._on_event = on_event
        threading.Thread(target=self._listen, name="egi-serve-listener", daemon=True).start()

    def send(self, order: Order, folder: Path) -> None:
        """Give it something to do; a worker that has just died says so by its last event."""
        with contextlib.suppress(OSError):
            self._connection.send((order, str(folder)))

    def kill(self) -> None:
        """End it at once, and what it started."""
        with contextlib.suppress(OSError):
            if self._process.pid is not None and os.getpgid(self._process.pid) == self._process.pid:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._on_event(self, self._connection.recv())
        self._process.join()
        self._on_event(self, {"kind": "gone", "exit": self._process.exitcode})


@contextlib.contextmanager
def _without_ctrl_c() -> Any:
    """A process that starts in here never gets Ctrl-C, not even while it imports."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(connection: Connection, model: str) -> None:
    """What the process does: say what there is, then one order after the other, until nobody asks any more."""
    os.setpgrp()  # `kill` reaches compilers and other children as well
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from eginterpolator.generation.tasks import resolve_device
    from eginterpolator.jobs.tasks import attempt
    from eginterpolator.models.choice import AUTO, Models
    from eginterpolator.models.registry import list_models

    loaded: dict[str, Models] = {}
    offered = {name: name for name in (AUTO, *list_models())} if model == AUTO else {Path(model).name: model}

    def made(job: tuple[Order, str], step: Callable[[float], None]) -> Event:
        order, folder = job
        if order.model not in loaded:
            loaded[order.model] = Models.load(offered.get(order.model, model), resolve_device("auto"))
        return carry_out(order, Path(folder), loaded[order.model], connection.send)

    ready = {"kind": "ready", "models": list(offered), "thermalise": _thermalise(), "device": resolve_device("auto")}
    connection.send(ready)
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        end, reason = attempt(made, job)
        connection.send(end if reason is None else {"kind": "end", "reason": reason, "kept": False})


def carry_out(order: Order, folder: Path, models: Any, tell: Callable[[Event], None]) -> Event:
    """Generate what is ordered into `folder`, as `egi generate` does, with its report.

    Parameters
    ----------
    models : Models
    tell : callable
        Told of `{"kind": "progress", "phase": ..., "share": ...}`.

    Returns
    -------
    dict
        `kind` is `end`; `reason` why nothing usable came out, None where something did; `kept` whether there is a
        result to look at all the same.

    Raises
    ------
    EGIError
        As `read_smiles` and `run_generation` do.
    """
    from eginterpolator.files.inputs import read_smiles
    from eginterpolator.generation.config import in_solvent
    from eginterpolator.generation.runs import run_generation
    from eginterpolator.generation.tasks import GenerationConfig, network_calls
    from eginterpolator.jobs.molecules import Hooks
    from eginterpolator.report import write_folder_report

    molecule = read_smiles(order.smiles, largest_fragment=order.largest_fragment)
    config = GenerationConfig(
        n_frames=order.frames, n_samples=order.samples, seed=order.seed, strength=order.strength,
        thermalise_ps=order.thermalise_ps, clock=order.clock, frame_ps=order.frame_ps,
        temperature_K=order.temperature_K,
    )  # fmt: skip
    if order.thermalise_ps or order.clock == "measured":
        from eginterpolator.generation.thermalise import require_lanes

        require_lanes()
    config, models = in_solvent(config, models, order.solvent)
    models = models.under(config.ensemble, config.temperature_K, config.independent)
    calls = network_calls(models.choose(molecule, order.force).model, config)
    after = "measuring times" if config.clock != "network" else "thermalising" if config.warm_ps else "generating"
    behind, told = 0.0, 0.0

    def step(amount: float) -> None:
        nonlocal behind, told
        behind += amount
        over, now = behind >= calls, time.monotonic()
        if over or now - told > SECONDS_BETWEEN_EVENTS:
            told = now
            phase = after if over else "generating"
            tell({"kind": "progress", "phase": phase, "share": min(behind / calls, 1.0)})

    tell({"kind": "progress", "phase": "generating", "share": 0.0})
    result = run_generation(models, [molecule], folder, config, force=order.force, hooks=Hooks(step=step))
    if result.rows:
        tell({"kind": "progress", "phase": "writing the report", "share": 1.0})
        write_folder_report(folder)
    reason = result.failures[0].reason if result.failures else None
    return {"kind": "end", "reason": reason, "kept": bool(result.rows)}


def _thermalise() -> str | None:
    """Why frames cannot be thermalised here; None where they can."""
    from eginterpolator.errors import InputError
    from eginterpolator.generation.thermalise import require_lanes

    try:
        require_lanes()
    except InputError as error:
        return str(error)
    return None


def _end_with_parent() -> None:
    """A worker whose server is no more has nobody to work for."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
