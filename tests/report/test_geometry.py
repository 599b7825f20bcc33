"""Superposition and the principal frame keep handedness."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.report import geometry
from tests.builders.pages import distances

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


def test_superposition_is_a_rotation_that_finds_the_way_back(trajectory):
    rng = np.random.default_rng(0)
    frame = trajectory.positions[0].astype(float)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation[:, 0] *= np.sign(np.linalg.det(rotation))
    back = geometry.superpose((frame @ rotation.T + [4.0, -2.0, 7.0])[None], frame, trajectory.molecule.n_heavy)
    np.testing.assert_allclose(back[0], frame, atol=1e-6)
    mirrored = geometry.superpose(frame[None] * [-1, 1, 1], frame, trajectory.molecule.n_heavy)
    assert np.abs(mirrored[0] - frame).max() > 0.3, "superposition must not turn a molecule into its mirror image"


def test_principal_frame_keeps_handedness_and_lies_along_x(trajectory):
    frame = trajectory.positions[0].astype(float)
    turned = geometry.principal_frame(frame, trajectory.molecule.n_heavy)
    np.testing.assert_allclose(distances(turned[None]), distances(frame[None]), atol=1e-6)
    triple = [turned[i] - turned[0] for i in (1, 2, 3)]
    wanted = [frame[i] - frame[0] for i in (1, 2, 3)]
    assert np.sign(np.linalg.det(triple)) == np.sign(np.linalg.det(wanted))
    spread = turned[: trajectory.molecule.n_heavy].std(axis=0)
    assert spread[0] >= spread[1] >= spread[2]
