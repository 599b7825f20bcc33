"""A trajectory at its given frames: the motion between them is spread, and nothing inside the molecule changes."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from eginterpolator.files.endpoints import Endpoint
from eginterpolator.generation.placing import placed
from tests.builders.networks import geometry, molecule

SMILES = "CCCO"


def test_a_rigid_motion_from_start_to_end_is_spread_over_the_frames():
    made, x = molecule(SMILES), geometry(SMILES).astype(np.float64)
    n = made.n_heavy
    turned = Rotation.from_rotvec([0.0, 0.0, 1.2]).apply(x) + [9.0, 0.0, 0.0]
    seen = x - x[:n].mean(axis=0)  # what the network works on: one structure, four times
    path = placed(np.repeat(seen[None], 4, axis=0), made, Endpoint.of(x, made), Endpoint.of(turned, made), seen[:n])
    np.testing.assert_allclose(path[0], x, atol=1e-4)
    np.testing.assert_allclose(path[-1], turned, atol=1e-4)
    inner = np.linalg.norm(path[:, :, None] - path[:, None], axis=-1)
    np.testing.assert_allclose(inner, np.broadcast_to(inner[:1], inner.shape), atol=1e-3)
    steps = np.diff(path[:, :n].mean(axis=1), axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:1], steps.shape), atol=1e-3)


def test_a_start_alone_moves_the_trajectory_and_stands_as_it_was_given():
    made, x = molecule(SMILES), geometry(SMILES).astype(np.float64)
    start = x + [3.0, -2.0, 1.0]
    path = placed(
        np.repeat(x[None] - x[: made.n_heavy].mean(axis=0), 3, axis=0), made, Endpoint.of(start, made), None, None
    )
    np.testing.assert_allclose(path, np.repeat(start[None], 3, axis=0), atol=1e-4)
