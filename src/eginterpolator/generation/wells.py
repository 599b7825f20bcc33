"""Places within a well have no memory: frames of a trajectory that lie in the same wells change places.

In MD a torsion has forgotten its place in its well within 1.3 ps, while wells last for 10 to 1000 ps
(benchmarks/LOG.md, entry 17). Noise with a memory (`diffusion.memory`) holds wells and, because it
cannot tell them apart, places in them as well. Where torsions have no other memory than that of their wells, the frames
that have all slow torsions in the same wells are exchangeable: any order of them is as likely as any other. A random
one keeps every frame, and every change of wells with its time, and forgets everything else.
"""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.wells import well_indices


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
