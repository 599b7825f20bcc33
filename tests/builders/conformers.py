"""Made-up conformers and trajectories for the tests of the evaluation."""

from __future__ import annotations

from functools import cache

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.molecule import Molecule

FLEXIBLE = "C[C@H](O)CCOC"


@cache
def embedded(smiles: str, n: int = 12) -> tuple[Molecule, np.ndarray]:
    """A molecule and MMFF-refined ETKDG conformers, float64 [n, n_atoms, 3]."""
    molecule = Molecule.from_smiles(smiles, "demo")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, n, randomSeed=7)
    AllChem.MMFFOptimizeMoleculeConfs(mol)
    return molecule, np.array([conformer.GetPositions() for conformer in mol.GetConformers()])


def walk(smiles: str, n_frames: int, seed: int, stay: float = 0.9, among: int | None = None) -> np.ndarray:
    """A made-up trajectory [T, n_atoms, 3]: jumps between conformers, with noise on every atom."""
    _, frames = embedded(smiles)
    random = np.random.default_rng(seed)
    state, states = 0, []
    for _ in range(n_frames):
        if random.random() > stay:
            state = int(random.integers(among or len(frames)))
        states.append(state)
    return frames[states] + random.normal(0.0, 0.03, (n_frames, *frames.shape[1:]))
