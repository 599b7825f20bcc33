"""Systems are read whole or refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders.lanes import chain, parametrised
from tests.builders.simulation import needs_md

pytestmark = needs_md


def test_the_parts_of_a_molecule_are_counted():
    from eginterpolator.simulation.engines.lanes.system import CLASSES, lane_system

    system, _ = parametrised("alcohol")
    found = lane_system(system)
    n, constraints = system.getNumParticles(), system.getNumConstraints()
    assert found.n_atoms == n and found.n_pairs == n * (n - 1) // 2
    stars = found.arrays["stars"]
    placed = np.concatenate([stars["centre"], *(star["leaf"][: star["n"]] for star in stars)])
    assert sorted(placed) == list(range(n)) and stars["n"].sum() == constraints
    assert found.n_freedom == 3 * n - constraints - 3
    rows = found.arrays["rows"]
    assert (np.diff(rows, axis=1) >= 0).all() and rows[-1, CLASSES] == found.n_pairs


def test_in_vacuum_pairs_without_forces_are_left_out():
    from eginterpolator.simulation.engines.lanes.system import lane_system

    system, _ = parametrised("alcohol")
    found = lane_system(system, vacuum=True)
    assert found.numbers["has_born"] == 0 and found.n_pairs < lane_system(system).n_pairs


def _cutoff(system):
    system.getForce(3).setNonbondedMethod(1)


def _massless(system):
    system.setParticleMass(0, 0.0)


def _foreign(system):
    import openmm

    system.addForce(openmm.CustomBondForce("r"))


def _twice(system):
    import openmm

    system.addForce(openmm.HarmonicBondForce())


def _high_period(system):
    system.getForce(2).addTorsion(0, 1, 2, 3, 7, 0.0, 1.0)


def _ring_of_constraints(system):
    for i, j in ((0, 1), (1, 2), (2, 3)):
        system.addConstraint(i, j, 0.15)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_cutoff, "cutoff"),
        (_massless, "without mass"),
        (_foreign, "a force of the kind CustomBondForce"),
        (_twice, "two forces of the kind HarmonicBondForce"),
        (_high_period, "period 7"),
        (_ring_of_constraints, "constraints"),
    ],
)
def test_what_the_engine_does_not_do_is_named(spoil, reason):
    from eginterpolator.simulation.engines.base import Unsupported
    from eginterpolator.simulation.engines.lanes.system import lane_system

    system = chain(4)
    lane_system(system)
    spoil(system)
    with pytest.raises(Unsupported, match=reason):
        lane_system(system)


def test_a_system_of_many_atoms_is_refused():
    from eginterpolator.simulation.engines.base import Unsupported
    from eginterpolator.simulation.engines.lanes.system import lane_system

    with pytest.raises(Unsupported, match="400 atoms, more than 150"):
        lane_system(chain(400))
