"""Stereo of frames: does every stereocentre and double bond have the configuration of the molecule?"""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.molecule import Molecule


def frame_stereo(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """Whether each frame of `positions` [T, N, 3] has the molecule's stereo; bool [T].

    The sign of det[x_a - x_i, x_b - x_i, x_c - x_i] at every stereocentre, and cis/trans of the torsion a-i-j-b at
    every stereo double bond (SPEC section 8.1). The four determinants of a centre with four heavy neighbours are
    summed: that is the volume of the tetrahedron they span, which keeps its sign in strained cages where one of the
    four may not. Heavy atoms only; a frame that is not finite does not have its stereo.
    """
    kept = np.isfinite(positions[:, : molecule.n_heavy]).all(axis=(1, 2))
    positions = np.where(kept[:, None, None], positions, 0.0)
    if len(molecule.triples):
        centre, a, b, c = (positions[:, molecule.triples[:, k]] for k in range(4))
        volume = np.einsum("tki,tki->tk", a - centre, np.cross(b - centre, c - centre))
        centres, owner = np.unique(molecule.triples[:, 0], return_inverse=True)
        kept &= ((volume * molecule.triple_signs @ np.eye(len(centres))[owner]) > 0).all(axis=1)
    if len(molecule.double_bonds):
        a, i, j, b = (positions[:, molecule.double_bonds[:, k]] for k in range(4))
        axis = j - i
        cosine = np.einsum("tki,tki->tk", np.cross(a - i, axis), np.cross(b - j, axis))
        kept &= (np.sign(cosine) == molecule.double_bond_signs).all(axis=1)
    return kept


def stereo_retention(molecule: Molecule, positions: np.ndarray) -> float:
    """Share of the frames [T, N, 3] that have the molecule's R/S and E/Z; 1 for a molecule without any.

    `Molecule.has_stereo` tells whether there is something to lose.
    """
    return float(frame_stereo(molecule, positions).mean())
