"""Markov state models against chains whose answers are known by algebra, and against deeptime called directly."""

from __future__ import annotations

from bisect import bisect

import numpy as np
import pytest

from eginterpolator.evaluation.distributions import jensen_shannon
from eginterpolator.evaluation.kinetics import fit_tica
from eginterpolator.evaluation.msm import fit_msm, fit_states, implied_timescales, path_metrics, pcca
from tests.builders.conformers import two_wells

CHAIN = np.array([[0.90, 0.10, 0.00], [0.05, 0.85, 0.10], [0.00, 0.20, 0.80]])
STATIONARY = np.array([2.0, 4.0, 2.0]) / 8
"""Reversible: a birth-and-death chain."""


def sample(transitions: np.ndarray, n: int, seed: int, start: int = 0) -> np.ndarray:
    """A path of the chain: int64 [n]."""
    cumulated = np.cumsum(transitions, axis=1).tolist()
    state, path = start, []
    for step in np.random.default_rng(seed).random(n).tolist():
        path.append(state)
        state = bisect(cumulated[state], step)
    return np.array(path)


def test_the_chain_of_these_tests_is_what_it_says():
    assert np.allclose(STATIONARY @ CHAIN, STATIONARY)
    assert np.allclose(STATIONARY[:, None] * CHAIN, (STATIONARY[:, None] * CHAIN).T)


def test_a_known_chain_is_found_again():
    paths = [sample(CHAIN, 15_000, seed) for seed in range(4)]
    found = fit_msm(paths, 1, 3)
    assert found is not None
    states, transitions, stationary = found
    assert states.tolist() == [0, 1, 2]
    assert np.allclose(transitions, CHAIN, atol=0.01) and np.allclose(stationary, STATIONARY, atol=0.02)
    occupancy = np.bincount(np.concatenate(paths)) / 60_000
    assert np.allclose(stationary, occupancy, atol=0.01)


def test_implied_timescales_are_those_of_the_eigenvalues_at_every_lag():
    paths = [sample(CHAIN, 20_000, seed) for seed in range(4)]
    exact = -1 / np.log(np.sort(np.linalg.eigvals(CHAIN).real)[::-1][1:])
    found = implied_timescales(paths, (1, 2, 4), 3)
    assert found.shape == (3, 3) and np.isnan(found[:, 2]).all()
    assert np.allclose(found[:, 0], exact[0], rtol=0.06) and np.allclose(found[:2, 1], exact[1], rtol=0.1)


def test_implied_timescales_are_deeptimes():
    from deeptime.markov import TransitionCountEstimator
    from deeptime.markov.msm import MaximumLikelihoodMSM

    paths = [sample(CHAIN, 3000, seed) for seed in range(3)]
    for row, lag in zip(implied_timescales(paths, (1, 3), 3), (1, 3), strict=True):
        counts = TransitionCountEstimator(lag, "sliding").fit_fetch(paths).submodel_largest()
        assert row[:2] == pytest.approx(MaximumLikelihoodMSM(reversible=True).fit_fetch(counts).timescales(2), rel=3e-3)


def test_too_short_or_single_states_have_no_timescale():
    assert np.isnan(implied_timescales([np.zeros(50, dtype=np.int64)], (1,), 3)).all()
    assert fit_msm([np.array([0, 1])], 4, 2) is None


def test_pcca_finds_blocks_as_deeptime_does():
    from deeptime.markov.msm import MarkovStateModel

    random = np.random.default_rng(0)
    weights = random.random((9, 9)) + 0.2
    block = np.repeat([0, 1, 2], 3)
    weights = (weights + weights.T) * np.where(block[:, None] == block, 1.0, 0.004)
    transitions = weights / weights.sum(axis=1, keepdims=True)
    model = MarkovStateModel(transitions)
    found = pcca(transitions, model.stationary_distribution, 3)
    theirs = model.pcca(3).assignments
    assert found is not None
    for assignment in (found, theirs):
        assert [len(set(assignment[block == k])) for k in range(3)] == [1, 1, 1] and len(set(assignment)) == 3
    assert pcca(np.eye(1), np.ones(1), 2) is None


def paths_between(start: int, end: int, frames: int, count: int) -> list[np.ndarray]:
    """Paths of the chain that happen to begin and end there: rejection, no algebra."""
    found, seed = [], 0
    while len(found) < count:
        path = sample(CHAIN, frames, seed, start)
        seed += 1
        if path[-1] == end:
            found.append(path)
    return found


def test_paths_of_the_chain_itself_are_valid_and_visit_what_the_algebra_says():
    found = path_metrics(CHAIN, paths_between(0, 2, 9, 800), lag=1)
    assert found is not None
    assert found.valid == 1 and found.pairs == 1 and found.paths == 800
    assert found.jsd is not None and found.jsd < 0.03
    wrong = path_metrics(CHAIN, [np.array([0] * 5 + [1] + [2] * 3)] * 3, lag=1)
    assert wrong is not None and wrong.jsd is not None and wrong.jsd > 5 * found.jsd


def test_path_probability_by_hand():
    found = path_metrics(CHAIN, [np.array([0, 1, 2]), np.array([0, 0, 2])], lag=1)
    assert found is not None
    # 0 to 2 in two steps goes by 1 only: its probability given the ends is 1; 0-0-2 is impossible
    assert found.valid == 0.5 and found.probability == pytest.approx(0.5)
    assert found.log_probability_a_step == pytest.approx(np.log(0.10 * 0.10) / 2)
    unconnected = path_metrics(np.eye(2), [np.array([0, 1])], lag=1)
    assert unconnected is not None and (unconnected.jsd, unconnected.valid, unconnected.probability) == (None, 0, 0)
    assert path_metrics(CHAIN, [np.array([0])]) is None


def test_both_ends_are_in_whatever_the_lag():
    frames = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2])
    found = path_metrics(CHAIN, [frames], lag=4)  # steps of 10/2 frames: 0, 0, 2
    assert found is not None and found.valid == 0 and found.pairs == 1
    found = path_metrics(CHAIN, [frames], lag=3)  # of 10/3 frames: 0, 0, 1, 2
    assert found is not None and found.valid == 1


def test_metastable_states_find_the_wells():
    data = [two_wells(1500, k) for k in range(4)]
    tica = fit_tica(data)
    assert tica is not None
    states = fit_states(data, tica)
    assert states is not None and states.share_outside == 0 and states.n_metastable == 10
    left, right = data[0][data[0][:, 2] < 0], data[0][data[0][:, 2] > 0]  # by the sine of the torsion
    assert not set(states.states(left)) & set(states.states(right))
    one_well = states.occupancies([two_wells(500, 9, leave=0.0)])
    far, near = (
        jensen_shannon(one_well, states.occupancies(data)),
        jensen_shannon(states.occupancies(data[:2]), states.occupancies(data)),
    )
    assert far > 0.3 > 3 * near


def test_a_disconnected_reference_is_said_to_be_so(few_states):
    data = [two_wells(800, k, leave=0.0, start=k % 2) for k in range(3)]
    tica = fit_tica(data)
    assert tica is not None
    states, again = fit_states(data, tica), fit_states(data, tica)
    assert states is not None and again is not None and (again.lumped == states.lumped).all()
    assert 0.3 < states.share_outside < 0.7
    assert states.occupancies(data).sum() == 2400
