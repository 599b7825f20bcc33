"""Frames that change places within wells."""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.torsion_times import autocorrelation
from eginterpolator.generation.wells import shuffled_within_wells

STAGGERED = np.radians([60.0, 180.0, -60.0])


def around(places: np.ndarray, spread: float, seed: int = 0) -> np.ndarray:
    """Angles with a normal spread (degrees) around places, in (-pi, pi]."""
    noisy = places + np.random.default_rng(seed).normal(0.0, np.radians(spread), np.shape(places))
    return np.angle(np.exp(1j * noisy))


def trajectory(n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Two torsions that jump between wells seldom, whose places in them drift slowly: wells [n, 2], angles [n, 2]."""
    random = np.random.default_rng(5)
    wells = np.cumsum(random.random((n, 2)) < 0.03, axis=0) % 3
    drift = np.radians(13.0) * np.sin(np.arange(n)[:, None] / np.array([9.0, 13.0]))
    return wells, np.angle(np.exp(1j * (STAGGERED[wells] + drift)))


def within(wells: np.ndarray, angles: np.ndarray) -> float:
    """Autocorrelation at one frame of the place in the well."""
    return float(autocorrelation(np.angle(np.exp(1j * (angles - STAGGERED[wells]))))[1].mean())


def test_wells_keep_their_times_and_places_in_them_forget():
    wells, angles = trajectory()
    order = shuffled_within_wells(angles, np.ones(len(angles), dtype=bool), np.random.default_rng(0))
    assert sorted(order) == list(range(len(angles))) and (order != np.arange(len(angles))).mean() > 0.8
    np.testing.assert_array_equal(wells[order], wells)
    assert within(wells, angles) > 0.9
    assert abs(within(wells, angles[order])) < 0.15


def test_frames_that_may_not_move_stay():
    _, angles = trajectory()
    movable = np.ones(len(angles), dtype=bool)
    movable[[0, 17, -1]] = False
    order = shuffled_within_wells(angles, movable, np.random.default_rng(0))
    assert (order[~movable] == np.flatnonzero(~movable)).all() and sorted(order) == list(range(len(angles)))


def test_without_slow_torsions_all_frames_change_places_and_the_seed_decides():
    none, movable = np.zeros((50, 0)), np.ones(50, dtype=bool)
    one, again, other = (shuffled_within_wells(none, movable, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one == again).all() and (one != other).any() and sorted(one) == list(range(50))
