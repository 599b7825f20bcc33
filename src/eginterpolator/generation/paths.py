"""Paths of slow torsions over independent pieces: nothing has to cross because the pieces hold both of its wells.

Movers that are expected to change their well fewer than `FEW_CHANGES` times in a trajectory are slow. Pieces with the
same wells of all slow movers are one state s, with the share p_s of the pieces. States follow each other by the chain

    (C4)  T_st = d_s d_t p_t Product over slow movers m of K_m(piece_ps)[well of m in s, in t] / pi_m[well of m in t]

which has p as its stationary distribution and obeys detailed balance where d is such that rows sum to 1: Sinkhorn's
problem, symmetric since pi_i K_ij = pi_j K_ji. Where movers are independent in the pieces d is 1 and each jumps as C2
says; where they are not, T is the chain nearest to that in relative entropy which keeps the pieces' joint shares. Rates
are scaled until wells change as often as they say.

A trajectory starts anywhere: starts are spread over the states as evenly as the number of trajectories allows. Each
place of a path then gets a piece of its state. Pieces are left out where a state is visited less often than the pool
holds it, and come again where it is visited more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.analysis.jumps import LEAST, Mover

FEW_CHANGES = 10.0
PIECES_A_STATE = 0.4
"""Pieces in the state of a piece, at least in the mean, over places of a trajectory: a path that stays in one state
shows each of its pieces 1/.4 times then. A mover that would take it below that is left to `order`."""
FEWEST = 20
"""And at least so many, however short trajectories are."""
ROUNDS, NEAR = 10, 0.02
"""Of scaling rates, and when it ends: the relative difference of the numbers of changes."""
ITERATIONS, TOLERANCE = 500, 1e-6
"""Of Sinkhorn's problem."""
CLIP = 4.0
"""Most that a scale changes by in a round."""


@dataclass(frozen=True)
class Chain:
    """States of the slow movers and how they follow each other.

    Attributes
    ----------
    of_pieces : int64 [P]
        State of each piece.
    shares : float64 [S]
        p of (C4).
    transitions : float64 [S, S]
        T of (C4).
    """

    of_pieces: np.ndarray
    shares: np.ndarray
    transitions: np.ndarray


def lumped(mover: Mover, piece_ps: float) -> tuple[Mover, np.ndarray]:
    """The mover with wells taken for one that exchange within a piece, and which lump each well is in: int64 [W].

    Two wells alone forget each other with the time 1 / (k_ij + k_ji); lumps are joined by times under `piece_ps`. Their
    rates are those of their wells in equilibrium, and the lumped mover has no wells of frames.
    """
    count = len(mover.shares)
    near = mover.rates + mover.rates.T > 1 / piece_ps
    labels = np.arange(count)
    for _ in range(count):
        labels = np.min(np.where(near | np.eye(count, dtype=bool), labels[None, :], count), axis=1)
    labels = np.unique(labels, return_inverse=True)[1].ravel()
    inside = np.eye(labels.max() + 1)[labels]  # [W, lumps]
    shares = mover.shares @ inside
    rates = inside.T @ (mover.shares[:, None] * mover.rates) @ inside / shares[:, None]
    empty = np.empty(0, dtype=np.int64)
    return Mover(mover.torsions, empty, shares, rates, mover.jumps, mover.prior_ps), labels


def slow_movers(
    movers: Sequence[Mover], wells: np.ndarray, places: int, piece_ps: float, few_changes: float = FEW_CHANGES
) -> list[int]:
    """Numbers of the slow ones, slowest first, without those that leave fewer than `PIECES_A_STATE` to a state.

    Parameters
    ----------
    wells : int64 [P, M]
        Of pieces.
    places : int
        Pieces of a trajectory.
    """
    found: list[int] = []
    for m in np.argsort([-mover.time_ps for mover in movers]).tolist():
        if len(movers[m].shares) < 2 or changing(movers[m], piece_ps) * (places - 1) >= few_changes:
            continue
        counts = np.unique(wells[:, [*found, m]], axis=0, return_counts=True)[1]
        if (counts**2).sum() / counts.sum() >= max(FEWEST, PIECES_A_STATE * places):
            found.append(m)
    return found


