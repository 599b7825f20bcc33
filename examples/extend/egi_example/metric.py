"""A metric of one's own: how compact the molecules are."""

import numpy as np

from eginterpolator.evaluation.comparison import Judged, Reference


def gyration(reference: Reference, judged: Judged) -> dict[str, float]:
    """Mean radius of gyration of the heavy atoms in Å, and its difference from the reference's."""

    def mean_radius(trajectories: list[np.ndarray]) -> float:
        frames = np.concatenate(trajectories)
        around = frames - frames.mean(axis=1, keepdims=True)
        return float(np.sqrt((around**2).sum(axis=-1).mean(axis=1)).mean())

    generated, wanted = mean_radius(judged.observed.heavy), mean_radius(reference.observed.heavy)
    return {"radius_angstrom": generated, "difference_angstrom": generated - wanted}
