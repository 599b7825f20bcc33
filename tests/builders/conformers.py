"""Made-up conformers and trajectories for the tests of the evaluation."""

from __future__ import annotations

from functools import cache

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory

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


def two_wells(n: int, seed: int, leave: float = 0.02, start: int = 0) -> np.ndarray:
    """cos and sin of one torsion that hops between two wells, and of one that does not: float64 [n, 4]."""
    random = np.random.default_rng(seed)
    well = (start + np.cumsum(random.random(n) < leave)) % 2
    values = np.stack([np.where(well, 1.0, -1.5), np.zeros(n)], axis=1) + random.normal(0, 0.15, (n, 2))
    return np.concatenate([np.cos(values), np.sin(values)], axis=1)


def write_walks(folder, smiles, n_trajectories, n_frames, frame_ps, molecule=None, order=None):
    molecule = molecule or embedded(smiles)[0]
    order = slice(None) if order is None else order
    frames = [walk(smiles, n_frames, k)[:, order] for k in range(n_trajectories)]
    meta = {"smiles": molecule.smiles, "frame_ps": frame_ps}
    write_molecule_folder(folder, molecule, [Trajectory(molecule, x, frame_ps) for x in frames], meta)


def conformers(smiles: str, n: int, seed: int) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMultipleConfs(mol, n, randomSeed=seed)
    return mol


def start_structure(molecule: Molecule) -> np.ndarray:
    return embed(molecule, 1, seed=3).GetConformer().GetPositions()


def write_folders(root):
    """Folders of generated and of reference trajectories; the reference has finer frames."""
    write_walks(root / "reference" / "good", FLEXIBLE, 3, 200, 1.3)
    write_walks(root / "generated" / "good", FLEXIBLE, 2, 50, 5.2)
    return root / "generated", root / "reference"
