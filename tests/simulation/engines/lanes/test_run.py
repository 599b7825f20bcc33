"""Runs of many replicas: blocks, seeds, starts that cannot be used, replicas that go wrong."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders.lanes import chain, parametrised, zigzag
from tests.builders.simulation import MISSING, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.errors import InputError
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.engines.lanes.run import LaneSettings, run_lanes
    from eginterpolator.simulation.engines.lanes.system import lane_system

    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]

    SHORT = LaneSettings(n_frames=3, stride=20, equilibration_steps=20, cold_steps=100)


def test_a_replica_is_the_same_whatever_runs_beside_it():
    system, starts = parametrised("alcohol")
    seeds = list(range(16))
    every = run_lanes(lane_system(system), starts, SHORT, seeds)
    some = run_lanes(lane_system(system), starts[3:5], SHORT, seeds[3:5])
    np.testing.assert_allclose(some.positions, every.positions[3:5], atol=2e-3)
    assert every.positions.shape == (16, 3, 21, 3) and every.potential_kj.shape == (16, 3)


def test_blocks_on_several_threads_give_the_same_bytes():
    system, starts = parametrised("alcohol")
    twice, seeds = np.concatenate([starts, starts]), list(range(32))
    one = run_lanes(lane_system(system), twice, SHORT, seeds, threads=1)
    two = run_lanes(lane_system(system), twice, SHORT, seeds, threads=2)
    assert one.positions.tobytes() == two.positions.tobytes()
    assert np.abs(one.positions[:16] - one.positions[16:]).max() > 1e-3


def test_the_progress_is_told():
    system, starts = parametrised("alcohol")
    told = []
    run_lanes(
        lane_system(system), starts, SHORT, list(range(16)), on_frame=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_replica_that_comes_apart_is_not_finite_and_the_others_go_on():
    system = lane_system(chain(3))
    starts = np.broadcast_to(zigzag(3) * 10, (2, 3, 3)).copy()
    settings = LaneSettings(n_frames=3, stride=20, timestep_fs=4.0, temperature_K=[300.0, 1e16], equilibration_steps=0)
    made = run_lanes(system, starts, settings, [1, 2])
    assert np.isfinite(made.positions[0]).all()
    assert not np.isfinite(made.potential_kj[1]).all() or np.abs(made.positions[1]).max() > 1e3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x[:, :2], "do not fit"),
        (lambda x: x[0], "do not fit"),
        (lambda x: x[:0], "do not fit"),
        (lambda x: np.where(np.arange(3) == 1, np.nan, x), "not finite"),
    ],
)
def test_starts_that_cannot_be_used_are_one_sentence(spoil, message):
    starts = spoil(np.broadcast_to(zigzag(3) * 10, (2, 3, 3)).copy())
    with pytest.raises(InputError, match=message):
        run_lanes(lane_system(chain(3)), starts, SHORT, [1, 2])


def test_every_start_needs_a_seed():
    with pytest.raises(InputError, match="2 starts and 1 seeds"):
        run_lanes(lane_system(chain(3)), np.broadcast_to(zigzag(3) * 10, (2, 3, 3)), SHORT, [1])