def changing(mover: Mover, lag_ps: float) -> float:
    """Share of times after which the well of a mover is another one: 1 - sum of pi_i K_ii."""
    return 1 - float((mover.shares * np.diag(mover.kernel(lag_ps))).sum())


def chain_of(movers: Sequence[Mover], joint: np.ndarray, piece_ps: float, weights: np.ndarray) -> Chain:
    """T of (C4) over the states of all these movers.

    Parameters
    ----------
    joint : int64 [P, movers]
        Wells of the pieces.
    weights : float64 [P]
        Of the pieces; they sum to 1, and to the shares of every mover in its wells.
    """
    wells, of_pieces = np.unique(joint, axis=0, return_inverse=True)
    of_pieces = of_pieces.ravel()
    shares = np.bincount(of_pieces, weights)
    scale, d = np.ones(len(movers)), np.ones(len(shares))
    wanted = np.array([changing(mover, piece_ps) for mover in movers])
    for _ in range(ROUNDS):
        logarithms = np.zeros((len(shares), len(shares)))
        for m, mover in enumerate(movers):
            table = np.log(mover.kernel(piece_ps * scale[m])) - np.log(mover.shares)
            logarithms += table[wells[:, m][:, None], wells[:, m][None, :]]
        affinity = np.exp(logarithms)
        d = _balanced(affinity, shares, d)
        transitions = affinity * d[:, None] * (shares * d)[None, :]
        transitions /= transitions.sum(axis=1, keepdims=True)
        alike = wells[:, None, :] == wells[None, :, :]
        changes = 1 - np.einsum("s,st,stm->m", shares, transitions, alike)
        ratio = wanted / np.maximum(changes, LEAST)
        if np.abs(ratio - 1).max() < NEAR:
            break
        scale *= np.clip(ratio, 1 / CLIP, CLIP)
    return Chain(of_pieces, shares, transitions)


def _balanced(affinity: np.ndarray, shares: np.ndarray, d: np.ndarray) -> np.ndarray:
    """d of (C4), by the fixed point d_s <- sqrt(d_s / sum over t of A_st p_t d_t)."""
    for _ in range(ITERATIONS):
        sums = d * (affinity @ (shares * d))
        if np.abs(sums - 1).max() < TOLERANCE:
            break
        d = d / np.sqrt(sums)
    return d


def walked(chain: Chain, shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """States of paths, int64 [S, T]; starts are spread evenly over the shares of the states, in their order."""
    starts = (random.permutation(shape[0]) + random.random()) / shape[0]
    states = np.empty(shape, dtype=np.int64)
    states[:, 0] = _drawn(np.cumsum(chain.shares), starts)
    draws = random.random(shape)
    sums = np.cumsum(chain.transitions, axis=1)
    for k in range(shape[0]):
        for t in range(1, shape[1]):
            states[k, t] = _drawn(sums[states[k, t - 1]], draws[k, t])
    return states


def filled(
    states: np.ndarray, of_pieces: np.ndarray, weights: np.ndarray, rank: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """A piece for every place of paths [S, T]: int64 [S, T].

    Of each state its pieces, each as often as its weight says, rounded up or down, go to the state's places one after
    the other, in the order of `rank` [P]: all of them once, then those that come twice, and so on.
    """
    result = np.empty(states.size, dtype=np.int64)
    for state in np.unique(states):
        places = np.flatnonzero(states.ravel() == state)
        pieces = np.flatnonzero(of_pieces == state)
        pieces = pieces[np.argsort(rank[pieces])]
        ends = np.cumsum(weights[pieces])
        chosen = _drawn(ends, (np.arange(len(places)) + random.random()) / len(places))
        copy = np.arange(len(places)) - np.searchsorted(chosen, chosen)
        result[places] = pieces[chosen[np.lexsort([chosen, copy])]]
    return result.reshape(states.shape)


def _drawn(sums: np.ndarray, at: np.ndarray | float) -> np.ndarray:
    """Numbers of the intervals of cumulated weights in which shares `at` of their sum lie."""
    return np.minimum(np.searchsorted(sums, np.asarray(at) * sums[-1], side="right"), len(sums) - 1)
