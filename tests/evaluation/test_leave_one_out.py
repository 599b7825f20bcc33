"""Blocks of replicas against the others: which ones, and what their mean is."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.evaluation.comparison import Reference
from eginterpolator.evaluation.distributions import feature_values, histograms, jensen_shannon
from eginterpolator.evaluation.leave_one_out import averaged, blocks, leave_one_out
from tests.builders.conformers import FLEXIBLE, embedded, walk


@pytest.mark.parametrize(
    ("replicas", "size", "expected"),
    [
        (5, None, [[0], [1], [2], [3], [4]]),
        (2, None, [[0], [1]]),
        (16, None, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]),
        (7, 2, [[0, 1, 2], [3, 4], [5, 6]]),
        (1, None, []),
        (3, 3, []),
        (4, 0, []),
    ],
)
def test_blocks(replicas, size, expected):
    assert blocks(replicas, size) == expected


def test_every_replica_is_held_against_the_others():
    # Three replicas of a molecule with one bond: two have it at 1.25 Å, one at 1.75 Å. The one against the two has
    # nothing in common with them: sqrt(ln 2). Each of the two has half of the others' frames in common, so
    # m = (3/4, 1/4): sqrt of (1/2 ln(2/3) + 1/2 ln 2 + ln(4/3)) / 2.
    molecule, _ = embedded("CC")
    frames = np.zeros((20, 2, 3))
    short, long = frames.copy(), frames.copy()
    short[:, 1, 0], long[:, 1, 0] = 1.25, 1.75
    replicas = [short, short, long]
    reference = Reference.of(molecule, replicas, 5.2)
    found = leave_one_out(reference, replicas)
    half = np.sqrt((0.5 * np.log(2 / 3) + 0.5 * np.log(2) + np.log(4 / 3)) / 2)
    expected = [half, half, np.sqrt(np.log(2))]
    assert found.folds["length"] == pytest.approx(expected)
    assert found.jsd["length"] == pytest.approx([np.mean(expected)])
    assert found.n_frames == 60 and found.n_trajectories == 3
    assert leave_one_out(reference, replicas, 3) is None


def test_frames_between_those_of_the_comparison_count_in_distributions(few_states):
    molecule, _ = embedded(FLEXIBLE)
    replicas = [walk(FLEXIBLE, 400, seed) for seed in range(4)]
    found = leave_one_out(Reference.of(molecule, replicas, 5.2, stride=4), replicas)
    features = FeatureSet.of(molecule)
    wanted = []
    for k in range(4):
        sides = [replicas[k : k + 1], [x for j, x in enumerate(replicas) if j != k]]
        counts = [histograms(feature_values(features, side)["torsion"], -np.pi, np.pi) for side in sides]
        assert counts[0].sum(axis=1).tolist() == [400] * 3
        wanted.append(jensen_shannon(*counts))
    assert found.jsd["torsion"] == pytest.approx(np.mean(wanted, axis=0))
    assert len(found.torsion_times) == 4 and found.torsion_times[0]["generated_bound_ps"] == 50 * 5.2
    assert found.slow_modes["lag_ps"] == 10.4 and len(found.folds["vamp2_gap"]) == 4


def test_the_mean_of_comparisons(few_states):
    molecule, _ = embedded(FLEXIBLE)
    known = Reference.of(molecule, [walk(FLEXIBLE, 200, seed) for seed in range(3)], 5.2)
    one, two = (known.compare([walk(FLEXIBLE, n, seed)], paths=True) for n, seed in ((100, 8), (300, 9)))
    two.checks["bonds"], two.msm, two.others = 0.5, None, {"mine": {"x": 3.0}}
    both = averaged([one, two])
    assert both.checks["bonds"] == pytest.approx((100 * one.checks["bonds"] + 300 * 0.5) / 400)
    assert both.msm == one.msm and both.others == {"mine": {"x": 3.0}}
    assert both.tica_0 == pytest.approx((one.tica_0 + two.tica_0) / 2) and both.folds["msm"] == [one.msm, None]
    assert both.paths.paths == one.paths.paths + two.paths.paths
    assert both.timescales_ps["lags_ps"] == one.timescales_ps["lags_ps"]
