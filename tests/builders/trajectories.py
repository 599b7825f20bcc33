"""Trajectories of embedded conformers."""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.trajectory import Trajectory


def conformers(smiles: str, n: int = 3, name: str = "demo") -> tuple[Molecule, np.ndarray]:
    molecule = Molecule.from_smiles(smiles, name)
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, n, randomSeed=5)
    return molecule, np.array([c.GetPositions() for c in mol.GetConformers()], dtype=np.float32)


def embedded_trajectory(smiles: str = "C[C@H](O)/C=C/C#N", n: int = 12, hydrogens: bool = True) -> Trajectory:
    molecule = Molecule.from_smiles(smiles, "demo")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, n, randomSeed=1)
    positions = np.array([c.GetPositions() for c in mol.GetConformers()], dtype=np.float32)
    return Trajectory(molecule, positions if hydrogens else positions[:, : molecule.n_heavy], 1.3)
