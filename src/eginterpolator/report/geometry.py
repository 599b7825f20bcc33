"""The numbers behind the page that the evaluation does not have: superposed frames, histograms in degrees' bins."""

from __future__ import annotations

import numpy as np

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


def torsion_histogram(angles: np.ndarray, bins: int = HISTOGRAM_BINS) -> np.ndarray:
    """Counts over -π..π in equal bins, int64 [bins], of angles in radians; what is not finite is left out."""
    angles = np.asarray(angles, dtype=np.float64).ravel()
    return np.histogram(angles[np.isfinite(angles)], bins=bins, range=(-np.pi, np.pi))[0]
