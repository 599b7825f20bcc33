"""The Chapman-Kolmogorov test: does a Markov state model foretell what comes at longer lags (docs/evaluation.md, E10)?

Beside its prediction stand what the reference and what was generated do at these lags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eginterpolator.evaluation.msm import LAG_FRAMES, MetastableStates, fit_msm

STEPS = 8
SHOWN = 4
"""Metastable states that are shown, those with the most frames."""
ENOUGH = 20
"""Frames in a state below which nothing is said of staying in it."""


def staying(lumped: Sequence[np.ndarray], state: int, lags: Sequence[int]) -> list[float | None]:
    """Share of the frames of `state` in state trajectories [T] that are in it again after each lag, frames.

    None where fewer than `ENOUGH` frames have one at that lag.
    """
    found: list[float | None] = []
    for lag in lags:
        starts = [x[: max(0, len(x) - lag)] == state for x in lumped]
        ends = [x[lag:] == state for x in lumped]
        count = int(sum(s.sum() for s in starts))
        both = int(sum((s & e).sum() for s, e in zip(starts, ends, strict=True)))
        found.append(both / count if count >= ENOUGH else None)
    return found


def foretold(model: tuple[np.ndarray, np.ndarray, np.ndarray], members: np.ndarray, steps: int) -> list[float]:
    """Share of the frames of a set of states that a chain has in it again after 1 ... `steps` of its steps.

        P(n) = sum over i, j in the set of pi_i (T^n)_ij / sum over i in the set of pi_i        (E10)

    Parameters
    ----------
    model : connected states int64 [c], transition matrix [c, c], stationary distribution [c]
        As `msm.fit_msm` gives.
    members : bool [k]
        Which of all states are in the set.
    """
    connected, transitions, stationary = model
    inside = members[connected].astype(np.float64)
    start = stationary * inside
    row, found = start / start.sum(), []
    for _ in range(steps):
        row = row @ transitions
        found.append(float(row @ inside))
    return found


def chapman_kolmogorov(
    states: MetastableStates,
    reference: Sequence[np.ndarray],
    others: Mapping[str, Sequence[np.ndarray]],
    frame_ps: float,
) -> dict[str, Any]:
    """Of the largest metastable states the shares that stay, foretold and counted; {} without a model.

    Parameters
    ----------
    states : MetastableStates
        Of the reference.
    reference, others : features [T, F] of the trajectories of the reference, and by source.

    Returns
    -------
    dict
        `lags_ps` [STEPS]; `states`, of each its `share` of the reference's frames, `foretold` [STEPS], and by source,
        `reference` among them, the share that stays [STEPS], None where there are too few frames.
    """
    micro = [states.microstates(x) for x in reference]
    model = fit_msm(micro, LAG_FRAMES, len(states.centres))
    if model is None:
        return {}
    lumped = {"reference": [states.lumped[x] for x in micro]}
    lumped |= {source: [states.states(x) for x in values] for source, values in others.items()}
    counts = np.bincount(np.concatenate(lumped["reference"]), minlength=states.n_metastable + 1)
    lags = [LAG_FRAMES * (n + 1) for n in range(STEPS)]
    chosen = [k for k in np.argsort(-counts[: states.n_metastable])[:SHOWN].tolist() if counts[k]]
    shown = []
    for k in chosen:
        members = states.lumped == k
        if not members[model[0]].any():
            continue
        each: dict[str, Any] = {"share": float(counts[k] / counts.sum()), "foretold": foretold(model, members, STEPS)}
        shown.append({**each, **{source: staying(x, k, lags) for source, x in lumped.items()}})
    return {"lags_ps": [lag * frame_ps for lag in lags], "states": shown}
