"""Explicit water: its density, and the same solute."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.protocol import BOXES, ExplicitProtocol
from eginterpolator.simulation.solvent import box_vectors
from eginterpolator.simulation.starts import start_conformers
from tests.builders.simulation import SHORT, needs_md


def _angle_and_torsion_kj(system, positions: np.ndarray) -> float:
    import openmm

    for force in system.getForces():
        force.setForceGroup(int(isinstance(force, (openmm.HarmonicAngleForce, openmm.PeriodicTorsionForce))))
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform, {"Threads": "1"})
    context.setPositions(positions * 0.1)
    return context.getState(getEnergy=True, groups={1}).getPotentialEnergy()._value


def test_boxes_hold_the_molecule_and_its_padding():
    positions = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]])  # a rod of 1 nm
    cube = box_vectors(positions, ExplicitProtocol())
    np.testing.assert_allclose(cube, 3.0 * np.eye(3))  # twice the padding
    small = box_vectors(positions, ExplicitProtocol(**BOXES["small"]))
    assert np.linalg.norm(small, axis=1) == pytest.approx([2.4] * 3)  # the rod and 1.4 nm
    assert np.linalg.det(small) == pytest.approx(2.4**3 * np.sqrt(0.5))
    shorter = box_vectors(positions / 2, ExplicitProtocol(**BOXES["small"]))
    images = [np.linalg.norm(np.array(k) @ shorter) for k in np.ndindex(3, 3, 3) if k != (0, 0, 0)]
    assert min(images) == pytest.approx(2.15)
    with pytest.raises(InputError, match="padding_nm = 9"):
        box_vectors(positions, ExplicitProtocol(padding_nm=9.0))


@needs_md
@pytest.mark.slow
def test_explicit_water_has_its_density_and_the_same_solute() -> None:
    from eginterpolator.simulation.engines.openmm import run_replica
    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles("CC(=O)NCC[NH3+]")
    protocol = ExplicitProtocol(padding_nm=1.0, nvt_steps=500, npt_steps=0)
    start = start_conformers(molecule, 1)[0]
    system = build_system(molecule, start, protocol, seed=1)
    solute = [atom.element.atomic_number for atom in system.topology.atoms()][: molecule.n_atoms]
    assert solute == molecule.atomic_numbers.tolist()
    assert sorted(residue.name for residue in system.topology.residues()).count("CL") == 1  # neutralised
    vacuum = build_system(molecule, start, SHORT)
    in_water = _angle_and_torsion_kj(system.system, system.positions)
    assert in_water == pytest.approx(_angle_and_torsion_kj(vacuum.system, vacuum.positions), rel=1e-4)
    replica = run_replica(molecule, system, protocol, ns=0.006, save_ps=0.4, seed=1)
    assert replica.positions.shape == (15, molecule.n_atoms, 3) and replica.density_g_ml is not None
    assert 0.9 < replica.density_g_ml[-5:].mean() < 1.05
    assert abs(replica.temperature_K.mean() - 300.0) < 15.0
