"""Shares with intervals, from trajectories that are independent or from blocks of few ones (docs/populations.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GROUPS = 5
"""Trajectories from which on they are the groups; fewer are cut into blocks."""
BLOCKS = 10
"""Blocks that fewer trajectories are cut into, all together or a few more."""
LEVEL = 0.95


@dataclass(frozen=True)
class Groups:
    """Stretches of frames that count as independent.

    Attributes
    ----------
    rows : list of (int, int, int)
        Trajectory, first frame and the one after the last.
    text : str
        What they are: '10 trajectories', '10 blocks of 2 trajectories'.
    """

    rows: list[tuple[int, int, int]]
    text: str

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Groups:
        """Whole trajectories of so many frames each where there are `GROUPS` of them, else `BLOCKS` blocks of them."""
        n = len(lengths)
        if n >= GROUPS:
            return cls([(k, 0, length) for k, length in enumerate(lengths)], f"{n} trajectories")
        rows = []
        for k, length in enumerate(lengths):
            ends = np.linspace(0, length, min(-(-BLOCKS // n), length) + 1).round().astype(int)
            rows += [(k, int(a), int(b)) for a, b in zip(ends, ends[1:], strict=False)]
        return cls(rows, f"{len(rows)} blocks of {n} trajector{'y' if n == 1 else 'ies'}")

    def counts(self, found: Sequence[np.ndarray], n: int) -> np.ndarray:
        """Frames of each group in each of `n` states, for states int64 [T] of every trajectory: int64 [groups, n]."""
        return np.array([np.bincount(found[k][a:b], minlength=n)[:n] for k, a, b in self.rows], dtype=np.int64)

    def sizes(self) -> np.ndarray:
        """Frames of each group, int64 [groups]."""
        return np.array([b - a for _, a, b in self.rows], dtype=np.int64)


def shares(counts: np.ndarray, sizes: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Share of all frames, and its interval: float64 [states, 3] (share, low, high).

    Wilson's interval (J. Am. Stat. Assoc. 22 (1927) 209) of as many independent frames as the scatter between groups
    says that there are, with Student's t for as many groups:

        p = sum of c_g / N,   v = G / (G - 1) sum of (n_g / N)^2 (c_g / n_g - p)^2,   n = p (1 - p) / v        (P1)

    at most all frames; where every frame is in the state, or none, n is the number of groups. nan of one group.

    Parameters
    ----------
    counts : int64 [groups, states]
    sizes : int64 [groups]
        Frames of each group.
    """
    groups, total = len(sizes), int(sizes.sum())
    share = counts.sum(axis=0) / total
    result = np.full((counts.shape[1], 3), np.nan)
    result[:, 0] = share
    if groups < 2:
        return result
    scatter = (((counts / sizes[:, None] - share) * (sizes / total)[:, None]) ** 2).sum(axis=0) * groups / (groups - 1)
    spread = share * (1 - share)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(spread > 0, np.clip(spread / scatter, 1.0, total), groups)
    from scipy.special import stdtrit

    q = float(stdtrit(groups - 1, (1 + level) / 2))
    middle = (share + q**2 / (2 * n)) / (1 + q**2 / n)
    half = q * np.sqrt(spread / n + q**2 / (4 * n**2)) / (1 + q**2 / n)
    result[:, 1], result[:, 2] = np.clip(middle - half, 0.0, share), np.clip(middle + half, share, 1.0)
    return result


def lifetime(time_ps: float, exits: int, level: float = LEVEL) -> tuple[float, float, float]:
    """Mean lifetime of a state, and its interval, ps: (mean, low, high).

    The estimate of greatest likelihood for stays without a memory, of which some were cut off by an end of a
    trajectory: all time spent in the state over the number of times that it was left. The interval is Garwood's for
    that number (Biometrika 28 (1936) 437). Where the state was never left, mean and high are inf, and low is a bound.
    """
    from scipy.special import chdtri

    low = 2 * time_ps / float(chdtri(2 * exits + 2, (1 - level) / 2))
    if not exits:
        return np.inf, low, np.inf
    return time_ps / exits, low, 2 * time_ps / float(chdtri(2 * exits, (1 + level) / 2))
