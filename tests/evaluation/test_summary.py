"""Means over molecules, intervals of differences, and what may be called at the oracle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.evaluation.comparison import Comparison
from eginterpolator.evaluation.summary import differences, summarise, torsion_times


def comparison(length: float, ratios: list[float], bounded: list[bool] | None = None, tica: float | None = 0.3):
    """A comparison of one bond, and of torsions with these ratios of times, all measured."""
    times = {
        "lag_ps": 10.4, "measured": [True] * len(ratios), "ratio": ratios, "bounded": bounded or [False] * len(ratios),
    }  # fmt: skip
    modes = {"lag_ps": 10.4, "bins": 50, "vamp2_gap": 0.1, "timescale_error": 0.2, "slowest_within_factor_two": 1.0}
    return Comparison(
        jsd={"length": np.array([length]), "angle": np.zeros(0), "torsion": np.zeros(0)},
        wasserstein={"length": np.array([0.1])}, tica_0=tica, tica_01=None, msm=None, has_stereo=False,
        stereo_retention=1.0, valid=1.0, checks={}, out_of_plane={}, torsion_times=[times],
        slow_modes={**modes, "density_divergence": None}, timescales_ps={}, outside_range={"length": 0, "angle": 0},
        n_trajectories=1, n_frames=10, notes=[],
    )  # fmt: skip


def group(lengths: list[float], **others) -> dict[str, Comparison]:
    return {f"m{k}": comparison(length, **{"ratios": [1.0], **others}) for k, length in enumerate(lengths)}


def test_the_interval_of_a_difference_is_that_of_the_paired_molecules():
    oracle = group([0.1, 0.5, 0.3, 0.9, 0.2, 0.4])
    behind = group([0.11, 0.51, 0.31, 0.91, 0.21, 0.41])  # by 0.01 each, though they spread over 0.8
    found = differences(behind, oracle)["length"]
    assert found["mean"] == pytest.approx(0.01) and found["mean_95"] == pytest.approx([0.01, 0.01])
    assert found["at_oracle"] is False and found["molecules"] == 6
    # +0.01 three times and -0.01 three times: the mean is 0 and the interval holds it.
    mixed = group([0.11, 0.49, 0.31, 0.89, 0.21, 0.39])
    found = differences(mixed, oracle)["length"]
    assert found["mean"] == pytest.approx(0, abs=1e-12) and found["mean_95"][0] < 0 < found["mean_95"][1]
    assert found["at_oracle"] is True
    # Its bootstrap by hand: means of six draws of these differences.
    draws = np.random.default_rng(0).integers(6, size=(1000, 6))
    by_hand = np.array([0.01, -0.01, 0.01, -0.01, 0.01, -0.01])[draws].mean(axis=1)
    assert found["mean_95"] == pytest.approx(np.quantile(by_hand, [0.025, 0.975]))


def test_shares_have_intervals_and_differences():
    ours, theirs = group([0.1] * 6), group([0.1] * 6)
    ours["m0"] = replace(ours["m0"], valid=0.4, wasserstein={"length": np.array([0.4])})
    said = summarise(ours)
    assert said["valid"] == pytest.approx(0.9) and said["valid_95"][0] < 0.9 < said["valid_95"][1] <= 1
    assert said["stereo_retention_95"] is None
    found = differences(ours, theirs)
    assert found["valid"]["mean"] == pytest.approx(-0.1) and found["valid"]["at_oracle"] is True
    assert found["wasserstein_length"]["mean"] == pytest.approx(0.05) and "stereo_retention" not in found


def test_of_few_molecules_nothing_is_said():
    few = group([0.1, 0.5, 0.3, 0.9])
    assert differences(few, few)["length"]["at_oracle"] is None
    assert differences(few, {}) == {}


def test_differences_are_of_molecules_that_have_both():
    ours, theirs = group([0.2, 0.3]), group([0.1, 0.3, 0.9])
    ours["m1"] = replace(ours["m1"], tica_0=None)
    found = differences(ours, theirs)
    assert found["length"]["mean"] == pytest.approx(0.05) and found["length"]["molecules"] == 2
    assert found["tica_0"]["molecules"] == 1 and "angle" not in found and "density_divergence" not in found


def test_the_share_within_a_factor_of_two_and_its_difference():
    # Ours: 1.0 within in three of six molecules, 0.1 in the others: a half. Theirs: all within.
    ours = {f"m{k}": comparison(0.1, [1.0 if k % 2 else 0.1]) for k in range(6)}
    theirs = group([0.1] * 6)
    said = torsion_times(list(ours.values()))
    assert said["within_factor_two"]["mean"] == pytest.approx(0.5) and said["measured"] == 6 and said["bounds"] == 0
    low, high = said["within_factor_two"]["mean_95"]
    assert 0 <= low < 0.5 < high <= 1
    found = differences(ours, theirs)["within_factor_two"]
    assert found["mean"] == pytest.approx(-0.5) and found["at_oracle"] is False
    assert found["mean_95"] == pytest.approx([low - 1, high - 1])


def test_bounds_are_no_numbers():
    # All ratios are bounds at 1: nothing is known to be over 2, or the median to be at 1.
    all_bounds = {f"m{k}": comparison(0.1, [1.0], [True]) for k in range(5)}
    said = torsion_times(list(all_bounds.values()))
    assert said["median_ratio"] == {"mean": None, "mean_95": [None, None]} and said["bounds"] == 5
    assert said["within_factor_two"]["mean"] == 0
    assert torsion_times([comparison(0.1, [])])["within_factor_two"] is None


def test_blocks_of_an_oracle_count_once_in_the_number_of_torsions():
    one = comparison(0.1, [1.0, 3.0])
    times = one.torsion_times[0]
    oracle = replace(one, torsion_times=[times, {**times, "measured": [True, False], "ratio": [0.9, None]}])
    said = torsion_times([oracle])
    assert said["torsions"] == 2 and said["measured"] == pytest.approx(1.5)  # (2 + 1) / 2 blocks
    assert said["within_factor_two"]["mean"] == pytest.approx(2 / 3)  # of 1, 3 and 0.9


def test_lag_and_bins_stand_beside_the_figures():
    said = summarise(group([0.1, 0.2]))
    assert said["slow_modes"]["lag_ps"] == 10.4 and said["slow_modes"]["bins"] == 50
    assert said["slow_modes"]["vamp2_gap"]["mean"] == pytest.approx(0.1)
    assert said["torsion_times"]["lag_ps"] == 10.4 and said["torsion_times"]["transitions"] == 10
    assert "density_divergence" not in said["slow_modes"] and summarise({}) == {}
