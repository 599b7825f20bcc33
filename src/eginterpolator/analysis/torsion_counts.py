"""What simulations tell of the pace of each torsion: wells, jumps, the time spent, and the time of memory if seen.

A torsion that nothing was seen to leave is not left out: its jumps are none in so many picoseconds, and its time of
memory is longer than a bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eginterpolator.analysis.clocks import pooled_times
from eginterpolator.analysis.jumps import counted
from eginterpolator.analysis.wells import mean_directions, settled_wells
from eginterpolator.chemistry.wells import well_ends


@dataclass(frozen=True)
class TorsionCounts:
    """One torsion over the replicas of one molecule.

    Attributes
    ----------
    atoms : tuple of int
        Four heavy atoms, as `torsion_quadruples`.
    means : list of (float, float)
        Mean cosine and sine of each well.
    spent_ps : list of float
        Time in each well, of all replicas together.
    jumps : list of list of int
        From each well to each other.
    time_ps : float
        Where the autocorrelation of all replicas falls to 1/e; inf: not within `bound_ps`.
    bound_ps : float
    """

    atoms: tuple[int, ...]
    means: list[tuple[float, float]]
    spent_ps: list[float]
    jumps: list[list[int]]
    time_ps: float
    bound_ps: float

    @property
    def total_jumps(self) -> int:
        """Jumps between all wells."""
        return int(np.sum(self.jumps))

    @property
    def exposure_ps(self) -> float:
        """T (1 - sum of squared shares): with rates pi_j / tau this over tau is the expected number of jumps."""
        spent = np.array(self.spent_ps)
        return float(spent.sum() - (spent**2).sum() / spent.sum())

    def to_dict(self) -> dict[str, Any]:
        """For a line of JSON, which knows no infinity."""
        return {**asdict(self), "time_ps": self.time_ps if math.isfinite(self.time_ps) else None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TorsionCounts:
        """Of `to_dict`."""
        time = values["time_ps"]
        return cls(**{**values, "atoms": tuple(values["atoms"]), "time_ps": math.inf if time is None else time})


def count_torsions(quadruples: np.ndarray, angles: Sequence[np.ndarray], frame_ps: float) -> list[TorsionCounts]:
    """Counts of the torsions [K, 4] of replicas, `angles` [T, K] of each in radians, frames `frame_ps` apart."""
    if not len(quadruples):
        return []
    times = pooled_times(angles, frame_ps, draws=0)
    found = []
    for k, atoms in enumerate(quadruples.tolist()):
        joint = np.concatenate([x[:, k] for x in angles])
        ends = well_ends(joint)
        paths = [settled_wells(x[:, k], ends) for x in angles]
        names = np.unique(np.concatenate(paths))
        paths = [np.searchsorted(names, path) for path in paths]
        jumps, spent = counted(paths, len(names), frame_ps)
        means = mean_directions(joint, np.concatenate(paths), len(names))
        time = float(times.ps[k])
        found.append(
            TorsionCounts(
                tuple(atoms),
                [(round(float(z.real), 3), round(float(z.imag), 3)) for z in means],
                spent.round(1).tolist(),
                jumps.astype(int).tolist(),
                round(time, 3) if math.isfinite(time) else math.inf,
                round(times.bound_ps, 1),
            )
        )
    return found
