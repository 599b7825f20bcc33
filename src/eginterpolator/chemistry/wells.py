"""Wells of a torsion: where they end on the circle, which one an angle lies in, and how often it goes to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
    density = smoothed(counts, WIDTH_DEGREES * BINS / 360)
    # from the highest maximum once around, so that every minimum has its maxima beside it
    start = int(density.argmax())
    around = np.append(np.roll(density, -start), density[start])
    minima = deep_minima(np.log(around + 1e-6), float(np.log(DEPTH)))
    return np.asarray(np.sort(edges[(minima + start) % BINS] + np.pi / BINS))  # middles of the bins


def smoothed(values: np.ndarray, width: float) -> np.ndarray:
    """Values [K] on a circle under a Gaussian of standard deviation `width`, cut off at four of them: float64 [K].

    As `scipy.ndimage.gaussian_filter1d` with mode 'wrap', to the last bit where K is larger than eight widths. Its
    import, with that of `scipy.signal`, took .7 s of the start of `egi generate`.
    """
    reach = int(4 * width + 0.5)
    weights = np.exp(-0.5 / width**2 * np.arange(-reach, reach + 1) ** 2)
    weights /= weights.sum()
    result = values * weights[reach]
    for away in range(reach, 0, -1):
        result += (np.roll(values, away) + np.roll(values, -away)) * weights[reach - away]
    return np.asarray(result)


def deep_minima(values: np.ndarray, depth: float) -> np.ndarray:
    """Where values [K] have minima, ends left out, that are `depth` below the maxima on both sides: int64, ascending.

    A maximum counts up to where values fall below the minimum; of equal values in a row it is their middle. As
    `scipy.signal.find_peaks` of the negative values finds them by their prominence.
    """
    found = []
    change = np.flatnonzero(np.diff(values))  # the last one of each stretch of equal values, but the whole last stretch
    for before, last in zip(change[:-1], change[1:], strict=True):
        if values[before] > values[last] < values[last + 1]:
            lower = np.flatnonzero(values < values[last])
            left, right = lower[lower < last].max(initial=-1), lower[lower > last].min(initial=len(values))
            sides = values[left + 1 : last].max(), values[last + 1 : right].max()
            if min(sides) - values[last] >= depth:
                found.append((before + 1 + last) // 2)
    return np.array(found, dtype=np.int64)


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
