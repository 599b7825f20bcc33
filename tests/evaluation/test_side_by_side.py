"""One molecule in two runs: nothing depends on which of them is named first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import feature_jsd
from eginterpolator.evaluation.side_by_side import PairConfig, compare_pair, made_by
from eginterpolator.files.trajectory import Trajectory
from tests.builders.conformers import FLEXIBLE, embedded, walk

MOLECULE = embedded(FLEXIBLE)[0]


def runs(seeds, n=300, frame_ps=5.2, among=None, stay=0.9):
    return [Trajectory(MOLECULE, walk(FLEXIBLE, n, seed, stay, among), frame_ps) for seed in seeds]


@pytest.fixture(scope="module")
def pair():
    return compare_pair(MOLECULE, runs(range(6), stay=0.95), runs(range(10, 15), among=3))


def test_sides_may_be_exchanged(pair):
    back = compare_pair(MOLECULE, runs(range(10, 15), among=3), runs(range(6), stay=0.95)).to_dict()
    there = pair.to_dict()
    for kind, values in there["jsd"].items():
        np.testing.assert_allclose(values, back["jsd"][kind])
    assert there["tica_0"] == pytest.approx(back["tica_0"], abs=1e-6)
    assert there["halves"]["a"]["torsion"] == back["halves"]["b"]["torsion"]
    assert there["torsion_times"]["a"] == back["torsion_times"]["b"]
    for one, two in zip(there["wells"], back["wells"], strict=True):
        assert one["a"] == two["b"] and one["b"] == two["a"]


def test_distances_are_those_of_the_evaluation_and_stand_out_of_the_halves(pair):
    frames = [[t.positions for t in each] for each in (runs(range(6), stay=0.95), runs(range(10, 15), among=3))]
    expected = feature_jsd(pair.features, *frames)
    for kind, values in expected.items():
        np.testing.assert_allclose(pair.jsd[kind], values)
    same = compare_pair(MOLECULE, runs(range(6)), runs(range(20, 26)))
    assert pair.jsd["torsion"].mean() > 2 * max(h["torsion"].mean() for h in pair.halves.values())
    assert same.jsd["torsion"].mean() < 1.2 * max(h["torsion"].mean() for h in same.halves.values())
    assert pair.tica_0 is not None and pair.tica_0 > same.tica_0


def test_times_and_wells_tell_the_slower_side_and_the_missing_conformers(pair):
    times = pair.to_dict()["torsion_times"]
    slow = [k for k, found in enumerate(pair.measured) if found]
    assert slow and all(times["a"]["ps"][k] > 1.3 * times["b"]["ps"][k] for k in slow)
    low, high = times["a"]["ps_95"][slow[0]]
    assert low < times["a"]["ps"][slow[0]] < high
    gone = [well for each in pair.wells for well in zip(*each.shares, strict=True)]
    assert any(one > 0.1 and two < 0.02 for one, two in gone)
    counts, span = pair.maps()
    assert counts["a"].sum() == 6 * 300 and counts["b"].sum() == 5 * 300 and (span[:, 0] < span[:, 1]).all()
    assert {k: len(x) for k, x in pair.autocorrelations().items()} == {"a": 150, "b": 150}


def test_spacings_meet_at_the_coarser_or_nowhere():
    fine = runs(range(5), n=400, frame_ps=1.3)
    met = compare_pair(MOLECULE, fine, runs(range(5, 10), n=100))
    assert met.frame_ps == 5.2 and met.sides["a"].stride == 4 and met.tica_0 is not None and not met.notes
    assert len(met.sides["a"].observed.values["torsion"]) == 2000  # distributions take every frame
    odd = compare_pair(MOLECULE, runs(range(5), frame_ps=3.0), runs(range(5, 10)))
    assert odd.tica_0 is None and "make no common spacing" in odd.notes[0]
    whole = compare_pair(MOLECULE, runs(range(5), frame_ps=3.0), runs(range(5)))
    assert whole.sides["a"].times.bound_ps == pytest.approx(3.0 / 5.2 * whole.sides["b"].times.bound_ps)


def test_a_single_trajectory_is_cut_in_halves_and_says_so():
    found = compare_pair(MOLECULE, runs([1]), runs([2]))
    assert "Fewer than 5 trajectories" in found.notes[0] and found.halves["a"]["torsion"].min() > 0
    with pytest.raises(InputError, match="A has a trajectory of fewer than two frames 5.2 ps apart"):
        compare_pair(MOLECULE, runs([1], n=2, frame_ps=1.3), runs([2]), PairConfig(frame_ps=5.2))
    with pytest.raises(InputError, match="several frame spacings"):
        compare_pair(MOLECULE, [*runs([1]), *runs([2], frame_ps=1.0)], runs([2]))


def test_stereo_and_validity_are_counted_on_each_side():
    mirrored = [replace(t, positions=t.positions * [1, 1, -1]) for t in runs([3, 4])]
    found = compare_pair(MOLECULE, runs([1]), mirrored).to_dict()["sides"]
    assert found["a"]["stereo_retention"] == 1.0 and found["b"]["stereo_retention"] == 0.0


def test_what_made_a_run_is_read_from_its_meta_data():
    assert made_by({"model": "drugs-obc2", "strength": 0.0}) == "drugs-obc2, strength 0"
    assert made_by({"engine": "lanes", "protocol": {"name": "implicit"}}) == "lanes, implicit" and made_by({}) == ""
