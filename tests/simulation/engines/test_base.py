"""What every engine's replicas must pass: a length that holds frames, whole bonds, the isomer."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.base import SimulationError, check_frames, frame_count
from eginterpolator.simulation.protocol import ImplicitProtocol
from tests.builders.networks import CHIRAL, geometry, molecule


def test_frames_are_those_that_fit_into_the_run():
    protocol = ImplicitProtocol()
    assert frame_count(0.01, 0.4, protocol) == 25 and frame_count(0.0011, 0.4, protocol) == 2
    for ns, save_ps, message in (
        (0.0, 0.4, "must both be positive"), (1.0, float("nan"), "must both be positive"),
        (1.0, 0.001, "shorter than the time step of 4 fs"), (0.001, 2.0, "hold no frame"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            frame_count(ns, save_ps, protocol)


def test_frames_that_leave_the_molecule_are_refused():
    shape = geometry(CHIRAL)
    frames = np.repeat(shape[None], 3, axis=0)
    check_frames(molecule(CHIRAL), frames + 7.0, shape)
    torn = frames.copy()
    torn[1, 0] += 3.0
    with pytest.raises(SimulationError, match="bond 0-1 grew"):
        check_frames(molecule(CHIRAL), torn, shape)
    flipped = frames.copy()
    flipped[2] *= [1, 1, -1]
    with pytest.raises(SimulationError, match="stereo flipped in frame 2"):
        check_frames(molecule(CHIRAL), flipped, shape)
