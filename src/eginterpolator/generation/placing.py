"""Where a trajectory lies in space that begins, or begins and ends, at given frames."""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.frames import superpose
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.generation.sampling import Given


def given_frames(molecule: Molecule, start: Endpoint | None, end: Endpoint | None) -> Given:
    """Conditioning frames for the network: centred, the last one superposed on the first."""
    if start is None:
        return Given()
    frames = [start.heavy(molecule)] + ([end.heavy(molecule)] if end is not None else [])
    both = superpose(np.stack(frames)[None].astype(np.float64))[0].astype(np.float32)
    return Given(both[0], both[1] if end is not None else None)


def placed(
    positions: np.ndarray, molecule: Molecule, start: Endpoint, end: Endpoint | None, last: np.ndarray | None
) -> np.ndarray:
    """Move a trajectory [T, N, 3] to where the user's frames are, and put those in exactly as they were given.

    `last` [n_heavy, 3] is the end as the network saw it.

    The network worked on centred frames, the end superposed on the start. The rigid motion from the start's place to
    the end's is spread evenly over the frames, so that inside the molecule nothing changes.
    """
    begin = start.heavy(molecule).astype(np.float64)
    shift = np.repeat(begin.mean(axis=0)[None], len(positions), axis=0)
    turned = positions.astype(np.float64)
    if end is not None and last is not None:
        from scipy.spatial.transform import Rotation, Slerp

        final = end.heavy(molecule).astype(np.float64)
        share = np.linspace(0.0, 1.0, len(positions))
        shift = shift + share[:, None] * (final.mean(axis=0) - begin.mean(axis=0))
        turn = Rotation.from_matrix(_turn(last.astype(np.float64), final - final.mean(axis=0)))
        turns = Slerp([0.0, 1.0], Rotation.concatenate([Rotation.identity(), turn]))(share)
        turned = np.einsum("tij,tnj->tni", turns.as_matrix(), turned)
    result = turned + shift[:, None]
    for index, endpoint in ((0, start), (-1, end)):
        if endpoint is not None:
            count = min(len(endpoint.positions), result.shape[1])
            result[index, :count] = endpoint.positions[:count]
    return np.asarray(result)


def _turn(frame: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Rotation matrix that turns centred `frame` [N, 3] onto `onto`, any of the best ones (Kabsch 1976)."""
    u, _, vt = np.linalg.svd(onto.T @ frame)
    u[:, -1] *= np.sign(np.linalg.det(u @ vt))
    return np.asarray(u @ vt)
