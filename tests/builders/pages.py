"""A made-up trajectory and what a report page holds, for the tests of the report."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.trajectory import Trajectory

SMILES = "CC[C@H](O)C#CCOC"


def make_trajectory(smiles: str = SMILES, n_frames: int = 40, seed: int = 1) -> Trajectory:
    molecule = Molecule.from_smiles(smiles, "demo")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, n_frames, randomSeed=seed)
    positions = np.array([c.GetPositions() for c in mol.GetConformers()], dtype=np.float32)
    assert len(positions) == n_frames
    return Trajectory(molecule, positions, frame_ps=5.2, meta={"seed": seed})


def embedded(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S).group(1))


def decoded(sample: dict, n_atoms: int) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(sample["xyz"]), dtype="<i2")
    return values.reshape(sample["frames"], n_atoms, 3) * sample["step"]


def distances(positions: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)
