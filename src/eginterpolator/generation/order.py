"""Order in time for independent frames: the order that a jump process between wells would give them.

At picoseconds nothing but torsions remembers, and torsions only remember their wells (benchmarks/LOG.md, entries 17 and
27). So independent frames of the right ensemble need nothing but an order. Orders of all frames of all trajectories are
drawn with the probability

    (C3)  p(order) ~ product over trajectories, frames t and movers m of K_m(frame_ps)[well of m at t, at t + 1]

by Metropolis' method: stretches of frames change places or are turned round. Every frame is used once, so the ensemble
stays what it was, correlations between torsions included; frames in the same wells follow in any order.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from eginterpolator.analysis.jumps import Mover
from eginterpolator.machine.compilation import load_library
from eginterpolator.machine.processor import processor_name

SWEEPS = 2000
"""Moves a frame, in each round."""
ROUNDS = 6
"""Wells of movers depend on each other in the pool and not in C3, so that some would change more often than their
rates say and others less. After each round the rates are scaled by what the numbers of changes were off."""
FEW = 5.0
"""Changes by which a number of them is uncertain: a mover that changes this seldom is scaled by little."""
SOURCE = Path(__file__).with_name("order.cpp")
FLAGS = ["-std=c++17", "-O3", "-march=native"]


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    return load_library("order", [SOURCE], FLAGS, facts=processor_name())


def ordered(movers: Sequence[Mover], shape: tuple[int, int], frame_ps: float, seed: int) -> np.ndarray:
    """An order of frames, by (C3): int64 [S, T], numbers of the frames of the pool.

    Parameters
    ----------
    movers : sequence of Mover
        Of a pool of S x T frames.
    shape : (S, T)
        Trajectories and frames of each.
    frame_ps : float
        From one frame to the next.

    Raises
    ------
    InputError
        When there is no C++ compiler.
    """
    count = shape[0] * shape[1]
    if not movers:
        return np.arange(count).reshape(shape)
    wells = np.ascontiguousarray(np.stack([mover.wells for mover in movers], axis=1).astype(np.int32))
    # sorted by the slowest mover first: from there on the others mix fast, from a random order slow ones would not
    order = np.random.default_rng(seed).permutation(count)
    result = np.ascontiguousarray(order[np.lexsort([wells[order, m] for m in np.argsort([m.time_ps for m in movers])])])
    sizes = np.array([len(mover.shares) for mover in movers], dtype=np.int32)
    firsts = np.cumsum([0, *(sizes.astype(np.int64) ** 2)])[:-1]
    wanted = np.array([changing(mover, frame_ps) for mover in movers]) * shape[0] * (shape[1] - 1)
    scale = np.ones(len(movers))
    for turn in range(ROUNDS):
        kernels = [mover.kernel(frame_ps * each) for mover, each in zip(movers, scale, strict=True)]
        tables = np.concatenate([np.log(kernel).astype(np.float32).ravel() for kernel in kernels])
        numbers = [ctypes.c_int64(value) for value in (count, shape[1], len(movers))]
        arrays = [ctypes.c_void_p(array.ctypes.data) for array in (wells, tables, firsts, sizes, result)]
        _library().order_frames(*numbers, *arrays, ctypes.c_int64(SWEEPS * count), ctypes.c_uint64(seed + turn))
        changes = (np.diff(wells[result.reshape(shape)], axis=1) != 0).sum(axis=(0, 1))
        scale *= (wanted + FEW) / (changes + FEW)
    return result.reshape(shape)


def changing(mover: Mover, lag_ps: float) -> float:
    """Share of frames after which the well of a mover is another one: 1 - sum of pi_i K_ii."""
    return 1 - float((mover.shares * np.diag(mover.kernel(lag_ps))).sum())
