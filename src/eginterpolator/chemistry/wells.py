"""Wells of a torsion: where they end on the circle, which one an angle lies in, and how often it goes to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

BINS = 120
WIDTH_DEGREES = 10.0
"""Of the Gaussian that smooths the histogram of a torsion."""
DEPTH = 2.0
"""A boundary between wells is a minimum of the density that many times lower than the lower one of its wells."""
MARGIN_DEGREES = 15.0
"""A torsion has changed its well when it is that far beyond the boundary; nearer to it, it may just come back."""


def well_ends(angles: np.ndarray) -> np.ndarray:
    """Where the wells of the angles [T], radians, end: float64 [wells], ascending.

    Wells end at the minima of the smoothed histogram on the circle that are `DEPTH` times lower than the maxima on both
    sides of them. With fewer than two of these there is one well.
    """
    edges = np.linspace(-np.pi, np.pi, BINS + 1)
    counts = np.histogram(angles, edges)[0].astype(np.float64)
    density = gaussian_filter1d(counts, WIDTH_DEGREES * BINS / 360, mode="wrap")
    # from the highest maximum once around, so that every minimum has its maxima beside it
    start = int(density.argmax())
    around = np.append(np.roll(density, -start), density[start])
    minima = find_peaks(-np.log(around + 1e-6), prominence=np.log(DEPTH))[0]
    return np.asarray(np.sort(edges[(minima + start) % BINS] + np.pi / BINS))  # middles of the bins


def well_indices(angles: np.ndarray, ends: np.ndarray | None = None) -> np.ndarray:
    """The well of each of the angles [T], radians: int64 [T]; `ends` are those of other angles, by `well_ends`."""
    ends = well_ends(angles) if ends is None else ends
    return np.asarray(np.searchsorted(ends, angles) % max(1, len(ends)))


def count_transitions(replicas: Sequence[np.ndarray]) -> int:
    """How often the angles [T] of replicas, radians, go from one well of all of them to another.

    Frames within `MARGIN_DEGREES` of a boundary count to the well before, so that a torsion that touches a boundary, or
    crosses it and comes straight back, has not gone.
    """
    ends = well_ends(np.concatenate(list(replicas)))
    if len(ends) < 2:
        return 0
    found = 0
    for angles in replicas:
        apart = np.abs(np.angle(np.exp(1j * (angles[:, None] - ends)))).min(axis=1)
        inside = well_indices(angles, ends)[apart > np.radians(MARGIN_DEGREES)]
        found += int((np.diff(inside) != 0).sum())
    return found
