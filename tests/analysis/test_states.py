"""Rotamer states of chains that are known."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.states import find_states, slow_torsions, telling
from eginterpolator.analysis.tables import Populations
from eginterpolator.analysis.wells import angles_of, find_wells
from tests.builders.wells import turned, two_state_chain

BUTANE = (0, 1, 2, 3)


def of(trajectories):
    return Populations.of_trajectories(trajectories)


@pytest.fixture(scope="module")
def known():
    """Six trajectories of butane: trans for 70 % of the time, else gauche+; 5 ps a frame."""
    random = np.random.default_rng(4)
    made = []
    for _ in range(6):
        states = two_state_chain(400, 0.95, 0.3, random)
        made.append((states, turned("CCCC", BUTANE, np.where(states, 65.0, 180.0) + random.normal(scale=8, size=400))))
    return made


def test_populations_and_lifetimes_are_those_of_the_chain(known):
    found = of([t for _, t in known])
    truth = np.concatenate([s for s, _ in known])
    first, second = found.states.rows
    assert (first.name, first.wells, second.wells) == ("S1", ["trans"], ["gauche+"])
    assert first.population == pytest.approx(1 - truth.mean(), abs=0.003) and first.low < 0.7 < first.high
    exits = sum(int((np.diff(s) == 1).sum()) for s, _ in known)
    assert first.exits == exits and first.lifetime_ps == pytest.approx((truth == 0).sum() * 5.0 / exits)
    assert first.lifetime_low_ps < 5.0 / (0.05 * 0.3) < first.lifetime_high_ps, "leaves by .05 x .3 a frame"
    assert first.stays == first.exits + sum(s[-1] == 0 for s, _ in known) and first.censored >= 6


def test_states_of_frames_and_representatives_agree_with_the_angles(known):
    trajectories = [t for _, t in known]
    found = of(trajectories)
    for (states, _), labels in zip(known, found.states.of_frames, strict=True):
        assert (states == labels).mean() > 0.99
    angles = angles_of(trajectories[0].molecule, [t.positions for t in trajectories])
    for row, centre in zip(found.states.rows, (180.0, 65.0), strict=True):
        angle = np.degrees(angles[row.sample][row.frame, 0])
        assert abs((angle - centre + 180) % 360 - 180) < 2.0


def test_the_representative_is_a_valid_frame(known):
    trajectories = [t for _, t in known]
    row = of(trajectories).states.rows[0]
    broken = [t.positions.copy() for t in trajectories]
    broken[row.sample][row.frame, 4] += 3.0  # a hydrogen far away leaves the torsion as it was
    molecule = trajectories[0].molecule
    angles = angles_of(molecule, broken)
    torsions = find_wells(molecule, angles, 5.0)
    other = find_states(molecule, torsions, angles, broken, 5.0).rows[0]
    assert (other.sample, other.frame) != (row.sample, row.frame)


def test_a_state_that_is_never_left_has_a_bound():
    random = np.random.default_rng(5)
    made = [turned("CCCC", BUTANE, angle + random.normal(scale=8, size=50)) for angle in (180, 180, 180, 65, 65)]
    rows = of(made).states.rows
    assert [row.exits for row in rows] == [0, 0] and all(np.isinf(row.lifetime_ps) for row in rows)
    assert rows[0].lifetime_low_ps == pytest.approx(3 * 50 * 5.0 / 3.689, rel=1e-3)
    assert np.isinf(rows[0].median_stay_ps) and rows[0].censored == rows[0].stays == 3


def test_torsions_that_forget_at_once_make_no_states():
    random = np.random.default_rng(6)
    fast = [turned("CCCC", BUTANE, random.choice([180.0, 65.0], 200) + random.normal(scale=8, size=200))]
    found = of(fast)
    assert found.torsions[0].n_wells == 2 and slow_torsions(found.torsions, 5.0) == []
    assert [row.population for row in found.states.rows] == [1.0] and "one state" in found.made_of()


def test_torsions_that_follow_from_others_are_left_out():
    random = np.random.default_rng(7)
    first, third = random.integers(2, size=500), random.integers(3, size=500)
    wells = np.stack([first, 1 - first, third, np.zeros(500, dtype=np.int64)], axis=1)
    assert telling(wells, [0, 1, 2, 3]) == [0, 2]
    many = random.integers(2, size=(500, 9))
    assert telling(many, [8, 7, 6, 5, 4, 3, 2, 1, 0]) == [3, 4, 5, 6, 7, 8], "the six slowest, in the molecule's order"


def test_single_frames_have_states_and_no_lifetimes():
    one = [turned("CCCC", BUTANE, np.array([a])) for a in [180.0] * 6 + [65.0] * 4]
    rows = of(one).states.rows
    assert [row.population for row in rows] == [0.6, 0.4] and np.isnan(rows[0].lifetime_ps) and rows[0].stays == 0
