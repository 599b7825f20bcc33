"""Distributions of internal coordinates against scipy, and errors over molecules."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.evaluation.distributions import (
    bootstrap,
    feature_jsd,
    feature_values,
    feature_wasserstein,
    histograms,
    jensen_shannon,
    outside_range,
    wasserstein,
)
from tests.builders.conformers import FLEXIBLE, embedded, walk


def test_jensen_shannon_is_scipys():
    random = np.random.default_rng(0)
    p, q = random.integers(0, 9, (2, 20, 100))
    assert np.allclose(jensen_shannon(p, q), jensenshannon(p, q, axis=1), atol=1e-12)
    assert jensen_shannon(np.array([1, 0]), np.array([0, 5])) == pytest.approx(np.sqrt(np.log(2)))
    # p = (1/2, 1/2), q = (1, 0): m = (3/4, 1/4), by hand
    by_hand = (0.5 * np.log(2 / 3) + 0.5 * np.log(2) + np.log(4 / 3)) / 2
    assert jensen_shannon(np.array([2, 2]), np.array([3, 0])) == pytest.approx(np.sqrt(by_hand))
    assert jensen_shannon(p, 3 * p).max() == pytest.approx(0, abs=1e-7)


def test_values_outside_the_range_count_in_the_edge_bins():
    values = np.array([[-1e30, 0.0], [0.5, 0.999], [1.0, 2.0], [1e30, 0.25]])
    counts = histograms(values, 0.0, 1.0, 4)
    assert counts.tolist() == [[1, 0, 1, 2], [1, 1, 0, 2]]
    inside = np.random.default_rng(0).uniform(0, 1, (500, 1))
    assert (histograms(inside, 0.0, 1.0, 10)[0] == np.histogram(inside, 10, (0, 1))[0]).all()


def test_long_bonds_are_counted_as_outside():
    molecule, frames = embedded("CCO")
    stretched = frames.copy()
    stretched[:5, 2] += 100.0
    features = FeatureSet.of(molecule)
    assert outside_range(feature_values(features, [frames])) == {"length": 0, "angle": 0}
    assert outside_range(feature_values(features, [frames, stretched]))["length"] == 5


def test_feature_jsd_is_scipys_on_the_pooled_frames():
    molecule, _ = embedded(FLEXIBLE)
    ours, theirs = [walk(FLEXIBLE, 60, k) for k in (1, 2)], [walk(FLEXIBLE, 80, 3)]
    features = FeatureSet.of(molecule)
    found = feature_jsd(features, ours, theirs)
    for k, pair in enumerate(features.bonds):
        sides = [np.linalg.norm(x[:, pair[0]] - x[:, pair[1]], axis=1) for x in (np.concatenate(ours), theirs[0])]
        expected = jensenshannon(*(np.histogram(side, 100, (1.0, 2.2))[0] for side in sides))
        assert found["length"][k] == pytest.approx(expected, abs=1e-9)
    assert [len(found[kind]) for kind in ("length", "angle", "torsion")] == [6, 6, 3]


def test_bootstrap_is_that_of_whole_molecules_drawn_one_by_one():
    arrays = [np.random.default_rng(k).normal(k % 3, 1, 5 + k) for k in range(20)]
    found = bootstrap(arrays, seed=1)
    random = np.random.default_rng(1)
    draws = [np.concatenate([arrays[i] for i in row]) for row in random.integers(20, size=(1000, 20))]
    assert found["mean_95"] == pytest.approx(np.quantile([d.mean() for d in draws], [0.025, 0.975]))
    assert found["median_95"] == pytest.approx(np.quantile([np.median(d) for d in draws], [0.025, 0.975]))
    joint = np.concatenate(arrays)
    assert (found["mean"], found["median"], found["count"]) == (joint.mean(), np.median(joint), len(joint))
    assert bootstrap(arrays[:1])["mean_95"] == pytest.approx([arrays[0].mean()] * 2)


def test_wasserstein_is_scipys_on_a_line_and_an_optimal_assignment_on_a_circle():
    random = np.random.default_rng(0)
    for n, m in ((40, 40), (7, 31), (1, 5)):
        u, v = random.normal(0, 1, n), random.normal(0.4, 2, m)
        assert wasserstein(u, v) == pytest.approx(wasserstein_distance(u, v))
    for centre in (0.0, 1.0, np.pi):
        u, v = (random.vonmises(centre + k, 1.5, 50) for k in (0.0, 2.8))
        cost = np.abs(np.angle(np.exp(1j * (u[:, None] - v))))
        rows, columns = linear_sum_assignment(cost)
        assert wasserstein(u, v, 2 * np.pi) == pytest.approx(cost[rows, columns].mean())
    assert wasserstein(np.array([3.1]), np.array([-3.1]), 2 * np.pi) == pytest.approx(2 * np.pi - 6.2)
    assert wasserstein(np.array([0.2, 1.0]), np.array([1.0, 0.2])) == 0


def test_feature_wasserstein_has_the_units_it_says():
    molecule, frames = embedded("CCCO")
    features = FeatureSet.of(molecule)
    values = feature_values(features, [frames])
    shifts = {"length": 0.1, "angle": -np.radians(3), "torsion": np.radians(7)}
    moved = {kind: values[kind] + shift for kind, shift in shifts.items()}
    found = feature_wasserstein(moved, values)
    assert np.allclose(found["length"], 0.1) and np.allclose(found["angle"], 3)
    assert np.all(found["torsion"] <= 7 + 1e-9) and found["torsion"].max() > 0
