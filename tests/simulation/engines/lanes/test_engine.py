"""Forces and energies are OpenMM's; what moves has the distribution that it must have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.builders.lanes import chain, parametrised, zigzag
from tests.builders.simulation import MISSING, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.errors import InputError
    from eginterpolator.simulation.engines.lanes.engine import BOLTZMANN, TERMS, Lanes
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.engines.lanes.system import lane_system

    WIDEST = max(widths(), default=4)
    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]

FORCES = ("HarmonicBondForce", "HarmonicAngleForce", "PeriodicTorsionForce", "NonbondedForce", "GBSAOBCForce")


def openmm_values(system, positions_nm: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Forces [n, 3] and energies by kind of force, kJ/mol, of one frame."""
    import openmm

    for force in system.getForces():
        name = type(force).__name__
        force.setForceGroup(FORCES.index(name) if name in FORCES else 31)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions_nm.astype(np.float64))
    forces = context.getState(getForces=True).getForces(asNumpy=True)._value
    energy = {
        name: context.getState(getEnergy=True, groups={k}).getPotentialEnergy()._value for k, name in enumerate(FORCES)
    }
    return forces, energy


@pytest.mark.parametrize("protocol", ["implicit", "vacuum"])
@pytest.mark.parametrize("name", ["alcohol", "cation", "sulfonamide", "bromide"])
def test_forces_and_energies_are_those_of_openmm(name, protocol):
    system, starts = parametrised(name, protocol)
    random = np.random.default_rng(0)
    positions = (starts[:WIDEST] * 0.1 + random.normal(0, 0.004, starts[:WIDEST].shape)).astype(np.float32)
    engine = Lanes(lane_system(system))
    engine.positions_nm = positions
    forces, energies = engine.evaluate()
    for lane in (0, WIDEST - 1):
        wanted, energy = openmm_values(system, positions[lane])
        assert np.sqrt(((forces[lane] - wanted) ** 2).mean()) < 2e-5 * np.sqrt((wanted**2).mean())
        ours = {k: float(v[lane]) for k, v in energies.items()}
        pairs = [(ours["bond"], 0), (ours["angle"], 1), (ours["torsion"], 2), (ours["pair"], 3)]
        pairs += [(ours["born"] + ours["surface"], 4)]
        for value, k in pairs:
            assert value == pytest.approx(energy[FORCES[k]], abs=0.01)


def test_narrower_builds_give_the_same_forces():
    system, starts = parametrised("alcohol")
    found = {}
    for width in widths():
        engine = Lanes(lane_system(system), width)
        engine.positions_nm = starts[:width] * 0.1
        found[width] = engine.evaluate()[0][:4]
    for forces in found.values():
        assert np.abs(forces - found[WIDEST]).max() < 5e-5 * np.abs(forces).max()


def test_close_atoms_feel_the_near_form_of_the_born_sums():
    """A folded structure, squeezed: pairs on both sides of the limit of the series."""
    system, starts = parametrised("sulfonamide")
    engine = Lanes(lane_system(system))
    positions = (starts[:WIDEST] * 0.07).astype(np.float32)
    engine.positions_nm = positions
    wanted, _ = openmm_values(system, positions[0])
    assert np.sqrt(((engine.evaluate()[0][0] - wanted) ** 2).mean()) < 2e-5 * np.sqrt((wanted**2).mean())


def sampled(system, n: int, measure: Callable[[np.ndarray], np.ndarray], frames: int, stride: int = 25) -> np.ndarray:
    """`measure` of positions [width, n, 3] nm at 300 K, [frames, width]."""
    engine = Lanes(lane_system(system))
    engine.positions_nm = np.broadcast_to(zigzag(n), (WIDEST, n, 3))
    engine.draw_velocities(300.0)
    engine.run(2000, 300.0, 10.0, 2.0)
    values = []
    for _ in range(frames):
        engine.run(stride, 300.0, 10.0, 2.0)
        values.append(measure(engine.positions_nm.astype(np.float64)))
    return np.array(values)


def test_an_oscillator_has_the_distances_of_boltzmann():
    """p(r) = r^2 exp(-k (r - r0)^2 / (2 kT)) for two particles in space."""
    k, kT = 2e4, BOLTZMANN * 300.0
    r = np.linspace(0.05, 0.25, 4001)
    weight = r**2 * np.exp(-k * (r - 0.15) ** 2 / (2 * kT))
    mean = (r * weight).sum() / weight.sum()
    spread = np.sqrt(((r - mean) ** 2 * weight).sum() / weight.sum())
    found = sampled(chain(2, bond=k), 2, lambda x: np.linalg.norm(x[:, 1] - x[:, 0], axis=-1), 3000)
    assert found.mean() == pytest.approx(mean, abs=5e-5) and found.std() == pytest.approx(spread, rel=0.02)


