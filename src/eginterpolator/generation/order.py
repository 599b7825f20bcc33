"""Order in time for independent frames: the order that a jump process between wells would give them.

At picoseconds nothing but torsions remembers, and torsions only remember their wells (benchmarks/LOG.md, entries 17 and
27). So independent frames of the right ensemble need nothing but an order. Orders of all frames of all trajectories are
drawn with the probability

    (C3)  p(order) ~ product over trajectories, frames t and movers m of K_m(frame_ps)[well of m at t, at t + 1]

by Metropolis' method: stretches of frames change places or are turned round. The frames of a trajectory stay what they
are, correlations between torsions included; frames in the same wells follow in any order.

Which frames these are, and the wells of slow movers at each place, `paths` decides before: places keep the state of
their slow movers. Without slow ones every frame of the pool comes as often as its weight says, once by default.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from eginterpolator.analysis.jumps import Mover
from eginterpolator.generation.paths import FEW_CHANGES, chain_of, filled, slow_movers, walked
from eginterpolator.machine.compilation import Library

SWEEPS = 2000
"""Moves a frame, in each round."""
STATES = 64
"""The most states of movers that are taken for one: a table of them squared stays in a processor's nearest cache."""
ROUNDS = 6
"""Wells of movers depend on each other in the pool and not in C3, so that some would change more often than their
rates say and others less. After each round the rates are scaled by what the numbers of changes were off."""
FEW = 5.0
"""Changes by which a number of them is uncertain: a mover that changes this seldom is scaled by little."""
LIBRARY = Library(name="order", sources=[Path(__file__).with_name("order.cpp")], flags=["-std=c++17", "-O3"])


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    return LIBRARY.load()


def ordered(
    movers: Sequence[Mover],
    shape: tuple[int, int],
    frame_ps: float,
    seed: int,
    weights: np.ndarray | None = None,
    few_changes: float = FEW_CHANGES,
) -> np.ndarray:
    """Frames in order, by (C3) and (C4): int64 [S, T], numbers of the frames of the pool.

    Parameters
    ----------
    movers : sequence of Mover
        Of a pool of frames, S x T of them or any other number.
    shape : (S, T)
        Trajectories and frames of each.
    frame_ps : float
        From one frame to the next.
    weights : float64 [F], optional
        Of the frames; they sum to the shares of every mover in its wells. All the same by default.
    few_changes : float
        See `paths.slow_movers`.

    Raises
    ------
    InputError
        When there is no C++ compiler.
    """
    places = shape[0] * shape[1]
    if not movers:
        return np.arange(places).reshape(shape)
    random = np.random.default_rng(seed)
    count = len(movers[0].wells)
    weights = np.full(count, 1 / count) if weights is None else weights
    wells = np.ascontiguousarray(np.stack([mover.wells for mover in movers], axis=1).astype(np.int32))
    slow = slow_movers(movers, shape[1], frame_ps, few_changes)
    # sorted by the slowest mover first: from there on the others mix fast, from a random order slow ones would not
    mixed = random.permutation(count)
    sort = mixed[np.lexsort([wells[mixed, m] for m in np.argsort([m.time_ps for m in movers])])]
    rank = np.empty(count, dtype=np.int64)
    rank[sort] = np.arange(count)
    if slow:
        chain = chain_of([movers[m] for m in slow], frame_ps, weights)
        of_frames, states = chain.of_frames, walked(chain, shape, random)
    else:
        of_frames, states = np.zeros(count, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    result = np.ascontiguousarray(filled(states, of_frames, weights, rank, random).ravel())
    fast = [m for m in range(len(movers)) if m not in slow]
    if not fast:
        return result.reshape(shape)
    wells, groups = wells[:, fast], of_frames.astype(np.int32)
    staying = [np.diag(movers[m].kernel(frame_ps))[wells[result, k]] for k, m in enumerate(fast)]
    wanted = (1 - np.mean(staying, axis=1)) * shape[0] * (shape[1] - 1)
    scale = np.ones(len(fast))
    for turn in range(ROUNDS):
        kernels = [movers[m].kernel(frame_ps * each) for m, each in zip(fast, scale, strict=True)]
        joint, tables = _together(list(wells.T), [np.log(kernel) for kernel in kernels])
        sizes = np.array([len(table) for table in tables], dtype=np.int32)
        firsts = np.cumsum([0, *(sizes.astype(np.int64) ** 2)])[:-1]
        flat = np.concatenate([table.ravel() for table in tables]).astype(np.float32)
        numbers = [ctypes.c_int64(value) for value in (places, shape[1], len(tables))]
        arrays = [ctypes.c_void_p(array.ctypes.data) for array in (joint, flat, firsts, sizes, groups, result)]
        _library().order_frames(*numbers, *arrays, ctypes.c_int64(SWEEPS * places), ctypes.c_uint64(seed + turn))
        changes = (np.diff(wells[result.reshape(shape)], axis=1) != 0).sum(axis=(0, 1))
        scale *= (wanted + FEW) / (changes + FEW)
    return result.reshape(shape)


def _together(wells: Sequence[np.ndarray], tables: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Movers [F] each, and logarithms of their kernels, as few movers of up to `STATES` states: int32 [F, M], tables.

    To look one number up is faster than to add several.
    """
    columns: list[np.ndarray] = []
    made: list[np.ndarray] = []
    for well, table in zip(wells, tables, strict=True):
        size = len(table)
        if made and len(made[-1]) * size <= STATES:
            columns[-1] = columns[-1] * size + well
            made[-1] = np.repeat(np.repeat(made[-1], size, 0), size, 1) + np.tile(table, (len(made[-1]),) * 2)
        else:
            columns.append(well)
            made.append(table)
    return np.ascontiguousarray(np.stack(columns, axis=1).astype(np.int32)), made
