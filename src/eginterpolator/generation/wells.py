"""Places within a well have no memory: frames of a trajectory that lie in the same wells change places.

In MD a torsion has forgotten its place in its well within 1.3 ps, while wells last for 10 to 1000 ps
(benchmarks/LOG.md, entry 17). Noise with a memory (`diffusion.memory`) holds wells and, because it
cannot tell them apart, places in them as well. Where torsions have no other memory than that of their wells, the frames
that have all slow torsions in the same wells are exchangeable: any order of them is as likely as any other. A random
one keeps every frame, and every change of wells with its time, and forgets everything else.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

BINS = 120
WIDTH_DEGREES = 10.0
"""Of the Gaussian that smooths the histogram of a torsion."""
DEPTH = 2.0
"""A boundary between wells is a minimum of the density that many times lower than the lower one of its wells."""


def well_indices(angles: np.ndarray) -> np.ndarray:
    """The well of each of the angles [T], radians: int64 [T].

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
    ends = np.sort(edges[(minima + start) % BINS] + np.pi / BINS)  # middles of the bins
    return np.asarray(np.searchsorted(ends, angles) % max(1, len(ends)))


def shuffled_within_wells(angles: np.ndarray, movable: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """An order of the frames, int64 [T], in which those that share all of their wells have changed places at random.

    Parameters
    ----------
    angles : [T, K]
        The torsions whose wells have a memory, radians.
    movable : bool [T]
        Frames that may change places; the others, such as conditioning frames, stay.
    random : numpy.random.Generator
    """
    order = np.arange(len(angles))
    wells = np.stack([np.zeros_like(order), *(well_indices(column) for column in angles.T)], axis=1)
    state = np.unique(wells, axis=0, return_inverse=True)[1].reshape(-1)
    for each in range(state.max() + 1):
        frames = order[(state == each) & movable]
        order[frames] = random.permutation(frames)
    return order
