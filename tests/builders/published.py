"""Folders that the published protocol can judge: five made-up replicas of 5 ns, said to be simulations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from tests.builders.conformers import FLEXIBLE, embedded, walk

RING = "CCC1CC1"


def write_reference(root: Path, n_frames: int = 965, names: tuple[str, ...] = ("a", "b")) -> Path:
    """Five replicas of each molecule, frames every 5.2 ps; `a` is flexible, `b` has a ring of three."""
    for name in names:
        smiles = FLEXIBLE if name == "a" else RING
        frames = [walk(smiles, n_frames, k) for k in range(5)]
        _write(root / name, smiles, frames, {"forcefield": "made up"})
    return root


def write_generated(root: Path, names: tuple[str, ...] = ("a", "b"), task: str = "unconditional") -> Path:
    """Two trajectories of 500 frames of each molecule."""
    for name in names:
        smiles = FLEXIBLE if name == "a" else RING
        _write(root / name, smiles, [walk(smiles, 500, 10 + k) for k in range(2)], {"task": task, "model": "none"})
    return root


def _write(folder: Path, smiles: str, frames: list[np.ndarray], meta: dict[str, str]) -> None:
    molecule = embedded(smiles)[0]
    trajectories = [Trajectory(molecule, x.astype(np.float32), 5.2) for x in frames]
    write_molecule_folder(folder, molecule, trajectories, {"smiles": molecule.smiles, "frame_ps": 5.2, **meta})
