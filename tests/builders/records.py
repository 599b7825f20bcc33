"""Made-up records and stores of small molecules."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from eginterpolator.data.store import Record, Store, write_store
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from tests.builders.networks import CHIRAL, geometry, molecule

SMILES = [CHIRAL, "CCO", "C/C=C\\C#N"]


def record(smiles: str, name: str, replicas: int = 2, n_frames: int = 6, seed: int = 0) -> Record:
    random = np.random.default_rng(seed)
    heavy = geometry(smiles)
    frames = (heavy + 0.02 * random.standard_normal((replicas, n_frames, *heavy.shape))).astype(np.float32)
    return Record(name, molecule(smiles), frames[:, 0].copy(), frames, 0.4, "thermal", "made up")


def written(path, smiles=SMILES):
    records = {f"m{k}": record(s, f"m{k}", seed=k) for k, s in enumerate(smiles)}
    with write_store(path, {"seed": 3}) as store:
        for item in records.values():
            store.add(item)
    return records


def offset(path, group: str, array: str) -> int:
    """Where an array's bytes begin in the file."""
    with h5py.File(path) as file:
        return int(file[group][array].id.get_offset())


def flip(path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


def stored(path: Path) -> dict[str, tuple[str, bytes, bytes, bytes]]:
    with Store(path) as store:
        return {
            r.name: (r.molecule.smiles, r.conformers.tobytes(), r.energies_kcal.tobytes(), r.weights.tobytes())
            for r in store
        }  # fmt: skip


def write_damaged_folders(root: Path) -> Path:
    """Three molecule folders: one good, one with an exploded replica, one whose XTC is cut off."""
    for smiles, name in (("CCO", "good"), ("CCN", "half"), ("CCC", "cut")):
        frames = np.repeat(geometry(smiles)[None], 4, axis=0)
        other = frames.copy()
        other[2, 0] += 3.0 * (name == "half")
        trajectories = [Trajectory(molecule(smiles), x, 5.2) for x in (frames, other)]
        meta = {"smiles": smiles, "frame_ps": 5.2}
        write_molecule_folder(root / "md" / name, molecule(smiles), trajectories, meta)
    xtc = root / "md" / "cut" / "trajectory_001.xtc"
    xtc.write_bytes(xtc.read_bytes()[:-5])
    return root / "md"
