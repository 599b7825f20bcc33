"""A study of two molecules and networks of no size."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eginterpolator.data.store import Record, write_store
from eginterpolator.files.folder import write_conformer_folder, write_molecule_folder
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from tests.builders import ROOT
from tests.builders.conformers import FLEXIBLE, embedded, walk

CONFIGS = ROOT / "configs" / "benchmark"
MOLECULES = {"chain": FLEXIBLE, "stiff": "CCO"}
STUDY = """
name: small
dataset: qm9
scale: tiny
fairness: nothing is held equal
conformers: {reference: REFERENCES, ensemble: thermal, max_references: 2, deltas: [0.5, 1.0]}
unconditional: {reference: SIMULATIONS, samples: 2, n_frames: 6}
forward: {reference: SIMULATIONS, samples: 2, n_frames: 5, limit: 1}
train:
  data: {sources: [{stores: [STORE]}], batch_size: 4, validation_share: 0.0}
  optimiser: {learning_rate: 1.0e-3, warmup_steps: 1, ema_decay: 0.5}
  precision: fp32
  compile: false
  accelerator: cpu
  max_steps: 3
systems:
  - {name: ETKDG, tables: [conformers], tool: etkdg}
  - {name: ETKDG + MMFF, tables: [conformers], tool: etkdg_mmff}
  - {name: ETKDG relaxed, tables: [conformers], tool: etkdg, energies: mmff}
  - {name: ETKDG clusters, tables: [conformers], tool: etkdg, energies: mmff, spread: 2}
  - name: ConfGF
    tables: [conformers]
    train: {model: {class: ConfGF, hidden: 8, layers: 1}, process: {class: NCSN}}
    sampler: {name: annealed_langevin, steps: 3, options: {inner: 2}}
    note: fewer steps
  - name: BasicES
    tables: [conformers]
    train: {model: {class: BasicES, hidden: 8, channels: 2, layers: 1}}
    sampler: &sde {name: sde, steps: 3}
  - name: AR+EGNN
    tables: [unconditional, forward]
    train:
      model: {class: AutoregressiveEGNN, hidden: 8, channels: 2, layers: 1}
      data: {n_frames: 2, strides: [4], conditioning: [0.2, 0.8, 0.0]}
    sampler: *sde
    window: 2
  - name: EGInterpolator
    tables: [unconditional, forward]
    structure: BasicES
    train:
      model: {class: CascadedInterpolator, hidden: 8, channels: 2, heads: 2, blocks: 1}
      data: {n_frames: 4, strides: [4]}
      max_steps: 4
    sampler: *sde
    window: 4
  - {name: λ = 0, tables: [conformers, unconditional], of: EGInterpolator, strength: 0.0}
"""


def rows(result: dict, table: str) -> dict[str, dict]:
    return {f"{row['system']} {row['delta'] or ''}".strip(): row for row in result["rows"] if row["table"] == table}


def write_study(root: Path) -> Path:
    """A study with its data: two molecules that hop between conformers."""
    with write_store(root / "train.h5", {}) as store:
        for name, smiles in MOLECULES.items():
            molecule, _ = embedded(smiles)
            frames = np.stack([walk(smiles, 40, 10 + k) for k in range(2)]).astype(np.float32)
            store.add(Record(name, molecule, None, frames, 1.3, "thermal", "made up"))
    for name, smiles in MOLECULES.items():
        molecule, conformers = embedded(smiles)
        replicas = [Trajectory(molecule, walk(smiles, 60, k), 1.3) for k in range(3)]
        meta = {"smiles": molecule.smiles, "frame_ps": 1.3, "seconds": 2.34}
        write_molecule_folder(root / "simulations" / name, molecule, replicas, meta)
        ensemble = ConformerEnsemble(molecule, conformers[:3].astype(np.float32))
        write_conformer_folder(root / "references" / name, ensemble, {})
    text = STUDY.replace("REFERENCES", str(root / "references")).replace("SIMULATIONS", str(root / "simulations"))
    (root / "study.yaml").write_text(text.replace("STORE", str(root / "train.h5")))
    return root / "study.yaml"
