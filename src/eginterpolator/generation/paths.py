"""Paths of slow torsions over independent frames: nothing has to cross because the frames hold both of its wells.

Movers that are expected to change their well fewer than `FEW_CHANGES` times in a trajectory are slow. Frames with the
same wells of all slow movers are one state s, with the share p_s of the frames. States follow each other by the chain

    (C4)  T_st = d_s d_t p_t Product over slow movers m of K_m(frame_ps)[well of m in s, in t] / pi_m[well of m in t]

which has p as its stationary distribution and obeys detailed balance where d is such that rows sum to 1: Sinkhorn's
problem, symmetric since pi_i K_ij = pi_j K_ji. Where movers are independent in the frames d is 1 and each jumps as C2
says; where they are not, T is the chain nearest to that in relative entropy which keeps the frames' joint shares. Rates
are scaled until wells change as often as they say.

A trajectory starts anywhere: starts are spread over the states as evenly as the number of trajectories allows. Each
place of a path then gets a frame of its state. Frames are left out where a state is visited less often than the pool
holds it, and come again where it is visited more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.analysis.jumps import LEAST, Mover

FEW_CHANGES = 10.0
FRAMES_A_STATE = 0.4
"""Frames in the state of a frame, at least in the mean, over frames of a trajectory: a path that stays in one state
shows each of its frames 1/.4 times then. A mover that would take it below that is left to `order`."""
FEWEST_FRAMES = 20
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
    of_frames : int64 [F]
        State of each frame.
    shares : float64 [S]
        p of (C4).
    transitions : float64 [S, S]
        T of (C4).
    """

    of_frames: np.ndarray
    shares: np.ndarray
    transitions: np.ndarray


def slow_movers(movers: Sequence[Mover], n_frames: int, frame_ps: float, few_changes: float = FEW_CHANGES) -> list[int]:
    """Numbers of the slow ones, slowest first, without those that leave fewer than `FRAMES_A_STATE` to a state."""
    found: list[int] = []
    for m in np.argsort([-mover.time_ps for mover in movers]).tolist():
        if changing(movers[m], frame_ps) * (n_frames - 1) >= few_changes:
            continue
        wells = np.stack([movers[k].wells for k in (*found, m)], axis=1)
        counts = np.unique(wells, axis=0, return_counts=True)[1]
        if (counts**2).sum() / counts.sum() >= max(FEWEST_FRAMES, FRAMES_A_STATE * n_frames):
            found.append(m)
    return found


def changing(mover: Mover, lag_ps: float) -> float:
    """Share of frames after which the well of a mover is another one: 1 - sum of pi_i K_ii."""
    return 1 - float((mover.shares * np.diag(mover.kernel(lag_ps))).sum())


def chain_of(movers: Sequence[Mover], frame_ps: float, weights: np.ndarray) -> Chain:
    """T of (C4) over the states of all these movers.

    Parameters
    ----------
    weights : float64 [F]
        Of the frames; they sum to 1, and to the shares of every mover in its wells.
    """
    joint = np.stack([mover.wells for mover in movers], axis=1)
    wells, of_frames = np.unique(joint, axis=0, return_inverse=True)
    of_frames = of_frames.ravel()
    shares = np.bincount(of_frames, weights)
    scale, d = np.ones(len(movers)), np.ones(len(shares))
    wanted = np.array([changing(mover, frame_ps) for mover in movers])
    for _ in range(ROUNDS):
        logarithms = np.zeros((len(shares), len(shares)))
        for m, mover in enumerate(movers):
            table = np.log(mover.kernel(frame_ps * scale[m])) - np.log(mover.shares)
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
    return Chain(of_frames, shares, transitions)


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
    states: np.ndarray, of_frames: np.ndarray, weights: np.ndarray, rank: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """A frame for every place of paths [S, T]: int64 [S, T].

    Of each state its frames, each as often as its weight says, rounded up or down, go to the state's places one after
    the other, in the order of `rank` [F]: all of them once, then those that come twice, and so on.
    """
    result = np.empty(states.size, dtype=np.int64)
    for state in np.unique(states):
        places = np.flatnonzero(states.ravel() == state)
        frames = np.flatnonzero(of_frames == state)
        frames = frames[np.argsort(rank[frames])]
        ends = np.cumsum(weights[frames])
        chosen = _drawn(ends, (np.arange(len(places)) + random.random()) / len(places))
        copy = np.arange(len(places)) - np.searchsorted(chosen, chosen)
        result[places] = frames[chosen[np.lexsort([chosen, copy])]]
    return result.reshape(states.shape)


def _drawn(sums: np.ndarray, at: np.ndarray | float) -> np.ndarray:
    """Numbers of the intervals of cumulated weights in which shares `at` of their sum lie."""
    return np.minimum(np.searchsorted(sums, np.asarray(at) * sums[-1], side="right"), len(sums) - 1)
