"""Simulations of one molecule: replicas that differ, and settings that make no run."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.errors import InputError
from tests.builders.simulation import SHORT, needs_md


@needs_md
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ns": 0.0}, "positive"),
        ({"ns": float("nan")}, "positive"),
        ({"save_ps": 0.001}, "time step"),
        ({"ns": 0.0001, "save_ps": 10.0}, "no frame"),
        ({"replicas": 0}, "one replica"),
        ({"platform": "Abacus"}, "Abacus"),
    ],
)
def test_simulate_refuses_settings_that_make_no_run(settings: dict[str, object], message: str) -> None:
    from eginterpolator.simulation.api import simulate

    with pytest.raises(InputError, match=message):
        simulate("CCO", **{"replicas": 1, "ns": 0.01, **settings})  # type: ignore[arg-type]


@needs_md
def test_simulate_gives_superposed_replicas_that_differ() -> None:
    from eginterpolator.simulation.api import simulate

    first, second = simulate("CCCO", SHORT, replicas=2, ns=0.002, save_ps=0.1)
    assert first.n_frames == second.n_frames == 20 and first.frame_ps == pytest.approx(0.1)
    assert first.positions.shape == (20, 12, 3)
    assert np.abs(first.positions - second.positions).max() > 0.1
    np.testing.assert_allclose(first.positions[:, :4].mean(axis=1), 0.0, atol=1e-4)
    alone, _ = simulate("CCCO", SHORT, replicas=2, ns=0.002, save_ps=0.1)
    np.testing.assert_array_equal(first.positions, alone.positions)
