"""Movers, their wells, and rates from counts and a prior."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.jumps import Mover, corrected_shares, jump_rates, movers, together, weights
from eginterpolator.analysis.wells import settled_wells
from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule


def test_torsions_of_a_ring_system_move_together():
    molecule = Molecule.from_smiles("CC[C@@H]1CC[C@@H]2CCCC[C@@H]2C1")  # decalin with an ethyl group
    groups = together(molecule)
    assert sorted(k for group in groups for k in group) == list(range(len(torsion_quadruples(molecule))))
    assert sorted(len(group) for group in groups) == [1, 12]


def test_the_prior_alone_forgets_with_its_own_time():
    shares = np.array([0.2, 0.3, 0.5])
    rates = jump_rates(shares, np.zeros((3, 3)), np.zeros(3), 40.0)
    mover = Mover((0,), np.zeros(1, dtype=np.int64), shares, rates, 0, 40.0)
    assert mover.time_ps == pytest.approx(40.0)
    once = jump_rates(shares, np.zeros((3, 3)), np.array([0.0, 0.0, 1e9]), 40.0)
    assert -once[2, 2] * 1e9 == pytest.approx(0.75, rel=0.01)  # a jumps out of a well, however many wells there are
    # every correlation falls as exp(-t / tau): K = exp(-t / tau) 1 + (1 - exp(-t / tau)) shares
    left = np.exp(-5.2 / 40.0)
    np.testing.assert_allclose(mover.kernel(5.2), left * np.eye(3) + (1 - left) * shares, atol=1e-9)


def test_rates_are_the_counted_ones_where_there_is_much_to_count_and_obey_detailed_balance():
    shares = np.array([0.25, 0.75])
    # 1/30 ps from the first well, and so 1/90 ps from the second, seen for 3000 ps of the shares
    counts, spent = np.array([[0.0, 25.0], [25.0, 0.0]]), 3000.0 * shares
    rates = jump_rates(shares, counts, spent, 500.0)
    assert shares @ rates == pytest.approx(np.zeros(2), abs=1e-15)
    # by hand: c = (50 + .75) / (3000 + 3000 + .75 * 500 / (.25 * .75))
    assert rates[0, 1] == pytest.approx(50.75 / (6000 + 2000) / 0.25)
    assert jump_rates(shares, 100 * counts, 100 * spent, 500.0)[0, 1] == pytest.approx(1 / 30, rel=5e-3)


def test_a_touch_of_the_boundary_is_no_jump():
    ends = np.radians([-120.0, 120.0])
    angles = np.radians([100.0, 118.0, 122.0, 110.0, 130.0, 150.0, 180.0, -170.0, 119.0])
    assert (
        len(set(settled_wells(angles, ends)[:5])) == 1
        and settled_wells(angles, ends)[5] != settled_wells(angles, ends)[4]
    )
    assert settled_wells(angles, ends)[-1] == settled_wells(angles, ends)[-2]
    assert settled_wells(np.radians([119.0, 121.0]), ends).tolist() == [1, 0]  # none is inside: as they lie


def test_jumps_of_simulations_are_counted_in_the_wells_of_the_pool():
    molecule = Molecule.from_smiles("CCCO")
    assert len(torsion_quadruples(molecule)) == 1
    random = np.random.default_rng(0)
    pool = np.radians(np.concatenate([np.full(300, 60.0), np.full(700, 180.0)]) + random.normal(0, 8, 1000))[:, None]
    path = np.repeat([60.0, 180.0, 60.0, 180.0], [30, 70, 30, 70]) + random.normal(0, 8, 200)
    paths = [np.radians(path)[:, None]] * 2
    (found,) = movers(molecule, pool, paths, 1.0, np.array([20.0]), spread=0)
    assert found.torsions == (0,) and found.jumps == 6 and found.prior_ps == 20.0
    assert sorted(found.shares.tolist()) == [0.3, 0.7] and found.wells.shape == (1000,)
    # by hand: 6 jumps; 120 ps / .3 + 280 ps / .7 = 800 ps
    conductance = (6 + 0.75) / (800 + 0.75 * 20 / (0.3 * 0.7))
    small = int(found.shares.argmin())
    assert found.rates[small, 1 - small] == pytest.approx(conductance / 0.3)
    (firm,) = movers(molecule, pool, paths, 1.0, np.array([20.0]), np.array([3.0]), spread=0)  # an a of its own
    conductance = (6 + 3) / (800 + 3 * 20 / (0.3 * 0.7))
    assert firm.rates[small, 1 - small] == pytest.approx(conductance / 0.3)
    (corrected,) = movers(molecule, pool, paths, 1.0, np.array([20.0]))
    assert 0.18 < corrected.shares.min() < 0.28  # 4 jumps in 120 ps and 2 in 280 ps alone would say .176
    assert movers(molecule, pool[:300], [], 1.0, np.array([20.0])) == []  # one well only
    assert [len(each) for each in found.paths] == [200, 200]
    (unseen,) = movers(molecule, pool[:300], paths, 1.0, np.array([20.0]), spread=0)  # a well that only MD visits
    assert sorted(unseen.shares.tolist()) == pytest.approx([0.5 / 300.5, 300 / 300.5])


def test_jumps_to_and_fro_correct_the_shares_of_the_frames():
    own = np.array([0.5, 0.5])
    none = np.zeros((2, 2))
    assert corrected_shares(own, none, np.zeros(2)) == pytest.approx(own)
    # simulations started from such frames: 4 to 1 in rates, whatever the time that they spent in each well
    counts, spent = np.array([[0.0, 400.0], [400.0, 0.0]]), np.array([4000.0, 1000.0])
    assert corrected_shares(own, counts, spent) == pytest.approx([0.8, 0.2], abs=0.005)
    few = corrected_shares(own, counts / 100, spent / 100)
    assert 0.55 < few[0] < 0.78  # four jumps each way: something between
    # time spent in wells that nothing left says nothing of their shares
    assert corrected_shares(own, none, np.array([9000.0, 1000.0])) == pytest.approx(own)
    three = corrected_shares(np.array([0.4, 0.3, 0.3]), np.diag([50.0, 50.0], 1) + np.diag([50.0, 50.0], -1),
                             np.array([500.0, 250.0, 250.0]))  # fmt: skip
    assert three.sum() == pytest.approx(1) and three[0] > 0.4


def test_shares_of_wells_that_jump_among_themselves_keep_what_they_have_together():
    """Of two pairs of wells each pair exchanges: its ratio is the jumps', and what it has together the frames'."""
    counts = np.zeros((4, 4))
    counts[0, 1] = counts[1, 0] = counts[2, 3] = counts[3, 2] = 1000.0
    spent = np.array([3000.0, 1000.0, 500.0, 8000.0])
    found = corrected_shares(np.array([0.3, 0.1, 0.3, 0.3]), counts, spent)
    assert found[0] / found[1] == pytest.approx(3, rel=0.01) and found[3] / found[2] == pytest.approx(16, rel=0.02)
    # by hand: the pairs keep the product of their shares, which is what the penalty sees of their size
    assert found[0] * found[1] / (found[2] * found[3]) == pytest.approx(0.03 / 0.09, rel=0.01)


def test_weights_give_movers_their_shares_and_keep_what_frames_know_of_them_together():
    wells = np.array([[0, 0]] * 40 + [[0, 1]] * 10 + [[1, 0]] * 10 + [[1, 1]] * 40)
    wanted = [np.array([0.7, 0.3]), np.array([0.6, 0.4])]
    movers = [Mover((m,), wells[:, m], wanted[m], np.zeros((2, 2)), 0, 1.0) for m in range(2)]
    found = weights(movers, wells)
    joint = np.array([[found[(wells == (i, j)).all(axis=1)].sum() for j in range(2)] for i in range(2)])
    np.testing.assert_allclose([joint.sum(axis=1), joint.sum(axis=0)], wanted, atol=1e-5)
    assert joint[0, 0] * joint[1, 1] / (joint[0, 1] * joint[1, 0]) == pytest.approx(16, rel=1e-3)
    assert weights([], np.empty((4, 0))) == pytest.approx(np.full(4, 0.25))
