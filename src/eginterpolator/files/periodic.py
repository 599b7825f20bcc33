"""Molecules that a periodic box cut through, made whole."""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.frame_files import Frames
from eginterpolator.files.trajectory import Trajectory


def make_whole(molecule: Molecule, frames: Frames) -> np.ndarray:
    """Positions float32 [T, n_atoms or n_heavy, 3] in Å with bonded atoms beside each other, across the box."""
    n = frames.positions.shape[1]
    if frames.cell is None or n == 1:
        return frames.positions
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    bonds = molecule.bonds[(molecule.bonds < n).all(axis=1)]
    graph = coo_array((np.ones(len(bonds)), tuple(bonds.T)), shape=(n, n)).tocsr()
    order, before = breadth_first_order(graph, 0, directed=False)
    walk = np.stack([before[order[1:]], order[1:]], axis=1).astype(np.int32)  # each atom after one that it is bonded to
    whole = Trajectory(molecule, frames.positions, 1.0).to_mdtraj()
    whole.unitcell_vectors = frames.cell / np.float32(10.0)
    whole.make_molecules_whole(inplace=True, sorted_bonds=walk)
    return np.asarray(whole.xyz * np.float32(10.0))
