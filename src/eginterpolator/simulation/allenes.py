"""Allenes: torsions that Sage lacks. (Of longer chains of cumulated C=C Sage has not even the bonds.)

Sage has no term about cumulated double bonds: the two ends of an allene turn freely, through each other, and its axis
of chirality is lost within picoseconds. Here the ends, which are not bonded, get a torsion for each pair of their
substituents,

    V = K (1 + cos 2 phi)

which is lowest where they stand at right angles. 2 K times the number of pairs is the barrier, taken to be 46 kcal/mol.
"""

from __future__ import annotations

from typing import Any

from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule

BARRIER_KJ = 46 * 4.184
ALLENE = Chem.MolFromSmarts("[CX3]=[CX2;!R]=[CX3]")


def hold_allenes(system: Any, molecule: Molecule) -> int:
    """Add these torsions to an OpenMM System whose first atoms are the molecule's; how many were added."""
    added = 0
    for first, middle, last in molecule.rdmol.GetSubstructMatches(ALLENE):
        left, right = (
            [n.GetIdx() for n in molecule.rdmol.GetAtomWithIdx(end).GetNeighbors() if n.GetIdx() != middle]
            for end in (first, last)
        )
        pairs = [(a, b) for a in left for b in right]
        for a, b in pairs:
            _torsions(system).addTorsion(a, first, last, b, 2, 0.0, BARRIER_KJ / (2 * len(pairs)))
        added += len(pairs)
    return added


def _torsions(system: Any) -> Any:
    import openmm

    for force in system.getForces():
        if isinstance(force, openmm.PeriodicTorsionForce):
            return force
    system.addForce(openmm.PeriodicTorsionForce())
    return system.getForce(system.getNumForces() - 1)
