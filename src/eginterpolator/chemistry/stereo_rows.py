"""R/S and E/Z of an RDKit molecule as rows of atoms with a sign, which coordinates have or have not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from rdkit import Chem

CIS = (Chem.BondStereo.STEREOZ, Chem.BondStereo.STEREOCIS)
TRANS = (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOTRANS)
TAGS = {Chem.ChiralType.CHI_TETRAHEDRAL_CCW: 1.0, Chem.ChiralType.CHI_TETRAHEDRAL_CW: -1.0}
"""Sign of det[x_a - x_i, x_b - x_i, x_c - x_i] for the first three neighbours, in the order of the bonds."""


def heavy_triples(mol: Chem.Mol, n_heavy: int) -> tuple[np.ndarray, np.ndarray]:
    """Every three heavy neighbours of each stereocentre: (i, a, b, c) int64 [K, 4], and the sign, float32 [K].

    Equation (1) of docs/method.md.
    """
    rows, signs = [], []
    for atom in mol.GetAtoms():
        sign = TAGS.get(atom.GetChiralTag())
        if sign is None:
            continue
        ordered = _neighbours(atom)
        for kept in combinations(range(len(ordered)), 3):
            neighbours = [ordered[k] for k in kept]
            if max(neighbours) >= n_heavy:
                continue
            # Counter-clockwise seen from the first neighbour; leaving out neighbour k of four flips
            # the determinant 3-k times. A missing fourth counts as the last one.
            left_out = ({0, 1, 2, 3} - set(kept)).pop()
            rows.append((atom.GetIdx(), *neighbours))
            signs.append(sign * (-1.0) ** (3 - left_out))
    return _arrays(rows, signs)


def heavy_double_bonds(mol: Chem.Mol, n_heavy: int) -> tuple[np.ndarray, np.ndarray]:
    """Every two heavy atoms across a stereo double bond: (a, i, j, b) int64 [D, 4], +1 cis or -1 trans float32 [D]."""
    rows, signs = [], []
    for bond in mol.GetBonds():
        if bond.GetStereo() not in CIS + TRANS:
            continue
        begin, end = bond.GetBeginAtom(), bond.GetEndAtom()
        named = list(bond.GetStereoAtoms())
        wanted = 1.0 if bond.GetStereo() in CIS else -1.0
        for a in _neighbours(begin):
            for b in _neighbours(end):
                if end.GetIdx() == a or begin.GetIdx() == b or max(a, b) >= n_heavy:
                    continue
                swaps = (a != named[0]) + (b != named[1])
                rows.append((a, begin.GetIdx(), end.GetIdx(), b))
                signs.append(wanted * (-1.0) ** swaps)
    return _arrays(rows, signs)


def hydrogen_rows(
    mol: Chem.Mol, triples: np.ndarray, double_bonds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One row for each stereocentre and double bond that `triples` and `double_bonds` of heavy atoms do not show.

    Returns
    -------
    int64 [K, 4], float32 [K], int64 [D, 4], float32 [D]
        As `heavy_triples` and `heavy_double_bonds`.
    """
    shown = set(triples[:, 0].tolist())
    rows, signs, bonds, sides = [], [], [], []
    for atom in mol.GetAtoms():
        sign = TAGS.get(atom.GetChiralTag())
        if sign is not None and atom.GetIdx() not in shown and atom.GetDegree() >= 3:
            rows.append((atom.GetIdx(), *_neighbours(atom)[:3]))
            signs.append(sign)
    seen = {(int(i), int(j)) for _, i, j, _ in double_bonds}
    for bond in mol.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if bond.GetStereo() in CIS + TRANS and (i, j) not in seen:
            a, b = bond.GetStereoAtoms()
            bonds.append((a, i, j, b))
            sides.append(1.0 if bond.GetStereo() in CIS else -1.0)
    return (*_arrays(rows, signs), *_arrays(bonds, sides))


def _neighbours(atom: Chem.Atom) -> list[int]:
    return [bond.GetOtherAtomIdx(atom.GetIdx()) for bond in atom.GetBonds()]


def _arrays(rows: Sequence[tuple[int, ...]], signs: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(rows, dtype=np.int64).reshape(-1, 4), np.array(signs, dtype=np.float32)
