"""Movers, their wells, and rates from counts and a prior."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.analysis.jumps import Mover, jump_rates, movers, together
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
    (found,) = movers(molecule, pool, [np.radians(path)[:, None]] * 2, 1.0, np.array([20.0]))
    assert found.torsions == (0,) and found.jumps == 6 and found.prior_ps == 20.0
    assert sorted(found.shares.tolist()) == [0.3, 0.7] and found.wells.shape == (1000,)
    # by hand: 6 jumps; 120 ps / .3 + 280 ps / .7 = 800 ps
    conductance = (6 + 0.75) / (800 + 0.75 * 20 / (0.3 * 0.7))
    small = int(found.shares.argmin())
    assert found.rates[small, 1 - small] == pytest.approx(conductance / 0.3)
    assert movers(molecule, pool[:300], [], 1.0, np.array([20.0])) == []  # one well only
