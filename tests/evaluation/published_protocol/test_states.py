"""Metastable states and paths among them, on toys whose numbers can be worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import jensen_shannon
from eginterpolator.evaluation.published_protocol.states import (
    States,
    fit_published_states,
    lump,
    nearest,
    published_paths,
)

PLACES = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])


def toy(*blocks: tuple[int, int]) -> np.ndarray:
    """Points [T, 2] of a trajectory that stays in the place `state` for `frames`: (state, frames), ..."""
    return PLACES[np.repeat([state for state, _ in blocks], [frames for _, frames in blocks])]


def test_three_states_with_known_occupancies():
    """The reference is 50, 100 and 50 of 200 frames in three places, what was generated 30, 10 and 0 of 40.

    p = (3/4, 1/4, 0), q = (1/4, 1/2, 1/4), m = (1/2, 3/8, 1/8). Terms of p: 3/4 ln(3/2) + 1/4 ln(2/3) = 1/2 ln(3/2);
    of q: 1/4 ln(1/2) + 1/2 ln(4/3) + 1/4 ln 2 = 1/2 ln(4/3); together 1/2 ln 2, half of which is JSD^2 = (ln 2) / 4.
    """
    reference = [toy((0, 25), (1, 50), (2, 25), (1, 50), (0, 25), (2, 25))]
    states = fit_published_states(reference, lag=4)
    assert states.n_metastable == 3 and states.centres.shape == (3, 2)
    order = [int(states.of(place[None])[0]) for place in PLACES]
    assert sorted(order) == [0, 1, 2]
    occupancies = states.occupancies(reference)
    assert occupancies[order].tolist() == [50, 100, 50] and occupancies[3] == 0
    generated = states.occupancies([toy((0, 20), (1, 10)), toy((0, 10))])
    assert generated[order].tolist() == [30, 10, 0]
    assert jensen_shannon(generated, occupancies) == pytest.approx(np.sqrt(np.log(2) / 4))


def test_at_most_a_hundred_microstates_and_ten_states():
    random = np.random.default_rng(0)
    blobs = random.normal(size=(14, 2)) * 20
    stay = np.repeat(random.integers(14, size=300), 20)
    windows = np.split(blobs[stay] + random.normal(0, 0.5, (len(stay), 2)), 12)
    states = fit_published_states(windows, lag=4)
    assert len(states.centres) == 100 and states.n_metastable == 10
    assert states.occupancies(windows).sum() == len(stay)


def test_states_outside_of_the_connected_set_are_one_more():
    """The third place is never left, nor reached from the others in a window: it stands apart."""
    windows = [np.array([0, 0, 0, 1, 1, 1] * 6), np.full(20, 2)]
    states = lump(windows, PLACES, lag=1)
    assert states.n_metastable == 2 and states.lumped[2] == 2 and set(states.lumped[:2]) == {0, 1}
    assert (states.transitions[2] == 0).all() and states.transitions[:2, :2].sum(axis=1) == pytest.approx([1, 1])


def test_the_lag_is_the_msms():
    """0 1 0 1 ...: at one frame every state is left for the other, at two frames none ever is: no model."""
    windows = [np.array([0, 1] * 50)]
    assert lump(windows, PLACES[:2], lag=1) is not None and lump(windows, PLACES[:2], lag=2) is None


def test_too_few_different_frames_make_no_states():
    assert fit_published_states([np.zeros((30, 2))], lag=4) is None


def test_the_nearest_centre_is_found_in_blocks():
    points = np.random.default_rng(0).normal(size=(50, 2)) * 5
    expected = np.linalg.norm(points[:, None] - PLACES, axis=-1).argmin(axis=1)
    assert (nearest(points, PLACES, block=7) == expected).all()


CHAIN = np.zeros((4, 4))
CHAIN[:3, :3] = [[0.5, 0.5, 0.0], [0.25, 0.5, 0.25], [0.0, 0.5, 0.5]]
LINE = States(np.array([[0.0], [1.0], [2.0]]), np.arange(3), 3, CHAIN)


def path(*states: int) -> np.ndarray:
    """101 frames [101, 1] that are in the given states at frames 0, 50 and 100."""
    first, second, third = states
    return np.concatenate([np.full(26, first), np.full(50, second), np.full(25, third)])[:, None].astype(float)


def test_paths_by_hand():
    """Lag 50: two steps from 0 to 2. (T^2)_02 = .5 x .25 = .125, all of it by way of 1.

    0-1-2 is valid, .5 x .25 / .125 = 1. 0-2-2 begins with a step of probability zero: not valid, probability 0. The
    reference visits 0, 1, 2 by thirds; these paths 0 twice, 1 once, 2 three times of six.
    """
    found, notes = published_paths(LINE, [path(0, 1, 2), path(0, 2, 2)], lag=50)
    assert found.valid == 0.5 and found.probability == pytest.approx(0.5) and (found.pairs, found.paths) == (1, 2)
    assert found.jsd == pytest.approx(float(jensen_shannon(np.array([2, 1, 3]), np.array([1, 1, 1]))))
    assert notes == ["Paths: 2, where the published protocol has 900."]


def test_the_first_900_paths_count():
    found, notes = published_paths(LINE, [path(0, 1, 2)] * 900 + [path(0, 2, 2)], lag=50)
    assert found.valid == 1.0 and found.paths == 900 and notes == []


def test_paths_of_another_length_or_with_several_endpoints_are_refused():
    with pytest.raises(InputError, match=r"paths of 101 frames, and these have 100;"):
        published_paths(LINE, [path(0, 1, 2)[:100]], lag=50)
    with pytest.raises(InputError, match=r"one pair of endpoints a molecule, and these paths have 2;"):
        published_paths(LINE, [path(0, 1, 2), path(0, 1, 1)], lag=50)
