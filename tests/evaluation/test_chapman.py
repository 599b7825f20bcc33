"""The Chapman-Kolmogorov test of chains that are Markov's, and of one that is not."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.evaluation.chapman import STEPS, chapman_kolmogorov, foretold, staying
from eginterpolator.evaluation.kinetics import fit_tica
from eginterpolator.evaluation.msm import LAG_FRAMES, fit_states
from tests.builders.conformers import two_wells


def test_what_stays_is_counted_by_hand(monkeypatch):
    monkeypatch.setattr("eginterpolator.evaluation.chapman.ENOUGH", 2)
    states = [np.array([0, 0, 1, 0]), np.array([0, 0])]
    # lag 1: starts in 0 at 0, 1 and 0 of the second, ends in 0 for the first and the third; lag 2: starts at 0 and 1,
    # ends at 1 and 0; lag 3: one start only.
    assert staying(states, 0, [1, 2, 3]) == [pytest.approx(2 / 3), 0.5, None]


def test_what_is_foretold_is_the_power_of_the_matrix():
    # Symmetric, two states, p = 0.1: P(n) = (1 + 0.8^n) / 2. A third state of all is not connected.
    transitions = np.array([[0.9, 0.1], [0.1, 0.9]])
    model = (np.array([0, 2]), transitions, np.array([0.5, 0.5]))
    found = foretold(model, np.array([False, True, True]), 4)
    assert found == pytest.approx([(1 + 0.8**n) / 2 for n in range(1, 5)])


def test_a_markov_chain_passes_and_shuffled_frames_do_not(few_states):
    reference = [two_wells(3000, seed) for seed in range(4)]
    tica = fit_tica(reference)
    states = fit_states(reference, tica)
    shuffled = [np.random.default_rng(0).permutation(x) for x in reference]
    found = chapman_kolmogorov(states, reference, {"generated": shuffled}, 5.2)
    assert found["lags_ps"] == pytest.approx([LAG_FRAMES * 5.2 * (n + 1) for n in range(STEPS)])
    largest = found["states"][0]
    assert np.abs(np.subtract(largest["foretold"], largest["reference"])).max() < 0.08
    assert largest["reference"][0] > 0.8 and abs(largest["generated"][0] - largest["share"]) < 0.05
