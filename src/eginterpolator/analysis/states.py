"""Rotamer states: joint wells of the slow torsions, their populations and lifetimes, and a frame that shows each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.analysis.clocks import median_ratio
from eginterpolator.analysis.intervals import Groups, lifetime, shares
from eginterpolator.analysis.wells import Torsion, folded
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.validity import frame_valid

SLOW_PS, SLOW_FRAMES = 10.0, 2
"""A torsion with several wells is slow when it remembers for longer than that, and than that many frames."""
MOST_TORSIONS = 6
"""Torsions that make up a state; of more the slowest."""
ADDS = 0.02
"""A torsion that tells less than that beside the others (conditional entropy, nats) is left out."""
LEAST_SHARE, MOST_STATES = 0.005, 50
"""States that are listed one by one; the rest is the last line."""
CANDIDATES = 10
"""Frames nearest to a state's middle among which the first valid one is its representative."""


@dataclass(frozen=True)
class State:
    """One rotamer state.

    Attributes
    ----------
    name : str
        'S1', the most populated first; 'rest' are those not listed.
    wells : list of str
        Of each of the state's torsions; empty of the rest.
    population, low, high : float
    frames : int
    lifetime_ps, lifetime_low_ps, lifetime_high_ps : float
        As `intervals.lifetime`; inf where it was never left, nan of single frames, of the rest, and where there is one
        state because nothing is slow.
    median_stay_ps : float
        Kaplan-Meier median of the stays; inf where half of them may be longer than any seen.
    stays, censored, exits : int
        Stays in the state; those that an end of a trajectory cut; how often it was left.
    sample, frame : int
        Where its representative is, from 0; -1 of the rest.
    """

    name: str
    wells: list[str]
    population: float
    low: float
    high: float
    frames: int
    lifetime_ps: float = np.nan
    lifetime_low_ps: float = np.nan
    lifetime_high_ps: float = np.nan
    median_stay_ps: float = np.nan
    stays: int = 0
    censored: int = 0
    exits: int = 0
    sample: int = -1
    frame: int = -1


@dataclass(frozen=True)
class States:
    """Rotamer states of a molecule's trajectories.

    Attributes
    ----------
    torsions : list of int
        Those that the states are made of, of the molecule's; none where no torsion is slow.
    slow : list of int
        All slow torsions; the others follow from the first ones or are over `MOST_TORSIONS`.
    rows : list of State
    of_frames : list of int64 [T]
        State of every frame: its place in `rows`.
    groups : str
        What the intervals are from.
    frame_ps : float
    """

    torsions: list[int]
    slow: list[int]
    rows: list[State]
    of_frames: list[np.ndarray]
    groups: str
    frame_ps: float


