"""Order in time for pieces of MD or independent frames: the order that a jump process between wells would give them.

After some tens of picoseconds nothing but torsions remembers, and torsions only remember their wells
(benchmarks/LOG.md, entries 17, 27 and 47). So pieces of the right ensemble need nothing but an order. Orders of the
pieces of all trajectories are drawn with the probability

    (C3)  p(order) ~ product over trajectories, places t and movers m of
                     K_m(frame_ps)[well of m at the end of t, at the beginning of t + 1]

by Metropolis' method: stretches of pieces change places or are turned round, each of their pieces too. Pieces stay what
they are, correlations between torsions included; those with the same wells at their ends follow in any order.

Which pieces these are, and the wells of slow movers at each place, `paths` decides before: places keep the state of
their slow movers. Without slow ones every piece comes as often as its weight says, once by default.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from eginterpolator.analysis.jumps import Mover
from eginterpolator.generation.paths import FEW_CHANGES, chain_of, filled, lumped, slow_movers, walked
from eginterpolator.generation.pieces import Pieces
from eginterpolator.machine.compilation import Library

SWEEPS = 2000
"""Moves a place, in each round."""
STATES = 64
"""The most states of movers that are taken for one: a table of them squared stays in a processor's nearest cache."""
ROUNDS = 6
"""Wells of movers depend on each other in the pieces and not in C3, so that some would change more often than their
rates say and others less. After each round the rates are scaled by what the numbers of changes were off."""
FEW = 5.0
"""Changes by which a number of them is uncertain: a mover that changes this seldom is scaled by little."""
LIBRARY = Library(name="order", sources=[Path(__file__).with_name("order.cpp")], flags=["-std=c++17", "-O3"])


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    return LIBRARY.load()


def ordered(
    movers: Sequence[Mover],
    pieces: Pieces,
    shape: tuple[int, int],
    frame_ps: float,
    seed: int,
    weights: np.ndarray | None = None,
    few_changes: float = FEW_CHANGES,
) -> np.ndarray:
    """Frames of paths, by (C3) and (C4): int64 [S, T], numbers of the frames that pieces are of.

    Parameters
    ----------
    pieces : Pieces
        Any number of them.
    shape : (S, T)
        Trajectories and frames of each.
    frame_ps : float
        From one frame to the next.
    weights : float64 [P], optional
        Of the pieces; they sum to the shares of every mover in its wells. All the same by default.
    few_changes : float
        See `paths.slow_movers`.

    Raises
    ------
    InputError
        When there is no C++ compiler.
    """
    random = np.random.default_rng(seed)
    count, places = len(pieces.frames), -(-shape[1] // pieces.length)
    weights = np.full(count, 1 / count) if weights is None else weights
    piece_ps = frame_ps * pieces.length
    lumps = [lumped(mover, piece_ps) for mover in movers]
    heads, tails = (
        np.stack([labels[wells[:, m]] for m, (_, labels) in enumerate(lumps)], axis=1) if lumps else wells
        for wells in (pieces.heads, pieces.tails)
    )
    slow = slow_movers([mover for mover, _ in lumps], heads, places, piece_ps, few_changes)
    staying = (heads[:, slow] == tails[:, slow]).all(axis=1)
    if not staying.any():  # too few pieces to leave any out
        slow, staying = [], np.ones(count, dtype=bool)
    weights = np.where(staying, weights, 0.0)
    weights = weights / weights.sum()  # of pieces in which no slow one jumps: those jump from piece to piece
    # sorted by the slowest mover first: from there on the others mix fast, from a random order slow ones would not
    mixed = random.permutation(count)
    keys = [pieces.heads[mixed, m] for m in np.argsort([mover.time_ps for mover in movers])]
    sort = mixed[np.lexsort(keys)] if keys else mixed
    rank = np.empty(count, dtype=np.int64)
    rank[sort] = np.arange(count)
    of_pieces, states = np.zeros(count, dtype=np.int64), np.zeros((shape[0], places), dtype=np.int64)
    if slow:
        chain = chain_of([lumps[m][0] for m in slow], heads[:, slow], piece_ps, weights)
        of_pieces, states = chain.of_pieces, walked(chain, (shape[0], places), random)
    entries = np.ascontiguousarray(filled(states, of_pieces, weights, rank, random).ravel())
    fast = [m for m, (mover, _) in enumerate(lumps) if m not in slow or len(mover.shares) < len(movers[m].shares)]
    if fast:
        _put_in_order(entries, places, [movers[m] for m in fast], pieces, fast, of_pieces, frame_ps, seed)
    return pieces.filled(entries.reshape(shape[0], places), shape[1])


def _put_in_order(
    entries: np.ndarray,
    places: int,
    movers: Sequence[Mover],
    pieces: Pieces,
    columns: Sequence[int],
    of_pieces: np.ndarray,
    frame_ps: float,
    seed: int,
) -> None:
    """Move entries within their states, in place, until (C3) holds for these movers, which are `columns` of pieces."""
    heads, tails = pieces.heads[:, columns], pieces.tails[:, columns]
    groups = of_pieces.astype(np.int32)
    staying = [np.diag(mover.kernel(frame_ps))[tails[entries, k]] for k, mover in enumerate(movers)]
    wanted = (1 - np.mean(staying, axis=1)) * (len(entries) - len(entries) // places)
    scale = np.ones(len(movers))
    for turn in range(ROUNDS):
        kernels = [mover.kernel(frame_ps * each) for mover, each in zip(movers, scale, strict=True)]
        joint, tables = _together([*heads.T], [*tails.T], [np.log(kernel) for kernel in kernels])
        sizes = np.array([len(table) for table in tables], dtype=np.int32)
        firsts = np.cumsum([0, *(sizes.astype(np.int64) ** 2)])[:-1]
        flat = np.concatenate([table.ravel() for table in tables]).astype(np.float32)
        numbers = [ctypes.c_int64(value) for value in (len(entries), places, len(tables))]
        arrays = [ctypes.c_void_p(array.ctypes.data) for array in (*joint, flat, firsts, sizes, groups, entries)]
        moves = ctypes.c_int64(SWEEPS * len(entries))
        _library().order_pieces(*numbers, *arrays, moves, ctypes.c_uint64(seed + turn))
        path, backwards = np.where(entries < 0, ~entries, entries), (entries < 0)[:, None]
        shape = (-1, places, len(movers))
        ends = np.where(backwards, heads[path], tails[path]).reshape(shape)
        begins = np.where(backwards, tails[path], heads[path]).reshape(shape)
        changes = (ends[:, :-1] != begins[:, 1:]).sum(axis=(0, 1))
        scale *= (wanted + FEW) / (changes + FEW)


def _together(
    heads: Sequence[np.ndarray], tails: Sequence[np.ndarray], tables: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Wells [P] of movers and logarithms of their kernels, as few movers of up to `STATES` states.

    Returns heads and tails, int32 [P, M], and tables. To look one number up is faster than to add several.
    """
    columns: list[list[np.ndarray]] = []
    made: list[np.ndarray] = []
    for both, table in zip(zip(heads, tails, strict=True), tables, strict=True):
        size = len(table)
        if made and len(made[-1]) * size <= STATES:
            columns[-1] = [before * size + well for before, well in zip(columns[-1], both, strict=True)]
            made[-1] = np.repeat(np.repeat(made[-1], size, 0), size, 1) + np.tile(table, (len(made[-1]),) * 2)
        else:
            columns.append(list(both))
            made.append(table)
    joint = [np.ascontiguousarray(np.stack(each, axis=1).astype(np.int32)) for each in zip(*columns, strict=True)]
    return joint, made
