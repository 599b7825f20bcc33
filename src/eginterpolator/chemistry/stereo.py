"""Stereo of frames: does every stereocentre, double bond and axis have the configuration of the molecule?"""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.molecule import Molecule


def frame_stereo(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """Whether each frame of `positions` [T, N, 3] has the molecule's stereo; bool [T].

    Equation (1) of docs/method.md.

    The sign of det[x_a - x_i, x_b - x_i, x_c - x_i] at every stereocentre, cis/trans of the torsion a-i-j-b at every
    stereo double bond (SPEC section 8.1), and the sign of the torsion about every axis of chirality. The four
    determinants of a centre with four heavy neighbours are summed: that is the volume of the tetrahedron they span,
    which keeps its sign in strained cages where one of the four may not. Where the frames have hydrogens, so has the
    stereo that they alone show (`Molecule.hydrogen_stereo`): deuterated centres, N-H imines. A frame that is not
    finite does not have its stereo.
    """
    kept = np.isfinite(positions[:, : molecule.n_heavy]).all(axis=(1, 2))
    positions = np.where(kept[:, None, None], positions, 0.0)
    if len(molecule.triples):
        volume = _volumes(positions, molecule.triples)
        centres, owner = np.unique(molecule.triples[:, 0], return_inverse=True)
        kept &= ((volume * molecule.triple_signs @ np.eye(len(centres))[owner]) > 0).all(axis=1)
    if len(molecule.double_bonds):
        kept &= (_sides(positions, molecule.double_bonds) == molecule.double_bond_signs).all(axis=1)
    for axis in molecule.axes:
        kept &= axis.keeps(positions)
    if positions.shape[1] == molecule.n_atoms:
        centre_rows, signs, bond_rows, sides = molecule.hydrogen_stereo
        with np.errstate(invalid="ignore"):
            kept &= (_volumes(positions, centre_rows) * signs > 0).all(axis=1)
            kept &= (_sides(positions, bond_rows) == sides).all(axis=1)
    return kept


def stereo_retention(molecule: Molecule, positions: np.ndarray) -> float:
    """Share of the frames [T, N, 3] that have the molecule's R/S, E/Z and axes; 1 for a molecule without any.

    `Molecule.has_stereo` tells whether there is something to lose.
    """
    return float(frame_stereo(molecule, positions).mean())


def _volumes(positions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """det[x_a - x_i, x_b - x_i, x_c - x_i] of rows (i, a, b, c) [K, 4]; [T, K]."""
    centre, a, b, c = (positions[:, rows[:, k]] for k in range(4))
    return np.asarray(np.einsum("tki,tki->tk", a - centre, np.cross(b - centre, c - centre)))


def _sides(positions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """+1 where a and b of rows (a, i, j, b) [D, 4] are cis, -1 where they are trans; [T, D]."""
    a, i, j, b = (positions[:, rows[:, k]] for k in range(4))
    axis = j - i
    return np.sign(np.einsum("tki,tki->tk", np.cross(a - i, axis), np.cross(b - j, axis)))
