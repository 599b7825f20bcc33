"""Wells of torsions: told apart wherever they lie, and transitions counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from eginterpolator.chemistry.wells import count_transitions, deep_minima, smoothed, well_ends, well_indices

STAGGERED = np.radians([60.0, 180.0, -60.0])


def around(places: np.ndarray, spread: float, seed: int = 0) -> np.ndarray:
    """Angles with a normal spread (degrees) around places, in (-pi, pi]."""
    noisy = places + np.random.default_rng(seed).normal(0.0, np.radians(spread), np.shape(places))
    return np.angle(np.exp(1j * noisy))


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = np.unique(np.stack([one, other], axis=1), axis=0)
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


@pytest.mark.parametrize("turn", [0.0, 40.0, 95.0, 250.0])
def test_staggered_wells_are_told_apart_wherever_the_circle_is_cut(turn):
    truth = np.repeat([0, 1, 2], [300, 150, 60])
    wells = well_indices(around(STAGGERED[truth] + np.radians(turn), 13.0))
    assert same_partition(wells, truth)


@pytest.mark.parametrize(
    "angles",
    [
        around(np.full(500, np.pi), 20.0),
        np.zeros(7),
        np.random.default_rng(1).uniform(-np.pi, np.pi, 500),
        np.array([np.pi, -np.pi, np.pi]),
        np.array([0.3]),
    ],
    ids=["one well at the cut", "constant", "free rotation", "both ends of the circle", "one frame"],
)
def test_one_well(angles):
    assert set(well_indices(angles)) == {0}


def test_the_wells_of_others_are_those_of_their_ends():
    everything = around(STAGGERED[np.repeat([0, 1, 2], 200)], 13.0)
    ends = well_ends(everything)
    assert len(ends) == 3 and well_indices(everything[:50], ends).tolist() == well_indices(everything)[:50].tolist()


def test_transitions_are_counted_by_hand():
    quiet = around(STAGGERED[np.repeat([0, 1, 2], 200)], 10.0)  # two: from the first to the second to the third
    assert count_transitions([quiet]) == 2
    assert count_transitions([quiet[:200], quiet[200:400], quiet[400:]]) == 0  # none within a replica
    there_and_back = around(STAGGERED[[0] * 100 + [1] * 50 + [0] * 50], 10.0, seed=1)
    assert count_transitions([quiet, there_and_back]) == 4
    assert count_transitions([np.zeros(50)]) == 0


def test_a_torsion_that_touches_a_boundary_has_not_gone():
    quiet = around(STAGGERED[np.repeat([0, 1, 2], 3000)], 17.0)
    boundary = well_ends(quiet)[well_ends(quiet) > 0][0]  # between 60 and 180 degrees
    touching = np.full(100, STAGGERED[0])
    touching[20:30:2] = boundary + np.radians(5.0)  # five times beyond it, by less than the margin
    assert count_transitions([quiet, touching]) == 2
    touching[50] = STAGGERED[1]  # once into the other well, and back
    assert count_transitions([quiet, touching]) == 4


@pytest.mark.parametrize("seed", range(3))
def test_smoothing_and_minima_are_those_of_scipy(seed):
    random = np.random.default_rng(seed)
    for number in range(200):
        values = random.integers(0, 4 if number % 2 else 50, 121).astype(float)  # with stretches of equal values
        assert np.array_equal(smoothed(values, 10 / 3), gaussian_filter1d(values, 10 / 3, mode="wrap"))
        depth = 1.0 + number % 3
        wanted = find_peaks(-values, prominence=depth)[0]
        assert np.array_equal(deep_minima(values, depth), wanted)
        curve = smoothed(values, 10 / 3)
        assert np.array_equal(deep_minima(curve, 0.1 * depth), find_peaks(-curve, prominence=0.1 * depth)[0])
    assert len(deep_minima(np.zeros(9), 1.0)) == len(deep_minima(np.arange(9.0), 1.0)) == 0
