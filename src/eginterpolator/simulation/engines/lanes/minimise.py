"""Minima of many structures of a molecule at once, each in a lane of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from eginterpolator.simulation.engines.lanes.engine import Lanes
from eginterpolator.simulation.engines.lanes.run import COLD_CAP_NM_PS, COLD_FRICTION_PER_PS, prepare
from eginterpolator.simulation.engines.lanes.system import LaneSystem

COLD_STEPS = 500
"""Damped steps at the start, which undo clashes."""
CHUNK, TIMESTEP_FS, FRICTION_PER_PS = 25, 2.0, 1.0
"""A lane whose energy has risen after so many steps stands still and falls anew: hardly any friction is needed, so that
flat torsions go as fast as stiff bonds let them (the restarts of O'Donoghue and Candes 2015)."""
WINDOW_STEPS, STILL_KJ = 1000, 0.005
"""What loses less than this in so many steps is in its minimum; the lanes' single precision knows about .001."""
MOST_STEPS = 20_000


@dataclass(frozen=True)
class LaneMinima:
    """What became of K structures.

    Attributes
    ----------
    positions : float32 [K, n_atoms, 3]
        Å, centre of mass at the origin.
    potential_kj : float64 [K]
    still : bool [K]
        Whether it is in a minimum; what is not finite, or on its way still after `MOST_STEPS`, is not.
    """

    positions: np.ndarray
    potential_kj: np.ndarray
    still: np.ndarray


def minimise(
    system: LaneSystem, starts: np.ndarray, threads: int | None = None, width: int | None = None
) -> LaneMinima:
    """The minima below structures [K, n_atoms, 3], Å; bonds with hydrogen have the length that the system fixes.

    By damped dynamics without noise. Threads change nothing; other structures in the same register no more than the
    rounding of fixed distances does.

    Parameters
    ----------
    threads : int, optional
        Blocks of lanes that work at once; by default one for each core there is.
    width : int, optional
        Lanes; by default the most that the processor has.

    Raises
    ------
    InputError
        When the processor has no such registers, or the library cannot be compiled.
    """
    first = Lanes(system, width)
    blocks = [range(k, min(k + first.width, len(starts))) for k in range(0, len(starts), first.width)]
    workers = max(1, min(threads or len(os.sched_getaffinity(0)), len(blocks)))

    def work(share: int) -> Iterator[tuple[int, LaneMinima]]:
        engine = first if share == 0 else Lanes(system, width)
        for number in range(share, len(blocks), workers):
            yield number, _block(engine, starts[blocks[number]])

    if workers == 1:
        made = dict(work(0))
    else:
        with ThreadPoolExecutor(workers) as pool:
            made = {
                number: part for parts in pool.map(lambda k: list(work(k)), range(workers)) for number, part in parts
            }
    parts = [made[number] for number in range(len(blocks))]
    return LaneMinima(
        np.concatenate([part.positions for part in parts]) if parts else np.zeros((0, system.n_atoms, 3), np.float32),
        np.concatenate([part.potential_kj for part in parts]) if parts else np.zeros(0),
        np.concatenate([part.still for part in parts]) if parts else np.zeros(0, dtype=bool),
    )


def _block(engine: Lanes, starts: np.ndarray) -> LaneMinima:
    n = len(starts)
    filled = np.resize(np.asarray(starts, dtype=np.float32), (engine.width, *starts.shape[1:]))  # copies in spare lanes
    prepare(engine, filled, range(engine.width), 0)
    engine.run(COLD_STEPS, 0.0, COLD_FRICTION_PER_PS, 1.0, COLD_CAP_NM_PS)
    engine.stop()
    before = last = engine.potential_kj
    positions, potential = engine.positions_nm, last.copy()
    still = np.zeros(engine.width, dtype=bool)
    for done in range(CHUNK, MOST_STEPS + 1, CHUNK):
        engine.run(CHUNK, 0.0, FRICTION_PER_PS, TIMESTEP_FS, COLD_CAP_NM_PS)
        now = engine.potential_kj
        engine.scale_velocities((now <= last).astype(np.float32))
        last = now
        if done % WINDOW_STEPS == 0:
            open_lanes = ~still  # a lane that is in its minimum stays as it was then, whatever the others do
            positions[open_lanes], potential[open_lanes] = engine.positions_nm[open_lanes], now[open_lanes]
            still |= before - now < STILL_KJ
            before = now
            if (still | ~np.isfinite(now)).all():
                break
    positions = positions[:n] * np.float32(10.0)
    finite = np.isfinite(positions).all(axis=(1, 2)) & np.isfinite(potential[:n])
    return LaneMinima(positions, potential[:n], still[:n] & finite)
