"""The system is Sage with NAGL's charges in OBC2."""

from __future__ import annotations

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.simulation.starts import start_conformers
from tests.builders.simulation import SHORT, needs_md


@needs_md
def test_the_system_is_sage_with_nagl_charges_in_obc2() -> None:
    import openmm

    from eginterpolator.simulation.forcefield import build_system

    molecule = Molecule.from_smiles("C[NH3+]")
    system = build_system(molecule, start_conformers(molecule, 1)[0], SHORT).system
    kinds = {type(force).__name__: force for force in system.getForces()}
    nonbonded, solvent = kinds["NonbondedForce"], kinds["GBSAOBCForce"]
    assert nonbonded.getNonbondedMethod() == openmm.NonbondedForce.NoCutoff
    charges = [nonbonded.getParticleParameters(k)[0]._value for k in range(molecule.n_atoms)]
    assert sum(charges) == pytest.approx(1.0, abs=1e-6)
    assert charges == [solvent.getParticleParameters(k)[0]._value for k in range(molecule.n_atoms)]
    assert system.getNumConstraints() == 6
    assert system.getParticleMass(molecule.n_atoms - 1)._value == pytest.approx(1.5)
    total = sum(system.getParticleMass(k)._value for k in range(molecule.n_atoms))
    assert total == pytest.approx(32.066, abs=0.01)  # repartitioned, not added
