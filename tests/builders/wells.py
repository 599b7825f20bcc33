"""Trajectories whose torsions are known: a chain's middle bond turned from well to well by a Markov chain."""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.trajectory import Trajectory


def two_state_chain(n: int, stay: float, share: float, random: np.random.Generator) -> np.ndarray:
    """States int64 [n] of a chain that is in state 1 for `share` of the time, and by `stay` keeps its state."""
    state = np.empty(n, dtype=np.int64)
    state[0] = random.random() < share
    new = (random.random(n) < share).astype(np.int64)
    kept = random.random(n) < stay
    for t in range(1, n):
        state[t] = state[t - 1] if kept[t] else new[t]
    return state


def turned(smiles: str, quadruple: tuple[int, int, int, int], degrees: np.ndarray, frame_ps: float = 5.0) -> Trajectory:
    """A trajectory [T] of one embedded structure with that torsion set to the angles [T]."""
    molecule = Molecule.from_smiles(smiles, "demo")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMolecule(mol, randomSeed=7)
    conformer = mol.GetConformer()
    frames = []
    for angle in degrees.tolist():
        rdMolTransforms.SetDihedralDeg(conformer, *quadruple, angle)
        frames.append(conformer.GetPositions().copy())
    return Trajectory(molecule, np.array(frames, dtype=np.float32), frame_ps)
