"""How two groups of trajectories share a torsion's wells out, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.chemistry.wells import well_ends, well_indices

BLOCKS = 10
"""Parts of few trajectories whose shares give the interval of the share of all."""
FEW = 5
"""With fewer trajectories intervals are over blocks of them, and too narrow where a well lasts longer than a block."""
DRAWS = 1000


@dataclass(frozen=True)
class SharedWells:
    """Wells of one torsion, and the share of the frames of each group in them.

    Attributes
    ----------
    middle_degrees : float64 [W]
        Mean angle of the frames of each well, ascending.
    shares : tuple of float64 [W]
        Of each group.
    intervals : tuple of float64 [W, 2]
        95 % bootstrap interval of each share, over trajectories; of fewer than `FEW` over `BLOCKS` blocks of them.
    """

    middle_degrees: np.ndarray
    shares: tuple[np.ndarray, ...]
    intervals: tuple[np.ndarray, ...]

    def apart(self) -> np.ndarray:
        """Wells whose intervals in the first two groups do not overlap: bool [W]."""
        one, two = self.intervals[:2]
        return np.asarray((one[:, 1] < two[:, 0]) | (two[:, 1] < one[:, 0]))


def shared_wells(groups: Sequence[Sequence[np.ndarray]], seed: int = 0) -> SharedWells:
    """Wells of a torsion in groups of trajectories of its angles [T], radians.

    The wells are those of all groups together, of which each counts as much: as many frames, evenly spaced, as the
    smallest has.
    """
    whole = [np.concatenate(list(group)) for group in groups]
    count = min(len(x) for x in whole)
    ends = well_ends(np.concatenate([x[np.linspace(0, len(x) - 1, count).round().astype(int)] for x in whole]))
    wells = max(1, len(ends))
    indices = [[well_indices(x, ends) for x in group] for group in groups]
    joint, which = np.exp(1j * np.concatenate(whole)), np.concatenate([np.concatenate(each) for each in indices])
    middles = np.array([np.degrees(np.angle(joint[which == k].mean())) if (which == k).any() else np.nan
                        for k in range(wells)])  # fmt: skip
    order = np.argsort(middles)
    counted = [_counted(each, wells, seed) for each in indices]
    return SharedWells(
        middles[order], tuple(share[order] for share, _ in counted), tuple(span[order] for _, span in counted)
    )


def _counted(parts: Sequence[np.ndarray], wells: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares [W] of the wells over trajectories of indices [T], and their intervals [W, 2]."""
    if len(parts) < FEW:
        each = -(-BLOCKS // len(parts))
        parts = [block for part in parts for block in np.array_split(part, each) if len(block)]
    counts = np.array([np.bincount(part, minlength=wells) for part in parts], dtype=np.float64)
    picks = np.random.default_rng(seed).integers(len(parts), size=(DRAWS, len(parts)))
    drawn = np.apply_along_axis(np.bincount, 1, picks, minlength=len(parts)) @ counts
    drawn /= drawn.sum(axis=1, keepdims=True)
    return counts.sum(axis=0) / counts.sum(), np.quantile(drawn, [0.025, 0.975], axis=0).T
