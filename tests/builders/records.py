"""Made-up records and stores of small molecules."""

from __future__ import annotations

import numpy as np

from eginterpolator.data.store import Record, write_store
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
