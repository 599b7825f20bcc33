"""Wells of every torsion over trajectories: their names, shares with intervals, and how often they are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.analysis.clocks import pooled_times
from eginterpolator.analysis.intervals import Groups, shares
from eginterpolator.analysis.names import atom_label, bond_kinds, distinct, folds, well_name
from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.wells import MARGIN_DEGREES, well_ends, well_indices

FEWEST = 3
"""Frames that a well must have; those of a smaller one belong to the nearest other."""
BROAD = 0.5
"""A single well whose mean direction is shorter than this has no place of its own."""


@dataclass(frozen=True)
class Torsion:
    """A torsion and its wells over some trajectories.

    Attributes
    ----------
    atoms : tuple of int
    label : str
        'C1–C2–O3–C4'.
    kind : str
        As `names.bond_kinds`.
    fold : int
        As `names.folds`. Where it is over 1, wells that the symmetry makes equal are one.
    ends : float64 [W]
        Where the wells end, radians times `fold` on the whole circle.
    names : list of str, one a well
    degrees : float64 [W]
        Mean angle of each well, within ±180°/fold.
    shares : float64 [W, 3]
        Share of the frames, and its interval (low, high), which a single well has not.
    frames : int64 [W]
    transitions : int
        From well to well, over all trajectories.
    time_ps : float
        Where the pooled autocorrelation falls to 1/e; inf: not within `bound_ps`; nan of one frame.
    bound_ps : float
    groups : str
        What the intervals are from.
    """

    atoms: tuple[int, ...]
    label: str
    kind: str
    fold: int
    ends: np.ndarray
    names: list[str]
    degrees: np.ndarray
    shares: np.ndarray
    frames: np.ndarray
    transitions: int
    time_ps: float
    bound_ps: float
    groups: str

    @property
    def n_wells(self) -> int:
        """Wells, at least one."""
        return len(self.names)

    def settled(self, angles: np.ndarray) -> np.ndarray:
        """Well of each of the angles [T] of a trajectory, radians: int64 [T]; see `settled_wells`."""
        return settled_wells(folded(angles, self.fold), self.ends)


def angles_of(molecule: Molecule, positions: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Torsions of `torsion_quadruples` in trajectories [T, N, 3]: float64 [T, K] each, radians."""
    quadruples = torsion_quadruples(molecule)
    return [torsions(x, quadruples) for x in positions]


def folded(angles: np.ndarray, fold: int | np.ndarray) -> np.ndarray:
    """Angles times the symmetry of the torsion, on the circle: radians in [-pi, pi]."""
    return np.asarray(np.angle(np.exp(1j * angles * fold)))


def find_wells(
    molecule: Molecule,
    angles: Sequence[np.ndarray],
    frame_ps: float,
    like: Sequence[Torsion] | None = None,
    weights: Sequence[float] | None = None,
) -> list[Torsion]:
    """The wells of every torsion of `torsion_quadruples`.

    Parameters
    ----------
    molecule : Molecule
    angles : sequence of [T, K]
        Of each trajectory, radians, as `angles_of`.
    frame_ps : float
    like : sequence of Torsion, optional
        Take wells and names of these, so that two runs can be compared; else wells are found in the frames.
    weights : sequence of float, optional
        One for each of the trajectories, which are structures that stand for themselves: shares are sums of these,
        without intervals, and a well may have a single frame.
    """
    quadruples = torsion_quadruples(molecule)
    if not len(quadruples):
        return []
    symbols = [atom.GetSymbol() for atom in molecule.heavy_mol.GetAtoms()]
    turns = folds(molecule, quadruples)
    circle = [folded(x, turns) for x in angles]
    times = pooled_times(circle, frame_ps, draws=0) if max(map(len, circle)) > 1 else None
    groups = Groups.of([len(x) for x in circle])
    result = []
    for k, (atoms, kind) in enumerate(zip(quadruples.tolist(), bond_kinds(molecule, quadruples), strict=True)):
        fold = int(turns[k])
        each = [x[:, k] for x in circle]
        joint = np.concatenate(each)
        ends = like[k].ends if like else _found_ends(joint, FEWEST if weights is None else 1)
        found = [settled_wells(x, ends) for x in each]
        count = max(1, len(ends))
        counts = groups.counts(found, count)
        degrees, names = _named(kind, fold, joint, np.concatenate(found), count)
        parts = shares(counts, groups.sizes())
        if weights is not None:
            parts[:, 0] = np.bincount(np.concatenate(found), weights, count) / np.sum(weights)
        if count == 1 or weights is not None:
            parts[:, 1:] = np.nan
        result.append(
            Torsion(
                tuple(atoms),
                atom_label(atoms, symbols),
                kind,
                fold,
                ends,
                like[k].names if like else names,
                degrees,
                parts,
                counts.sum(axis=0),
                sum(int((np.diff(x) != 0).sum()) for x in found),
                float(times.ps[k]) if times else np.nan,
                times.bound_ps if times else 0.0,
                groups.text,
            )
        )
    return result


