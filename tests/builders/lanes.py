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


BARRIER = [(2, np.pi, 12.0), (1, np.pi, 1.5)]
"""Wells at 0 and 180 degrees, 24 kJ/mol between them, that at 0 lower by 3 kJ/mol: plain dynamics at 300 K hardly
crosses in the time below."""


@cache
def crossed_barrier() -> Any:
    """An exchange of a torsion behind `BARRIER`, whose replicas all start in the higher well."""
    from eginterpolator.simulation.engines.lanes.exchange import exchange, ladder
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.engines.lanes.system import lane_system

    width = max(widths())
    return exchange(
        lane_system(chain(4, BARRIER)), np.broadcast_to(zigzag(4) * 10, (width, 4, 3)), ladder(300.0, 900.0, width),
        n_frames=2500, stride=100, seed=2, timestep_fs=2.0, friction_per_ps=5.0, equilibration_frames=300, swap_ps=0.1,
    )  # fmt: skip


def share_near_zero(positions: np.ndarray) -> float:
    """Share of frames [T, 4, 3] with the torsion within 90 degrees of 0."""
    from eginterpolator.chemistry.features import torsions

    return float((np.abs(torsions(positions, np.array([[0, 1, 2, 3]]))) < np.pi / 2).mean())


def wanted_near_zero(kelvin: float) -> float:
    """The same share by Boltzmann's distribution."""
    from eginterpolator.simulation.engines.lanes.engine import BOLTZMANN

    phi = np.linspace(-np.pi, np.pi, 20001)
    weight = np.exp(-sum(k * (1 + np.cos(n * phi - d)) for n, d, k in BARRIER) / (BOLTZMANN * kelvin))
    return float(weight[np.abs(phi) < np.pi / 2].sum() / weight.sum())