def test_a_torsion_has_the_populations_of_boltzmann():
    from eginterpolator.chemistry.features import torsions

    terms = [(1, 0.4, 2.0), (3, 0.0, 1.5)]
    found = sampled(chain(4, terms), 4, lambda x: torsions(x, np.array([[0, 1, 2, 3]]))[:, 0], 4000)
    edges = np.linspace(-np.pi, np.pi, 13)
    phi = np.linspace(-np.pi, np.pi, 12001)
    energy = sum(k * (1 + np.cos(n * phi - delta)) for n, delta, k in terms)
    wanted = np.histogram(phi, edges, weights=np.exp(-energy / (BOLTZMANN * 300.0)))[0]
    shares = np.histogram(found, edges)[0] / found.size
    np.testing.assert_allclose(shares, wanted / wanted.sum(), atol=0.012)


def test_temperature_and_friction_belong_to_each_lane():
    system, starts = parametrised("alcohol")
    engine = Lanes(lane_system(system))
    engine.positions_nm = starts[:WIDEST] * 0.1
    engine.settle()
    temperatures = np.linspace(150.0, 450.0, WIDEST)
    friction = np.where(np.arange(WIDEST) % 2, 5.0, 20.0)
    engine.draw_velocities(temperatures)
    engine.run(2500, temperatures, friction, 4.0)
    found = []
    for _ in range(400):
        engine.run(25, temperatures, friction, 4.0)
        found.append(engine.temperature_K())
    assert np.corrcoef(np.mean(found, axis=0), temperatures)[0, 1] > 0.99
    np.testing.assert_allclose(np.mean(found) / temperatures.mean(), 1.0, atol=0.02)
    assert engine.unconverged == 0


def test_hydrogens_stay_at_their_distances():
    system, starts = parametrised("cation")
    engine = Lanes(lane_system(system))
    engine.positions_nm = starts[:WIDEST] * 0.1
    engine.settle()
    engine.draw_velocities(300.0)
    engine.run(500, 300.0, 1.0, 4.0)
    x = engine.positions_nm.astype(np.float64)
    for k in range(system.getNumConstraints()):
        i, j, distance = system.getConstraintParameters(k)
        np.testing.assert_allclose(np.linalg.norm(x[:, i] - x[:, j], axis=-1), distance._value, rtol=2e-6)
    masses = np.array([system.getParticleMass(i)._value for i in range(system.getNumParticles())])
    np.testing.assert_allclose((x * masses[:, None]).sum(axis=1) / masses.sum(), 0.0, atol=1e-6)


def test_a_seed_gives_the_same_bytes_and_another_seed_others():
    system, starts = parametrised("bromide")
    found = []
    for seeds in (range(WIDEST), range(WIDEST), range(1, WIDEST + 1)):
        engine = Lanes(lane_system(system))
        engine.positions_nm = starts[:WIDEST] * 0.1
        engine.seed_lanes(list(seeds))
        engine.settle()
        engine.draw_velocities(300.0)
        engine.run(200, 300.0, 1.0, 4.0)
        found.append(engine.positions_nm)
    assert found[0].tobytes() == found[1].tobytes()
    assert np.abs(found[0] - found[2]).max() > 1e-3


def test_the_thermostat_draws_independent_normal_numbers():
    engine = Lanes(lane_system(chain(2)))
    z = engine.normal_numbers(40000)
    n = z.size
    assert abs(z.mean()) < 5 / np.sqrt(n) and z.std() == pytest.approx(1.0, abs=5 / np.sqrt(2 * n))
    assert (z**4).mean() == pytest.approx(3.0, abs=5 * np.sqrt(96 / n))
    assert np.abs(np.corrcoef(z.T) - np.eye(WIDEST)).max() < 6 / np.sqrt(len(z))
    assert np.abs(z).max() < 6.5


def test_a_width_that_the_processor_has_not_is_refused():
    with pytest.raises(InputError, match="no registers for 5 lanes"):
        Lanes(lane_system(chain(2)), width=5)


def test_terms_are_named():
    assert TERMS == ("bond", "angle", "torsion", "pair", "born", "surface")