def find_states(
    molecule: Molecule,
    torsions: Sequence[Torsion],
    angles: Sequence[np.ndarray],
    positions: Sequence[np.ndarray],
    frame_ps: float,
    chosen: Sequence[int] | None = None,
) -> States:
    """The states of trajectories.

    Parameters
    ----------
    molecule : Molecule
    torsions : sequence of Torsion
        Of these trajectories, by `wells.find_wells`.
    angles : sequence of [T, K]
        Radians.
    positions : sequence of [T, N, 3]
        Å; only for what is valid.
    frame_ps : float
    chosen : sequence of int, optional
        The torsions that make up a state; else the slow ones, as `slow_torsions` and `telling` choose them.
    """
    slow = slow_torsions(torsions, frame_ps)
    wells = [
        np.stack([np.zeros(len(x), dtype=np.int64), *(t.settled(x[:, k]) for k, t in enumerate(torsions))], axis=1)
        for x in angles
    ]
    joint = np.concatenate(wells)
    used = list(chosen) if chosen is not None else telling(joint[:, 1:], slow)
    kinds, labels, counts = np.unique(
        joint[:, [0, *(k + 1 for k in used)]], axis=0, return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    listed = min(MOST_STATES, max(1, int((counts >= LEAST_SHARE * len(joint)).sum())))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.minimum(np.arange(len(order)), listed)
    of_frames = np.split(place[labels.reshape(-1)], np.cumsum([len(x) for x in angles])[:-1])
    total = listed + (len(order) > listed)
    groups = Groups.of([len(x) for x in angles])
    by_group = groups.counts(of_frames, total)
    parts = shares(by_group, groups.sizes())
    if total == 1:
        parts[:, 1:] = np.nan
    features = _features(torsions, used, np.concatenate(angles))
    shown = representatives(molecule, listed, of_frames, features, positions)
    rows = []
    for k in range(total):
        share, low, high = parts[k].tolist()
        frames = int(by_group[:, k].sum())
        if k == listed:
            rows.append(State("rest", [], share, low, high, frames))
            continue
        lived = _stays(of_frames if used else (), k, frame_ps)
        named = [torsions[i].names[w] for i, w in zip(used, kinds[order[k], 1:].tolist(), strict=True)]
        rows.append(State(f"S{k + 1}", named, share, low, high, frames, *lived, *shown[k]))
    return States(used, slow, rows, of_frames, groups.text, frame_ps)


def slow_torsions(torsions: Sequence[Torsion], frame_ps: float) -> list[int]:
    """Torsions with several wells that remember for longer than `SLOW_PS` and `SLOW_FRAMES` frames, the slowest first.

    Of single frames all that have several wells.
    """
    least = max(SLOW_PS, SLOW_FRAMES * frame_ps)
    times = [np.inf if np.isnan(t.time_ps) else t.time_ps for t in torsions]
    found = [k for k, t in enumerate(torsions) if t.n_wells > 1 and times[k] >= least]
    return sorted(found, key=lambda k: (-times[k], k))


def telling(wells: np.ndarray, slow: Sequence[int]) -> list[int]:
    """Of the slow torsions up to `MOST_TORSIONS` that each tell more than those before, in their order in the molecule.

    `wells` are of every frame, int64 [T, K]. Torsions of one ring, and of geared ones, follow from each other.
    """
    kept: list[int] = []
    before = 0.0
    for k in slow:
        counts = np.unique(wells[:, [*kept, k]], axis=0, return_counts=True)[1]
        entropy = -float((counts / len(wells)) @ np.log(counts / len(wells)))
        if entropy - before >= ADDS and len(kept) < MOST_TORSIONS:
            kept.append(k)
            before = entropy
    return sorted(kept)


def representatives(
    molecule: Molecule, n: int, of_frames: Sequence[np.ndarray], features: np.ndarray, positions: Sequence[np.ndarray]
) -> list[tuple[int, int]]:
    """(sample, frame) of each of the first `n` states: the frame nearest to the mean of the state's `features`
    [frames, F]; of the `CANDIDATES` nearest the first valid one."""
    states = np.concatenate(of_frames)
    starts = np.cumsum([0, *(len(x) for x in of_frames)])
    places: list[list[tuple[int, int]]] = []
    for state in range(n):
        where = np.flatnonzero(states == state)
        apart = ((features[where] - features[where].mean(axis=0)) ** 2).sum(axis=1)
        nearest = where[np.argsort(apart, kind="stable")[:CANDIDATES]]
        samples = np.searchsorted(starts, nearest, side="right") - 1
        places.append(list(zip(samples.tolist(), (nearest - starts[samples]).tolist(), strict=True)))
    good = iter(frame_valid(molecule, np.stack([positions[s][f] for each in places for s, f in each])).tolist())
    return [next((place for place, valid in [(p, next(good)) for p in each] if valid), each[0]) for each in places]


def _features(torsions: Sequence[Torsion], used: Sequence[int], angles: np.ndarray) -> np.ndarray:
    """cos and sin of all torsions of [T, K], those of the states five times as heavy: float64 [T, 2 K]."""
    circle = folded(angles, np.array([t.fold for t in torsions], dtype=np.int64)) if torsions else angles
    weights = np.array([5.0 if k in used else 1.0 for k in range(len(torsions))])
    return np.concatenate([weights * np.cos(circle), weights * np.sin(circle)], axis=1)


def _stays(
    of_frames: Sequence[np.ndarray], state: int, frame_ps: float
) -> tuple[float, float, float, float, int, int, int]:
    """Mean lifetime and its interval, median stay (ps); stays, censored ones, exits."""
    if max((len(x) for x in of_frames), default=0) < 2:
        return np.nan, np.nan, np.nan, np.nan, 0, 0, 0
    lengths, censored, exits = [], [], 0
    for x in of_frames:
        inside = np.concatenate([[False], x == state, [False]])
        begins, ends = np.flatnonzero(~inside[:-1] & inside[1:]), np.flatnonzero(inside[:-1] & ~inside[1:])
        lengths += (ends - begins).tolist()
        censored += ((begins == 0) | (ends == len(x))).tolist()
        exits += int((ends < len(x)).sum())
    time = sum(lengths) * frame_ps
    median = float(median_ratio(np.array(lengths) * frame_ps, np.array(censored))[0])
    return *lifetime(time, exits), median, len(lengths), sum(censored), exits
