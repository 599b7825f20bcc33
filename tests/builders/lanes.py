"""Systems for the engine of lanes: of real molecules, and of a few particles whose distribution is known."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule

MOLECULES = {
    "alcohol": "CC[C@H](O)C#CCOC",
    "cation": "C[NH2+]CCc1ccc(O)cc1",
    "sulfonamide": "CS(=O)(=O)Nc1ccc(Cl)cc1",
    "bromide": "OCC(Br)=C",
}


@cache
def parametrised(name: str, protocol: str = "implicit") -> tuple[Any, np.ndarray]:
    """OpenMM System of a molecule, and 16 starts in Å."""
    from eginterpolator.simulation.forcefield import build_system
    from eginterpolator.simulation.protocol import protocol_named
    from eginterpolator.simulation.starts import start_conformers

    molecule = Molecule.from_smiles(MOLECULES[name])
    starts = start_conformers(molecule, 16, seed=1)
    return build_system(molecule, starts[0], protocol_named(protocol)).system, starts


def chain(n: int, torsion: list[tuple[int, float, float]] = (), bond: float = 2e5) -> Any:  # type: ignore[assignment]
    """A chain of `n` particles of 12 amu, .15 nm apart, at 110 degrees, without nonbonded terms.

    `torsion` holds (period, phase, constant in kJ/mol) of the one torsion of four particles.
    """
    import openmm

    system = openmm.System()
    bonds, angles, torsions = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce(), openmm.PeriodicTorsionForce()
    nonbonded = openmm.NonbondedForce()
    for _ in range(n):
        system.addParticle(12.0)
        nonbonded.addParticle(0.0, 0.3, 0.0)
    for i in range(n - 1):
        bonds.addBond(i, i + 1, 0.15, bond)
    for i in range(n - 2):
        angles.addAngle(i, i + 1, i + 2, np.radians(110.0), 500.0)
    for period, phase, constant in torsion:
        torsions.addTorsion(0, 1, 2, 3, period, phase, constant)
    for force in (bonds, angles, torsions, nonbonded):
        system.addForce(force)
    return system


def zigzag(n: int) -> np.ndarray:
    """Positions of a chain, nm [n, 3]."""
    k = np.arange(n)
    return np.stack([0.12 * k, 0.09 * (k % 2), 0.01 * k**2], axis=1)
