"""The cut at 95 % of the kinetic variance, the joint range of three sets, and when there is no TICA_0,1."""

from __future__ import annotations

import numpy as np
import pytest
from deeptime.decomposition import TICA
from scipy.spatial.distance import jensenshannon

from eginterpolator.evaluation.published_protocol.tica import (
    components_held,
    fit_kinetic_map,
    joint_edges,
    on_circle,
    tica_jsd,
)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([0.9, 0.3, 0.1], 2),  # .81 / .91 = .890, .90 / .91 = .989
        ([0.9, 0.2, 0.05], 1),  # .81 / .8525 = .9501
        ([0.9, 0.21, 0.05], 2),  # .81 / .8566 = .9456
        ([0.5, 0.5, 0.5, 0.5], 4),  # .25, .5, .75, 1
        ([0.8], 1),
    ],
)
def test_components_that_hold_95_percent_of_the_kinetic_variance(values, count):
    assert components_held(np.array(values)) == count


def mixed(seed: int, n_frames: int = 400, slow: int = 5) -> np.ndarray:
    """Five AR(1) processes of different memory, mixed: float64 [T, 5]."""
    random = np.random.default_rng(seed)
    memory = np.array([0.95, 0.9, 0.7, 0.3, 0.05])[:slow]
    rows = [random.normal(size=slow)]
    for _ in range(n_frames - 1):
        rows.append(memory * rows[-1] + np.sqrt(1 - memory**2) * random.normal(size=slow))
    return np.array(rows) @ np.random.default_rng(9).normal(size=(slow, slow))


@pytest.mark.parametrize("lag", [2, 10])
def test_the_kinetic_map_is_deeptimes(lag):
    """deeptime's own scaling and cut, fitted on the same pairs, give the same components up to the sign."""
    windows = [mixed(seed) for seed in range(6)]
    ours = fit_kinetic_map(windows, lag)
    estimator = TICA(lagtime=lag, scaling="kinetic_map", var_cutoff=0.95)
    for window in windows:
        estimator.partial_fit((window[:-lag], window[lag:]))
    theirs = estimator.fetch_model().transform(windows[0])
    projected = ours.project(windows[0])
    assert projected.shape == theirs.shape and 1 < ours.n_components < 5, "the cut leaves some out"
    assert np.abs(projected) == pytest.approx(np.abs(theirs), abs=1e-8)


def test_what_does_not_move_has_no_components():
    assert fit_kinetic_map([on_circle(np.zeros((50, 2)))] * 3, 2) is None
    assert fit_kinetic_map([np.zeros((50, 0))] * 3, 2) is None


def test_one_torsion_leaves_two_components_at_most_and_no_tica_01():
    """cos and sin of one torsion: two features."""
    random = np.random.default_rng(0)
    angles = [np.cumsum(random.normal(0, 0.3, (500, 1)), axis=0) for _ in range(4)]
    known = fit_kinetic_map([on_circle(x) for x in angles], 2)
    points = known.project(on_circle(angles[0]))
    assert known.n_components == 2
    first, both = tica_jsd(points, points, joint_edges([points]))
    assert first == 0 and both is None


def test_distances_by_hand_with_three_components():
    """First component: ours in two bins by halves, theirs in one: p = (1/2, 1/2), q = (1, 0), JSD^2 as below.

    First two: ours in cells A and B, theirs in A and C, each by halves: m = (1/2, 1/4, 1/4), so JSD^2 = (ln 2) / 2.
    """
    ours = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    theirs = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    first, both = tica_jsd(ours, theirs, joint_edges([ours, theirs]))
    expected = np.sqrt((0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(2) + np.log(1 / 0.75)) / 2)
    assert first == pytest.approx(expected) == pytest.approx(jensenshannon([0.5, 0.5], [1, 0]))
    assert both == pytest.approx(np.sqrt(np.log(2) / 2))


def test_two_components_give_the_first_only():
    ours, theirs = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 0.0]])
    assert tica_jsd(ours, theirs, joint_edges([ours, theirs]))[1] is None


def test_the_range_is_that_of_all_three_sets():
    """Ours at 0, theirs at .5: apart by themselves (sqrt(ln 2)); MD at 100 makes bins of 1, where they are together."""
    ours, theirs, md = np.array([[0.0], [0.0]]), np.array([[0.5], [0.5]]), np.array([[0.0], [100.0]])
    apart, _ = tica_jsd(ours, theirs, joint_edges([ours, theirs]))
    edges = joint_edges([ours, theirs, md])
    assert apart == pytest.approx(np.sqrt(np.log(2))) and tica_jsd(ours, theirs, edges)[0] == 0
    assert len(edges) == 1 and len(edges[0]) == 101 and (edges[0][0], edges[0][-1]) == (0.0, 100.0)
