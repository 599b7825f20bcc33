"""The torsions of the published evaluation: those of the bonds that turn, and one of each ring (SPEC section 5, A)."""

from __future__ import annotations

import numpy as np
from rdkit.Chem import TorsionFingerprints

from eginterpolator.chemistry.features import FeatureSet, angle_triples, torsions
from eginterpolator.chemistry.molecule import Molecule


def published_torsions(molecule: Molecule) -> np.ndarray:
    """RDKit's torsion fingerprint of the molecule with its hydrogens, int64 [K, 4] as indices of heavy atoms.

    One quadruple a rotatable bond, the first of those that RDKit holds equivalent, then the first of each ring whose
    atoms are not all aromatic. A ring of three gives a-b-c-a, which is 0 in every frame. Which quadruple is the first
    depends on the hydrogens (atom invariants, order of rings). Quadruples hold no hydrogen, and a `Molecule` has its
    heavy atoms first, so that both molecules number them alike.
    """
    mol = molecule.rdmol
    chain, rings = TorsionFingerprints.CalculateTorsionLists(mol)
    rows = [tuple(quadruples[0]) for quadruples, _ in chain]
    for quadruples, _ in rings:
        atoms = {index for quadruple in quadruples for index in quadruple}
        if not all(mol.GetAtomWithIdx(index).GetIsAromatic() for index in atoms):
            rows.append(tuple(quadruples[0]))
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def published_features(molecule: Molecule) -> FeatureSet:
    """Bonds and angles of the heavy atoms, as everywhere, and `published_torsions`."""
    return FeatureSet(molecule.heavy_bonds, angle_triples(molecule), published_torsions(molecule))


def torsion_angles(positions: np.ndarray, quadruples: np.ndarray) -> np.ndarray:
    """Torsions [K, 4] in positions [T, N, 3]: float64 [T, K], radians; exactly 0 of a quadruple a-b-c-a."""
    flat = quadruples[:, 0] == quadruples[:, 3]
    return np.where(flat, 0.0, torsions(positions, quadruples))