def settled_wells(angles: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Well of each of the angles [T], radians on the whole circle: int64 [T].

    Frames within `MARGIN_DEGREES` of an end count to the well before, so that a torsion that touches the end of its
    well, or crosses it and comes straight back, has not gone; at the beginning to the first well that is entered.
    """
    wells = well_indices(angles, ends)
    if len(ends) < 2 or not len(angles):
        return np.zeros(len(angles), dtype=np.int64) if len(ends) < 2 else wells
    apart = np.abs(np.angle(np.exp(1j * (angles[:, None] - ends)))).min(axis=1)
    inside = apart > np.radians(MARGIN_DEGREES)
    if not inside.any():
        return wells
    last = np.maximum.accumulate(np.where(inside, np.arange(len(angles)), -1))
    return np.asarray(wells[np.where(last < 0, int(inside.argmax()), last)])


def mean_directions(angles: np.ndarray, wells: np.ndarray, count: int) -> np.ndarray:
    """Mean of exp(i angle) over the frames [T] of each of `count` wells: complex128 [count], nan of one without any."""
    joint = np.exp(1j * angles)
    return np.array([joint[wells == w].mean() if (wells == w).any() else np.nan for w in range(count)])


def _found_ends(angles: np.ndarray, fewest: int) -> np.ndarray:
    """`well_ends` of the angles, without those of wells of fewer than `fewest` frames."""
    ends = well_ends(angles)
    while len(ends) >= 2:
        wells = well_indices(angles, ends)
        counts = np.bincount(wells, minlength=len(ends))
        least = int(counts.argmin())
        if counts[least] >= fewest:
            return ends
        # well w lies between ends[w - 1] and ends[w]; it joins the neighbour whose frames are nearer
        here = angles[wells == least]
        sides = (least, (least - 1) % len(ends))  # the end towards the next well, and towards the one before
        gaps = [_gap(here, angles[wells == beyond]) for beyond in ((least + 1) % len(ends), (least - 1) % len(ends))]
        ends = np.delete(ends, sides[int(np.argmin(gaps))])
    return ends[:0]


def _gap(first: np.ndarray, second: np.ndarray) -> float:
    """Least distance on the circle between two sets of angles; 0 of an empty one, which has nothing to lose."""
    if not (len(first) and len(second)):
        return 0.0
    ordered = np.sort(second)
    at = np.searchsorted(ordered, first)
    near = np.stack([ordered[at % len(ordered)], ordered[at - 1]])
    return float(np.abs(np.angle(np.exp(1j * (near - first)))).min())


def _named(kind: str, fold: int, angles: np.ndarray, wells: np.ndarray, count: int) -> tuple[np.ndarray, list[str]]:
    """Mean angle of each well, degrees, and its name."""
    # nan is the mean of a well without a frame here, which is named as if it lay at 0, and nothing else
    means = np.nan_to_num(mean_directions(angles, wells, count))
    degrees = np.degrees(np.angle(means)) / fold
    if count == 1 and abs(means[0]) < BROAD:
        return degrees, ["broad"]
    return degrees, distinct([well_name(kind, fold, float(x)) for x in degrees], degrees.tolist())
