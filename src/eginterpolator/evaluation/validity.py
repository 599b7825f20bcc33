"""Validity of frames: no bond far from its usual length, no clash (SPEC section 5)."""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdmolops

from eginterpolator.evaluation.features import lengths
from eginterpolator.molecule import Molecule

SHORTEST, LONGEST = 0.75, 1.3
CLASH_ANGSTROM = {(False, False): 2.1, (False, True): 1.6, (True, True): 1.2}
"""Least distance of atoms more than three bonds apart, by whether each is a hydrogen (see `frame_valid`)."""
_ORDERS = {"SINGLE": 0.0, "AROMATIC": -0.12, "DOUBLE": -0.19, "TRIPLE": -0.31}


def usual_lengths(molecule: Molecule, bonds: np.ndarray) -> np.ndarray:
    """Usual length of each bond [B, 2], Å: the sum of covalent radii, shortened by the bond order.

    Radii are RDKit's (Cordero et al. 2008); the shortening is that of carbon-carbon bonds (Pyykkö and Atsumi 2009:
    single 1.50, double 1.34, triple 1.20).
    """
    table = Chem.GetPeriodicTable()
    result = []
    for i, j in bonds:
        bond = molecule.rdmol.GetBondBetweenAtoms(int(i), int(j))
        radii = [
            table.GetRcovalent(bond.GetBeginAtom().GetAtomicNum()),
            table.GetRcovalent(bond.GetEndAtom().GetAtomicNum()),
        ]
        result.append(sum(radii) + _ORDERS.get(str(bond.GetBondType()), 0.0))
    return np.array(result)


def frame_valid(molecule: Molecule, positions: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
    """Whether each frame is valid; bool [T].

    A frame is valid when it is finite, every bond has 0.75 to 1.3 times its reference mean, and no two atoms more
    than three bonds apart are nearer than 2.1 Å (heavy atoms), 1.6 Å (one hydrogen) or 1.2 Å (two hydrogens).

    Parameters
    ----------
    molecule : Molecule
    positions : [T, n_atoms, 3] or [T, n_heavy, 3], Å
    reference : [T', n_atoms or n_heavy, 3], optional
        Frames that give the mean of each bond; without them `usual_lengths` are the means.
    """
    n = positions.shape[1]
    bonds = molecule.bonds if n == molecule.n_atoms else molecule.heavy_bonds
    valid = np.isfinite(positions).all(axis=(1, 2))
    mean = usual_lengths(molecule, bonds)
    if reference is not None:
        known = (bonds < reference.shape[1]).all(axis=1)
        mean[known] = lengths(reference, bonds[known]).mean(axis=0)
    if len(bonds):
        ratio = lengths(positions, bonds) / mean
        valid &= ((ratio <= LONGEST) & (ratio >= SHORTEST)).all(axis=1)
    separation = rdmolops.GetDistanceMatrix(molecule.rdmol)[:n, :n]
    first, second = np.nonzero(np.triu(separation > 3))
    if len(first):
        hydrogen = molecule.atomic_numbers == 1
        limits = np.array(
            [CLASH_ANGSTROM[bool(min(p)), bool(max(p))] for p in zip(hydrogen[first], hydrogen[second], strict=True)]
        )
        valid &= (lengths(positions, np.stack([first, second], axis=1)) >= limits).all(axis=1)
    return valid


def valid_share(molecule: Molecule, positions: np.ndarray, reference: np.ndarray | None = None) -> float:
    """Share of valid frames; see `frame_valid`."""
    return float(frame_valid(molecule, positions, reference).mean())
