"""The numbers behind the page: superposed frames, bond lengths, angles, histograms. Plain numpy."""

from __future__ import annotations

import numpy as np

from eginterpolator.molecule import Molecule

HISTOGRAM_BINS = 72


def superpose(positions: np.ndarray, reference: np.ndarray, n_fit: int) -> np.ndarray:
    """Least-squares superposition of every frame on one (Kabsch 1976), fitted on the first `n_fit` atoms.

    Parameters
    ----------
    positions : float [T, N, 3]
        Å.
    reference : float [N, 3]
        Å.
    n_fit : int
        Number of leading atoms to fit; the others are moved along.

    Returns
    -------
    float64 [T, N, 3]
        Rotated and translated copies, never mirrored.
    """
    positions = np.asarray(positions, dtype=np.float64)
    reference = np.asarray(reference, dtype=np.float64)
    centre = positions[:, :n_fit].mean(axis=1, keepdims=True)
    target = reference[:n_fit] - reference[:n_fit].mean(axis=0)
    moved = positions - centre
    covariance = np.einsum("tni,nj->tij", moved[:, :n_fit], target)
    u, _, vt = np.linalg.svd(covariance)
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return moved @ (u @ vt) + reference[:n_fit].mean(axis=0)


def principal_frame(positions: np.ndarray, n_fit: int) -> np.ndarray:
    """Turn one frame so that it lies along x, and flat against the screen: float [N, 3] Å to float64 [N, 3]."""
    positions = np.asarray(positions, dtype=np.float64)
    centred = positions - positions[:n_fit].mean(axis=0)
    _, _, axes = np.linalg.svd(centred[:n_fit], full_matrices=True)
    axes = axes * np.array([1.0, 1.0, np.sign(np.linalg.det(axes))])[:, None]
    return centred @ axes.T


def bond_lengths(positions: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Distances in Å, float [T, B], of `pairs` int [B, 2] in `positions` [T, N, 3] Å."""
    return np.linalg.norm(positions[:, pairs[:, 0]] - positions[:, pairs[:, 1]], axis=-1)


def bond_angles(positions: np.ndarray, triples: np.ndarray) -> np.ndarray:
    """Angles a-centre-b in degrees, float [T, A], of `triples` int [A, 3] in `positions` [T, N, 3] Å."""
    u = positions[:, triples[:, 0]] - positions[:, triples[:, 1]]
    v = positions[:, triples[:, 2]] - positions[:, triples[:, 1]]
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(u, v), axis=-1), (u * v).sum(axis=-1)))


def angle_triples(molecule: Molecule) -> np.ndarray:
    """Every pair of heavy neighbours of a heavy atom, int64 [A, 3] as (a, centre, b)."""
    rows = []
    for centre in range(molecule.n_heavy):
        neighbours = sorted({int(i) for pair in molecule.heavy_bonds if centre in pair for i in pair} - {centre})
        rows += [(a, centre, b) for k, a in enumerate(neighbours) for b in neighbours[k + 1 :]]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def torsion_histogram(angles: np.ndarray, bins: int = HISTOGRAM_BINS) -> np.ndarray:
    """Counts over -π..π in equal bins, int64 [bins], of angles in radians; what is not finite is left out."""
    angles = np.asarray(angles, dtype=np.float64).ravel()
    return np.histogram(angles[np.isfinite(angles)], bins=bins, range=(-np.pi, np.pi))[0]


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon distance (square root of the divergence, natural log) of two histograms; NaN if one is empty."""
    if p.sum() == 0 or q.sum() == 0:
        return float("nan")
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2

    def divergence(a: np.ndarray) -> float:
        kept = a > 0
        return float((a[kept] * np.log(a[kept] / middle[kept])).sum())

    return float(np.sqrt(max(0.0, (divergence(p) + divergence(q)) / 2)))
