"""Energies of frames against OpenMM and tblite called directly, and what a strained frame costs."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.evaluation.energy import Energies, ForceField, compare_energies, gfn2_energies, spread_frames
from tests.builders.conformers import embedded


@pytest.fixture(scope="module")
def force_field():
    pytest.importorskip("openmm", reason="the extra [md] is not installed")
    pytest.importorskip("openff.toolkit", reason="the extra [md] is not installed")
    return ForceField(embedded("CCCO")[0])


def test_energies_are_the_force_fields(force_field):
    """Against the system of the simulations, whose constraints hold no energy: bonds to hydrogen are added by hand."""
    import openmm
    from openmm import unit

    from eginterpolator.simulation.forcefield import build_system
    from eginterpolator.simulation.protocol import ImplicitProtocol

    molecule, frames = embedded("CCCO")
    found = force_field.energies(frames[:2])
    built = build_system(molecule, frames[0], ImplicitProtocol())
    lengths = {}
    for k in range(built.system.getNumConstraints()):
        i, j, length = built.system.getConstraintParameters(k)
        lengths[i, j] = length.value_in_unit(unit.nanometer)
    assert len(lengths) == 8
    bonds = next(f for f in force_field._context.getSystem().getForces() if isinstance(f, openmm.HarmonicBondForce))
    stretch = {}
    for k in range(bonds.getNumBonds()):
        i, j, rest, strength = bonds.getBondParameters(k)
        stretch[min(i, j), max(i, j)] = (rest._value, strength._value)
    context = openmm.Context(
        built.system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    for frame, energy in zip(frames[:2], found.as_they_are, strict=True):
        context.setPositions(frame / 10)
        expected = context.getState(energy=True).getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole)
        for i, j in lengths:
            rest, strength = stretch[min(i, j), max(i, j)]
            expected += 0.5 * strength * (np.linalg.norm(frame[i] - frame[j]) / 10 - rest) ** 2 / 4.184
        assert energy == pytest.approx(expected, abs=1e-3)


def test_minimising_lowers_and_a_stretched_bond_costs(force_field):
    molecule, frames = embedded("CCCO")
    strained = frames[:3].copy()
    strained[:, -1] += 0.3  # the hydroxyl's hydrogen
    plain, bad = force_field.energies(frames[:3]), force_field.energies(strained)
    assert (plain.minimised <= plain.as_they_are).all() and (bad.as_they_are > plain.as_they_are + 5).all()
    assert np.abs(bad.minimised - plain.minimised).max() < 2 and (plain.moved < 1.0).all() and (plain.moved > 0).all()
    found = compare_energies(bad, plain)
    assert found["as_they_are"]["wasserstein"] > 5 and found["minimised"]["wasserstein"] < 2
    assert min(found["minimised"]["reference"]) >= 0 and found["frames"] == {"generated": 3, "reference": 3}
    assert "gfn2" not in found


def test_energies_need_hydrogens(force_field):
    molecule, frames = embedded("CCCO")
    with pytest.raises(InputError, match="need all 12 atoms"):
        force_field.energies(frames[:1, : molecule.n_heavy])


def test_xtb_energies_are_tblites():
    interface = pytest.importorskip("tblite.interface", reason="tblite is not installed")
    molecule, frames = embedded("CCO")
    calculator = interface.Calculator("GFN2-xTB", molecule.atomic_numbers, frames[0] / 0.529177210903)
    calculator.set("verbosity", 0)
    calculator.add("alpb-solvation", "water")
    expected = calculator.singlepoint().get("energy") * 627.5094740631
    found = gfn2_energies(molecule, frames[:2])
    assert found[0] == pytest.approx(expected, abs=1e-6) and abs(found[1] - found[0]) < 5


def test_failed_energies_are_counted_and_frames_are_spread():
    one = Energies(
        np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.5, 1.0]), np.ones(3), np.array([1.0, np.nan, 2.0]), np.ones(3)
    )
    found = compare_energies(one, one)
    assert found["gfn2"]["failed"] == {"generated": 1, "reference": 1} and found["gfn2"]["wasserstein"] == 0
    assert found["as_they_are"]["generated"][2] == 2.0
    frames = [np.full((10, 1, 3), k) for k in range(4)]
    assert spread_frames(frames, 4)[:, 0, 0].tolist() == [0, 1, 2, 3] and len(spread_frames(frames, 100)) == 40
