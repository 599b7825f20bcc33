"""How long networks take: a table of measured passes, and a short pilot that scales it to this machine as it is now."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.generation.sampling import window_frames
from eginterpolator.generation.tasks import (
    GenerationConfig,
    as_drawn,
    generate_trajectories,
    layer_settings,
    network_calls,
    strength_of,
)
from eginterpolator.models.ahead import fast_denoiser
from eginterpolator.models.compiled import with_kernels
from eginterpolator.models.registry import Model

START_SECONDS = 3.0
"""Imports, models and kernels of a process (docs/performance.md)."""
MOLECULE_SECONDS = 0.3
"""Of each molecule: its graph and limits, tables of populations, files."""
FRAME_MS, HYDROGEN_MS = 0.3, 0.03
"""Of each frame, and of each hydrogen in it: hydrogens put back, checks, files."""
PASS_MS = {
    "kernels": {1: (14.5, 1.6), 0: (8.0, 1.9)},
    "compiled": {1: (27.0, 1.31), 0: (14.0, 1.42)},
    "plain": {1: (58.0, 1.34), 0: (33.0, 1.43)},
}
"""Of a pass over 64 frames of 9 heavy atoms on one thread, and the power of the number of heavy atoms that it grows by,
by layers and lambda (1, or 0): docs/performance.md. Of kernels, by processor time of 7 to 37 atoms."""
CLOCK_SECONDS, ORDER_MS = 1.5, 0.5
"""Beside a measured clock's dynamics: charges and force field of the molecule, and of each frame that is wanted its
place in the order, checks and files (one thread)."""
PILOT_FRAMES, PILOT_STEPS = 128, 4


@dataclass(frozen=True)
class Pilot:
    """What a short run showed: how many times longer the table's work takes here, and how busy the machine is.

    `slower` is by the clock, other work of the machine included; `busy` is clock over processor time, at least 1.
    """

    slower: float = 1.0
    busy: float = 1.0


def table_seconds(model: Model, molecule: Molecule, config: GenerationConfig) -> float:
    """Seconds of all samples of a molecule by the table, on one thread with nothing else running, start-up left out."""
    lam = 1 if strength_of(model, config) > 0 else 0
    milliseconds, power = PASS_MS[layers_of(model, config.precision)][lam]
    one = config.by_the_network(task="unconditional", n_samples=1, n_frames=1)
    calls = network_calls(model, one)  # of each block
    drawn = as_drawn(config)
    frames = drawn.n_frames * drawn.n_samples
    hydrogens = molecule.n_atoms - molecule.n_heavy if config.hydrogens else 0
    each = calls / 64 * milliseconds * (molecule.n_heavy / 9) ** power + FRAME_MS + HYDROGEN_MS * hydrogens
    return frames * each / 1000


def expected_seconds(
    model: Model,
    molecule: Molecule,
    config: GenerationConfig,
    pilot: Pilot | None = None,
    cores: float | None = None,
) -> float:
    """Wall-clock seconds of a molecule on this machine, start-up left out.

    With a `pilot` as its speed was then. Without one by the table, which says little of another processor, on so many
    `cores` (`machine.cores.free_cores`), or on as many as there are threads.
    """
    at_once = parts_at_once(model, config)
    if pilot is None:
        at_once = min(at_once, cores or at_once)
    slower, busy = (pilot.slower, pilot.busy) if pilot else (1.0, max(1.0, 1 / (cores or 1.0)))
    alone = MOLECULE_SECONDS + seconds_of_clock(config, molecule.n_atoms)
    return alone * busy + table_seconds(model, molecule, config) * slower / at_once


def seconds_of_clock(config: GenerationConfig, n_atoms: int) -> float:
    """Seconds that a measured clock of a molecule takes, the order of its frames included; 0 of none.

    Its dynamics is by the lanes and the threads that are here.
    """
    if config.clock == "network":
        return 0.0
    from eginterpolator.generation.clock import default_seconds  # lanes, only where they are asked for
    from eginterpolator.generation.replicas import REPLICAS
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.engines.lanes.speed import RELATIVE

    width = max(widths(), default=16)
    at_once = min(torch.get_num_threads(), -(-REPLICAS // width))
    dynamics = (config.clock_seconds or default_seconds(n_atoms)) * RELATIVE[width] * 16 / width / at_once
    return CLOCK_SECONDS + dynamics + ORDER_MS / 1000 * config.n_frames * config.n_samples


def parts_at_once(model: Model, config: GenerationConfig) -> float:
    """Threads that a molecule keeps busy: with samples, or with the windows of a single one."""
    drawn = as_drawn(config)
    samples, windows = drawn.n_samples, -(-drawn.n_frames // window_frames(model))
    return min(torch.get_num_threads(), samples if samples > 1 else windows)


def run_pilot(model: Model, molecule: Molecule, config: GenerationConfig) -> Pilot:
    """Make one short trajectory twice, the first time to warm up, and compare the second with the table."""
    short = config.by_the_network(
        task="unconditional", n_frames=min(PILOT_FRAMES, max(2, config.n_frames)), n_samples=1,
        steps=min(PILOT_STEPS, config.steps or PILOT_STEPS), thermalise_ps=0.0,
    )  # fmt: skip
    generate_trajectories(model, molecule, replace(short, n_frames=2))
    clock, processor = _timed(lambda: generate_trajectories(model, molecule, short))
    alone = table_seconds(model, molecule, short) / parts_at_once(model, short)
    return Pilot(clock / alone, max(1.0, clock / max(processor, 1e-9)))


def layers_of(model: Model, precision: str = "auto") -> str:
    """What computes a model's layers here: `kernels`, `compiled` ones, or `plain` ones."""
    settings = layer_settings(model, precision)
    if with_kernels(model.denoiser, settings.precision):
        return "kernels" if settings.precision == "bf16" else "compiled"
    return "compiled" if fast_denoiser(model.denoiser, settings) is not None else "plain"


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor
