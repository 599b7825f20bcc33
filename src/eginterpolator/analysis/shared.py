"""How two groups of trajectories share a torsion's wells out, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.analysis.intervals import Groups, shares
from eginterpolator.analysis.wells import mean_directions
from eginterpolator.chemistry.wells import well_ends, well_indices


@dataclass(frozen=True)
class SharedWells:
    """Wells of one torsion, and the share of the frames of each group in them.

    Attributes
    ----------
    middle_degrees : float64 [W]
        Mean angle of the frames of each well, ascending; nan of one without frames.
    shares : tuple of float64 [W]
        Of each group.
    intervals : tuple of float64 [W, 2]
        95 % interval of each share (P1), over trajectories, of few over blocks of them: see `analysis.intervals`.
    """

    middle_degrees: np.ndarray
    shares: tuple[np.ndarray, ...]
    intervals: tuple[np.ndarray, ...]

    def apart(self) -> np.ndarray:
        """Wells whose intervals in the first two groups do not overlap: bool [W]."""
        one, two = self.intervals[:2]
        return np.asarray((one[:, 1] < two[:, 0]) | (two[:, 1] < one[:, 0]))


def shared_wells(groups: Sequence[Sequence[np.ndarray]]) -> SharedWells:
    """Wells of a torsion in groups of trajectories of its angles [T], radians.

    The wells are those of all groups together, of which each counts as much: as many frames, evenly spaced, as the
    smallest has.
    """
    whole = [np.concatenate(list(group)) for group in groups]
    count = min(len(x) for x in whole)
    ends = well_ends(np.concatenate([x[np.linspace(0, len(x) - 1, count).round().astype(int)] for x in whole]))
    wells = max(1, len(ends))
    indices = [[well_indices(x, ends) for x in group] for group in groups]
    means = mean_directions(np.concatenate(whole), np.concatenate([x for each in indices for x in each]), wells)
    middles = np.degrees(np.angle(means))
    order = np.argsort(middles)
    found = []
    for each in indices:
        parts = Groups.of([len(x) for x in each])
        found.append(shares(parts.counts(each, wells), parts.sizes())[order])
    return SharedWells(middles[order], tuple(x[:, 0] for x in found), tuple(x[:, 1:] for x in found))
