"""Explicit water: its density, and the same solute."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.protocol import ExplicitProtocol
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


@needs_md
@pytest.mark.slow
def test_explicit_water_has_its_density_and_the_same_solute() -> None:
    from eginterpolator.simulation.engines.openmm import run_replica
    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles("CC(=O)NCC[NH3+]")
    protocol = ExplicitProtocol(padding_nm=1.0, nvt_steps=500)
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
