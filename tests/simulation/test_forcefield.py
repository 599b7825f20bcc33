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


@needs_md
def test_the_short_way_through_interchange_gives_the_same_system_and_keeps_nothing() -> None:
    import openmm
    from openff.interchange import Interchange
    from openff.interchange.smirnoff import _nonbonded

    from eginterpolator.simulation import forcefield

    zwitterion = Molecule.from_smiles("[NH3+]CC(=O)NC[C@H](Cl)S(=O)(=O)[O-]")
    off = forcefield.openff_molecule(zwitterion, SHORT)
    field = forcefield.force_field(SHORT.force_field)
    public = Interchange.from_smirnoff(field, off.to_topology(), charge_from_molecules=[off])
    ours = forcefield._interchange(field, off)
    first, second = (
        openmm.XmlSerializer.serialize(each.to_openmm(True, hydrogen_mass=SHORT.hydrogen_mass_amu))
        for each in (public, ours)
    )
    assert first == second and "PeriodicTorsionForce" in first
    assert _nonbonded._add_charges.cache_info().currsize > 0
    forcefield.clear_caches()
    assert _nonbonded._add_charges.cache_info().currsize == 0
