"""Kinetics in TITO's terms of chains and densities that are known."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.evaluation.slow_modes import (
    density_divergence,
    slowest_timescales,
    timescale_figures,
    vamp2,
)


def chain(rate: float, n: int, seed: int) -> np.ndarray:
    """Indicator of a two-state chain that goes over with probability `rate` either way, and noise: float64 [n, 2]."""
    random = np.random.default_rng(seed)
    return np.stack([(np.cumsum(random.random(n) < rate) % 2).astype(float), random.normal(size=n)], axis=1)


@pytest.mark.parametrize(("rate", "lag"), [(0.05, 1), (0.05, 2), (0.2, 2)])
def test_vamp_2_and_timescale_of_a_two_state_chain(rate, lag):
    # The eigenvalues of the chain are 1 and (1 - 2p)^lag, that of noise 0: the score is 1 + (1 - 2p)^(2 lag).
    values = [chain(rate, 30_000, seed) for seed in range(4)]
    assert vamp2(values, lag) == pytest.approx(1 + (1 - 2 * rate) ** (2 * lag), abs=0.02)
    found = slowest_timescales(values, lag)
    assert found[0] == pytest.approx(-1 / np.log(1 - 2 * rate), rel=0.08) and np.isnan(found[2:]).all()


def test_what_does_not_move_has_no_score():
    assert vamp2([np.ones((50, 2))]) is None and vamp2([]) is None and vamp2([np.zeros((50, 0))]) is None
    assert np.isnan(slowest_timescales([np.ones((50, 2))])).all()


def test_relative_errors_are_of_the_timescales_that_the_reference_has():
    nan = float("nan")
    found = timescale_figures(np.array([90.0, 30.0, nan, 5.0]), np.array([60.0, 40.0, 10.0, nan]))
    # |90 - 60|/60 = 1/2, |30 - 40|/40 = 1/4, one that ours lacks 1; the fourth has nothing to be compared with
    assert found["errors"] == pytest.approx([0.5, 0.25, 1.0]) and found["error"] == pytest.approx(0.5)
    assert found["slowest_ratio"] == 1.5 and found["slowest_within_factor_two"] == 1
    assert timescale_figures(np.array([20.0]), np.array([60.0]))["slowest_within_factor_two"] == 0
    assert timescale_figures(np.array([20.0]), np.array([nan]))["error"] is None


def test_divergence_of_two_known_densities():
    # Ours has two places, each half of the frames; theirs one of them only. With m = (3/4, 1/4):
    # divergence = (1/2 ln(2/3) + 1/2 ln 2 + ln(4/3)) / 2 nats.
    here, there = np.zeros((40, 2)), np.ones((40, 2))
    expected = (0.5 * np.log(2 / 3) + 0.5 * np.log(2) + np.log(4 / 3)) / 2
    assert density_divergence(np.concatenate([here, there]), here) == pytest.approx(expected)
    assert density_divergence(here, there) == pytest.approx(np.log(2))
    assert density_divergence(here, here) == pytest.approx(0, abs=1e-12)
    assert density_divergence(here[:, :1], there[:, :1]) is None
