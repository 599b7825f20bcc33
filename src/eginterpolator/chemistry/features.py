"""Internal coordinates that trajectories are compared by: heavy-atom bonds, angles and torsions (SPEC section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from rdkit.Chem import TorsionFingerprints

from eginterpolator.chemistry.molecule import Molecule


@dataclass(frozen=True)
class FeatureSet:
    """The internal coordinates of one molecule, as atom indices.

    Attributes
    ----------
    bonds : int64 [B, 2]
    angles : int64 [A, 3]
        Every pair of heavy neighbours of a heavy atom, which stands in the middle.
    torsions : int64 [K, 4]
        See `torsion_quadruples`.
    """

    bonds: np.ndarray
    angles: np.ndarray
    torsions: np.ndarray

    @classmethod
    def of(cls, molecule: Molecule) -> FeatureSet:
        """All features of a molecule."""
        return cls(molecule.heavy_bonds, angle_triples(molecule), torsion_quadruples(molecule))


def angle_triples(molecule: Molecule) -> np.ndarray:
    """Bond angles a-i-b over every pair of heavy neighbours of a heavy atom i; int64 [A, 3]."""
    neighbours: dict[int, list[int]] = {i: [] for i in range(molecule.n_heavy)}
    for i, j in molecule.heavy_bonds:
        neighbours[int(i)].append(int(j))
        neighbours[int(j)].append(int(i))
    rows = [(a, i, b) for i, around in neighbours.items() for a, b in combinations(sorted(around), 2)]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def torsion_quadruples(molecule: Molecule) -> np.ndarray:
    """Torsions of RDKit's torsion fingerprint, int64 [K, 4].

    One quadruple a rotatable bond (the first of those that RDKit holds equivalent), and all of each ring that is not
    wholly aromatic. Rings of three atoms have none: RDKit lists a-b-c-a for them, which is 0 in every frame.
    """
    mol = molecule.heavy_mol
    chain, rings = TorsionFingerprints.CalculateTorsionLists(mol)
    rows = [tuple(quadruples[0]) for quadruples, _ in chain]
    for quadruples, _ in rings:
        atoms = {index for quadruple in quadruples for index in quadruple}
        if not all(mol.GetAtomWithIdx(index).GetIsAromatic() for index in atoms):
            rows.extend(tuple(quadruple) for quadruple in quadruples if len(set(quadruple)) == 4)
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def lengths(positions: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Distances of atom pairs [B, 2] in positions [T, N, 3]: float64 [T, B], Å."""
    difference = positions[:, pairs[:, 0]].astype(np.float64) - positions[:, pairs[:, 1]]
    return np.sqrt(_dot(difference, difference))


def angles(positions: np.ndarray, triples: np.ndarray) -> np.ndarray:
    """Angles [A, 3] (the vertex in the middle) in positions [T, N, 3]: float64 [T, A], radians in [0, pi]."""
    first, vertex, last = (positions[:, triples[:, k]].astype(np.float64) for k in range(3))
    u, v = first - vertex, last - vertex
    across = np.cross(u, v)
    return np.arctan2(np.sqrt(_dot(across, across)), _dot(u, v))


def torsions(positions: np.ndarray, quadruples: np.ndarray) -> np.ndarray:
    """Torsions [K, 4] in positions [T, N, 3]: float64 [T, K], radians in [-pi, pi], IUPAC sign."""
    a, b, c, d = (positions[:, quadruples[:, k]].astype(np.float64) for k in range(4))
    axis = c - b
    left, right = np.cross(b - a, axis), np.cross(axis, d - c)
    sine = np.sqrt(_dot(axis, axis)) * _dot(b - a, right)
    return np.arctan2(sine, _dot(left, right))


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products of vectors [..., 3]: [...], several times faster than a sum over so short an axis."""
    return np.asarray(np.einsum("...k,...k->...", a, b))
