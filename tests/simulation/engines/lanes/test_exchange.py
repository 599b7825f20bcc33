"""Exchange over the lanes: every rung has the distribution of its temperature."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders.lanes import BARRIER, crossed_barrier, share_near_zero, wanted_near_zero
from tests.builders.simulation import MISSING, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.errors import InputError
    from eginterpolator.simulation.engines.lanes.exchange import exchange, ladder, round_trips
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.engines.lanes.system import lane_system
    from tests.builders.lanes import chain, zigzag

    WIDTH = max(widths(), default=4)
    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]


def test_every_rung_has_the_populations_of_its_temperature():
    crossed = crossed_barrier()
    for rung in (0, WIDTH // 2, WIDTH - 1):
        wanted = wanted_near_zero(crossed.temperatures_K[rung])
        assert share_near_zero(crossed.positions[rung]) == pytest.approx(wanted, abs=0.08)
    assert crossed.round_trips > 10 and (crossed.accepted > 0.5).all()
    assert (np.sort(crossed.replicas, axis=0) == np.arange(WIDTH)[:, None]).all()


def test_round_trips_are_counted_from_end_to_end():
    paths = np.array([[0, 1, 2, 1, 0, 1, 2], [1, 0, 0, 0, 1, 0, 0], [2, 2, 1, 2, 2, 2, 1]])
    replicas = np.array([[np.argmax(paths[:, t] == rung) for t in range(7)] for rung in range(3)])
    assert round_trips(replicas) == 1


@pytest.mark.parametrize(("low", "high"), [(300.0, 300.0), (0.0, 300.0), (600.0, 300.0), (300.0, 5000.0)])
def test_temperatures_that_make_no_ladder_are_refused(low, high):
    with pytest.raises(InputError, match="no ladder"):
        ladder(low, high, 4)
    assert np.allclose(ladder(300.0, 600.0, 2), [300.0, 600.0])


def test_starts_and_temperatures_must_be_as_many_as_lanes():
    starts = np.broadcast_to(zigzag(4) * 10, (WIDTH - 1, 4, 3))
    with pytest.raises(InputError, match=f"needs {WIDTH} starts"):
        exchange(
            lane_system(chain(4, BARRIER)), starts, ladder(300.0, 600.0, WIDTH), n_frames=1, stride=1, seed=1
        )  # fmt: skip


def test_a_start_that_is_not_finite_is_not_exchanged():
    starts = np.array(np.broadcast_to(zigzag(3) * 10, (WIDTH, 3, 3)))
    starts[0, 1] = np.nan
    with pytest.raises(InputError, match="A start has coordinates that are not finite"):
        exchange(lane_system(chain(3)), starts, ladder(300.0, 600.0, WIDTH), n_frames=1, stride=1, seed=0)
