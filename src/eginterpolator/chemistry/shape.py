"""Frames of a molecule against the limits of its ideal geometry, all frames at once."""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.features import angles, lengths
from eginterpolator.chemistry.ideal import CENTRE_ANGSTROM, Ideal, Twist

PUCKERED_ANGSTROM = 0.05
"""A ring whose atoms all lie nearer than that to its plane is flat."""


class Shape:
    """Frames held against an ideal geometry. Limits of atoms that the frames do not have are left out.

    Parameters
    ----------
    ideal : Ideal
    positions : [T, N, 3], Å
        All atoms or the heavy ones, finite.
    """

    def __init__(self, ideal: Ideal, positions: np.ndarray) -> None:
        self.ideal, self.positions, self.n = ideal, positions.astype(np.float64), positions.shape[1]

    def angles(self) -> np.ndarray:
        """Whether every bond angle is within its limits; bool [T]."""
        here = self._here(self.ideal.angles)
        found = angles(self.positions, self.ideal.angles[here])
        low, high = self.ideal.angle_limits[here].T
        return np.asarray(((found >= low) & (found <= high)).all(axis=1))

    def distances(self, kind: int) -> np.ndarray:
        """Whether every distance of a kind (see `Ideal`) is within its limits; bool [T]."""
        chosen = self.ideal.distance_kinds == kind
        found = lengths(self.positions, self.ideal.distances[chosen])
        low, high = self.ideal.distance_limits[chosen].T
        return np.asarray(((found >= low) & (found <= high)).all(axis=1))

    def centres(self) -> np.ndarray:
        """Whether every trigonal carbon is in the plane of its neighbours; bool [T]."""
        rows = self.ideal.centres[self._here(self.ideal.centres)]
        centre, a, b, c = (self.positions[:, rows[:, k]] for k in range(4))
        normal = _unit(np.cross(b - a, c - a))
        return np.asarray((np.abs(((centre - a) * normal).sum(axis=-1)) <= CENTRE_ANGSTROM).all(axis=1))

    def flat_alkenes(self, limit: float) -> np.ndarray:
        """Whether both ends of every C=C and their substituents are within `limit` (Å) of a plane; bool [T]."""
        rows = self.ideal.alkenes[self._here(self.ideal.alkenes)]
        return np.asarray((from_plane(self.positions, rows) <= limit).all(axis=1))

    def puckered(self) -> np.ndarray:
        """Whether no ring that has to be puckered is flat; bool [T]."""
        return np.asarray((from_plane(self.positions, self.ideal.puckered) >= PUCKERED_ANGSTROM).all(axis=1))

    def untwisted(self, *kinds: str) -> np.ndarray:
        """Whether the bonds of some kinds are turned no further than they may; bool [T]."""
        passed = np.ones(len(self.positions), dtype=bool)
        for twist in (*self.ideal.twists, *self.ideal.axes):
            if twist.kind in kinds and (angle := self.twist(twist)) is not None:
                passed &= (np.pi / 2 - angle if twist.right_angle else angle) <= twist.limit
        return passed

    def twist(self, twist: Twist) -> np.ndarray | None:
        """Angle between the planes at both ends, float64 [T], radians in [0, pi / 2]; None where an end has no atom.

        A plane's direction is from one substituent to the other, across the bond, which a pyramidal end does not tilt;
        of an end with one substituent it is the direction of that.
        """
        i, j = twist.ends
        axis = _unit(self.positions[:, j] - self.positions[:, i])
        across = []
        for end, side in zip(twist.ends, twist.substituents, strict=True):
            here = [atom for atom in side if atom < self.n]
            if not here:
                return None
            other = self.positions[:, here[1] if len(here) == 2 else end]
            direction = self.positions[:, here[0]] - other
            across.append(_unit(direction - (direction * axis).sum(axis=-1, keepdims=True) * axis))
        return np.asarray(np.arccos(np.clip(np.abs((across[0] * across[1]).sum(axis=-1)), 0.0, 1.0)))

    def _here(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray((rows < self.n).all(axis=1))


def from_plane(positions: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Largest distance of an atom of each group [G, K] from the group's best plane: float64 [T, G], Å."""
    if not len(groups):
        return np.zeros((len(positions), 0))
    atoms = positions[:, groups].astype(np.float64)
    atoms = atoms - atoms.mean(axis=2, keepdims=True)
    _, axes = np.linalg.eigh(np.einsum("tgni,tgnj->tgij", atoms, atoms))
    return np.asarray(np.abs(np.einsum("tgni,tgi->tgn", atoms, axes[..., 0])).max(axis=2))


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, 1e-12)
