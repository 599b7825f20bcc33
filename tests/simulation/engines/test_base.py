"""What every engine's replicas must pass: a length that holds frames, whole bonds, the isomer."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines import ENGINES
from eginterpolator.simulation.engines.base import SimulationError, check_frames, check_starts, frame_count
from eginterpolator.simulation.protocol import ImplicitProtocol
from tests.builders.networks import CHIRAL, geometry, molecule
from tests.builders.simulation import SHORT, needs_md


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


def test_starts_that_are_not_of_the_molecule_or_not_finite_are_refused():
    starts = np.repeat(geometry(CHIRAL)[None], 2, axis=0)
    n_atoms = starts.shape[1]
    check_starts(starts, n_atoms)
    for wrong in (starts[0], starts[:0], starts[:, 1:]):
        with pytest.raises(InputError, match=r"Starts of shape .* do not fit; give \[replicas, "):
            check_starts(wrong, n_atoms)
    starts[1, 0, 2] = np.inf
    with pytest.raises(InputError, match="not finite"):
        check_starts(starts, n_atoms)


@needs_md
@pytest.mark.parametrize("name", ["openmm", "lanes"])
def test_no_engine_runs_from_a_start_that_is_not_finite(name):
    methanol = molecule("CO")
    starts = np.repeat(geometry("CO")[None], 2, axis=0)
    starts[1, 0, 2] = np.nan
    made = ENGINES[name].replicas(methanol, SHORT, starts, [1, 2], ns=0.001, save_ps=0.4)
    with pytest.raises(InputError, match="A start has coordinates that are not finite; give a structure without gaps."):
        next(iter(made))
