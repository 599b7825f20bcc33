"""Runs of many replicas, block after block of lanes, the blocks on several cores."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.base import check_starts
from eginterpolator.simulation.engines.lanes.engine import Lanes
from eginterpolator.simulation.engines.lanes.library import widths
from eginterpolator.simulation.engines.lanes.system import LaneSystem

OnFrame = Callable[[int, int], None]
"""Told how many frames a block of replicas has, and how many it will have."""
COLD_STEPS, COLD_FS, COLD_FRICTION_PER_PS, COLD_CAP_NM_PS = 2000, 1.0, 20.0, 0.5
"""A damped run without noise goes down into the nearest minimum; its cap holds what starts with a clash."""


@dataclass(frozen=True, kw_only=True)
class LaneSettings:
    """How replicas run.

    Attributes
    ----------
    n_frames, stride : int
        Frames of each replica, and steps from one to the next.
    timestep_fs : float
    temperature_K, friction_per_ps : float or sequence of float
        For all replicas, or for each.
    equilibration_steps : int
    cold_steps : int
        Steps of the damped run at the start; 0 leaves it out.
    """

    n_frames: int
    stride: int
    timestep_fs: float = 4.0
    temperature_K: float | Sequence[float] = 300.0
    friction_per_ps: float | Sequence[float] = 1.0
    equilibration_steps: int = 5000
    cold_steps: int = COLD_STEPS


@dataclass(frozen=True)
class LaneFrames:
    """What replicas gave.

    Attributes
    ----------
    positions : float32 [R, T, n_atoms, 3]
        Å, centre of mass at the origin. A replica that left what is finite is nan from there on.
    cold : float32 [R, n_atoms, 3]
        After the damped run, Å.
    potential_kj, temperature_K : float64 [R, T]
    seconds : float
        Wall-clock time of everything.
    steps_per_second : float
        Steps of all replicas together in a second of production.
    unconverged : int
        Constraints that were not met within the iterations.
    """

    positions: np.ndarray
    cold: np.ndarray
    potential_kj: np.ndarray
    temperature_K: np.ndarray
    seconds: float
    steps_per_second: float
    unconverged: int


def run_lanes(
    system: LaneSystem,
    starts: np.ndarray,
    settings: LaneSettings,
    seeds: Sequence[int],
    *,
    width: int | None = None,
    threads: int | None = None,
    on_frame: OnFrame | None = None,
) -> LaneFrames:
    """Run a replica from each of the starts [R, n_atoms, 3] Å.

    Parameters
    ----------
    seeds : sequence of int
        One a replica: what it draws depends on it alone, whatever runs beside it.
    width : int, optional
        Lanes of a block; by default the most that the processor has.
    threads : int, optional
        Blocks that run at the same time; by default as many as there are cores.
    on_frame : callable, optional
        Called while the first block runs.

    Raises
    ------
    InputError
        When starts and seeds do not fit, or the library cannot be compiled.
    """
    starts = np.asarray(starts, dtype=np.float32)
    check_starts(starts, system.n_atoms)
    if len(starts) != len(seeds):
        raise InputError(f"There are {len(starts)} starts and {len(seeds)} seeds; give a seed for each start.")
    width = width or max(widths(), default=4)
    began = time.perf_counter()
    blocks = [range(first, min(first + width, len(starts))) for first in range(0, len(starts), width)]
    workers = max(1, min(threads or os.cpu_count() or 1, len(blocks)))
    engines: list[Lanes] = [Lanes(system, width) for _ in range(workers)]
    lock = threading.Lock()

    def work(rows: range) -> LaneFrames:
        with lock:
            engine = engines.pop()
        try:
            told = on_frame if rows.start == 0 else None
            return _block(engine, rows, starts, settings, seeds, told)
        finally:
            with lock:
                engines.append(engine)

    if workers == 1:
        parts = [work(rows) for rows in blocks]
    else:
        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(work, blocks))
    speed = len(starts) / sum(len(part.positions) / part.steps_per_second for part in parts) * workers
    return LaneFrames(
        positions=np.concatenate([part.positions for part in parts]),
        cold=np.concatenate([part.cold for part in parts]),
        potential_kj=np.concatenate([part.potential_kj for part in parts]),
        temperature_K=np.concatenate([part.temperature_K for part in parts]),
        seconds=time.perf_counter() - began,
        steps_per_second=speed,
        unconverged=sum(part.unconverged for part in parts),
    )


def prepare(engine: Lanes, starts: np.ndarray, seeds: Sequence[int], cold_steps: int) -> np.ndarray:
    """Put starts [width, n_atoms, 3] Å into the lanes and cool them, ending at rest; the cold positions, Å."""
    engine.positions_nm = starts * np.float32(0.1)
    engine.seed_lanes(seeds)
    engine.settle()
    engine.stop()
    if cold_steps:
        engine.run(cold_steps, 0.0, COLD_FRICTION_PER_PS, COLD_FS, COLD_CAP_NM_PS)
    return engine.positions_nm * np.float32(10.0)


def _block(
    engine: Lanes,
    rows: range,
    starts: np.ndarray,
    settings: LaneSettings,
    seeds: Sequence[int],
    on_frame: OnFrame | None,
) -> LaneFrames:
    began = time.perf_counter()
    n, width = len(rows), engine.width
    filled = [rows[k % n] for k in range(width)]  # spare lanes run copies of what there is

    def each(value: float | Sequence[float]) -> np.ndarray:
        values = np.broadcast_to(np.asarray(value, dtype=np.float64), len(starts))
        return values[filled]

    temperature, friction = each(settings.temperature_K), each(settings.friction_per_ps)
    cold = prepare(engine, starts[filled], [seeds[k] for k in filled], settings.cold_steps)
    engine.draw_velocities(temperature)
    if settings.equilibration_steps:
        engine.run(settings.equilibration_steps, temperature, friction, settings.timestep_fs)
    frames = np.empty((n, settings.n_frames, engine.system.n_atoms, 3), dtype=np.float32)
    potential, kelvin = np.empty((2, n, settings.n_frames))
    clock, before = time.perf_counter(), engine.unconverged
    for k in range(settings.n_frames):
        engine.run(settings.stride, temperature, friction, settings.timestep_fs)
        frames[:, k] = engine.positions_nm[:n] * np.float32(10.0)
        potential[:, k], kelvin[:, k] = engine.potential_kj[:n], engine.temperature_K()[:n]
        if not np.isfinite(potential[:, k]).any():  # nothing of this block is left
            frames[:, k:], potential[:, k:], kelvin[:, k:] = np.nan, np.nan, np.nan
            break
        if on_frame is not None:
            on_frame(k + 1, settings.n_frames)
    spent = time.perf_counter() - clock
    speed = n * settings.n_frames * settings.stride / spent
    seconds = time.perf_counter() - began
    return LaneFrames(frames, cold[:n], potential, kelvin, seconds, speed, engine.unconverged - before)
