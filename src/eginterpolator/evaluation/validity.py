"""Validity of frames: no bond far from its usual length, no clash (SPEC section 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdmolops

from eginterpolator.errors import InputError
from eginterpolator.evaluation.features import lengths
from eginterpolator.molecule import Molecule

SHORTEST, LONGEST = 0.75, 1.3
CLASH_ANGSTROM = {(False, False): 2.1, (False, True): 1.4, (True, True): 1.2}
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


def mean_lengths(molecule: Molecule, frames: Sequence[np.ndarray]) -> np.ndarray:
    """Mean length of each heavy bond over trajectories [T, N, 3]: float64 [heavy bonds], Å, for `frame_valid`."""
    total = np.sum([lengths(x, molecule.heavy_bonds).sum(axis=0) for x in frames], axis=0)
    return np.asarray(total / sum(len(x) for x in frames))


def frame_valid(molecule: Molecule, positions: np.ndarray, reference_lengths: np.ndarray | None = None) -> np.ndarray:
    """Whether each frame is valid; bool [T].

    A frame is valid when it is finite, every bond has 0.75 to 1.3 times its reference mean, and no two atoms more
    than three bonds apart are nearer than 2.1 Å (heavy atoms), 1.4 Å (one hydrogen) or 1.2 Å (two hydrogens). The
    limits leave all of 188,000 frames of MD at 300 K valid (47 QM9 molecules, OBC2, all atoms): there such pairs came
    as near as 2.46, 1.51 (a hydrogen bond) and 1.43 Å, and bonds had 0.84 to 1.22 times `usual_lengths`.

    Parameters
    ----------
    molecule : Molecule
    positions : [T, n_atoms, 3] or [T, n_heavy, 3], Å
    reference_lengths : [heavy bonds] or [bonds], optional
        Mean length of each of `molecule.heavy_bonds` or `molecule.bonds`, Å. Bonds without one have `usual_lengths`.

    Raises
    ------
    InputError
        When there is another number of reference lengths.
    """
    n = positions.shape[1]
    bonds = molecule.bonds if n == molecule.n_atoms else molecule.heavy_bonds
    mean = usual_lengths(molecule, bonds)
    if reference_lengths is not None:
        heavy = (bonds < molecule.n_heavy).all(axis=1)
        if len(reference_lengths) == len(molecule.heavy_bonds):
            mean[heavy] = reference_lengths
        elif len(reference_lengths) == len(molecule.bonds):
            all_heavy = (molecule.bonds < molecule.n_heavy).all(axis=1)
            mean = reference_lengths if n == molecule.n_atoms else np.asarray(reference_lengths)[all_heavy]
        else:
            raise InputError(
                f"There are {len(reference_lengths)} reference lengths; give one for each of the "
                f"{len(molecule.heavy_bonds)} heavy bonds or {len(molecule.bonds)} bonds of '{molecule.name}'."
            )
    valid = np.isfinite(positions).all(axis=(1, 2))
    with np.errstate(invalid="ignore", over="ignore"):
        if len(bonds):
            ratio = lengths(positions, bonds) / mean
            valid &= ((ratio <= LONGEST) & (ratio >= SHORTEST)).all(axis=1)
        separation = rdmolops.GetDistanceMatrix(molecule.rdmol)[:n, :n]
        first, second = np.nonzero(np.triu(separation > 3))
        if len(first):
            hydrogen = molecule.atomic_numbers == 1
            pairs = zip(hydrogen[first], hydrogen[second], strict=True)
            limits = np.array([CLASH_ANGSTROM[bool(min(p)), bool(max(p))] for p in pairs])
            valid &= (lengths(positions, np.stack([first, second], axis=1)) >= limits).all(axis=1)
    return valid


def valid_share(molecule: Molecule, positions: np.ndarray, reference_lengths: np.ndarray | None = None) -> float:
    """Share of valid frames; see `frame_valid`."""
    return float(frame_valid(molecule, positions, reference_lengths).mean())
