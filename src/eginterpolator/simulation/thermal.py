"""Thermal structures: many QM9 molecules, four short implicit-solvent runs each, one folder a molecule.

    python -m eginterpolator.simulation.thermal OUT --exclude FILE_OR_DIR ... [--max-molecules N] [--seed N]
        [--replicas 4] [--production-ps 120] [--save-ps 1.2]

Two replicas of 390 ps saved every 1.3 ps hold windows of 64 model frames (5.2 ps) and so serve both stages.

A folder holds `molecule.sdf` (all atoms, heavy atoms first, stereo, the start conformers), `frames.npz`
(positions float32 [R, T, n_atoms, 3] Å, frame_ps, smiles) and `meta.json`. It is renamed into place when
complete, so an interrupted job goes on where it was; failures are listed in `failures.csv`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.data.splits import read_exclusions
from eginterpolator.errors import EGIError, InputError
from eginterpolator.molecule import Molecule
from eginterpolator.simulation.protocol import ImplicitProtocol


@dataclass(frozen=True, kw_only=True)
class ThermalConfig:
    """Which molecules, and how long each of them runs.

    Attributes
    ----------
    min_heavy, max_heavy : int
        Size of the molecules, in heavy atoms.
    rigid_share : float
        Chance that a molecule without a rotatable bond is taken; 1/3 weighs flexible ones 3:1.
    mirror_share : float
        Chance that the mirror image of QM9's geometry is taken instead of the geometry's own isomer.
    """

    replicas: int = 4
    production_ps: float = 120.0
    save_ps: float = 1.2
    equilibration_ps: float = 10.0
    min_heavy: int = 6
    max_heavy: int = 9
    rigid_share: float = 1.0 / 3.0
    mirror_share: float = 0.5
    seed: int = 0


def candidates(config: ThermalConfig, exclude: set[str]) -> Iterator[Molecule]:
    """QM9 molecules in a seeded random order, without those of `exclude`."""
    from rdkit import Chem
    from rdkit.Chem import rdMolDescriptors

    from eginterpolator.data.qm9 import qm9_record, qm9_rows

    rows = list(qm9_rows())
    for position in np.random.default_rng(config.seed).permutation(len(rows)):
        row = rows[position]
        rng = np.random.default_rng([config.seed, int(row["Index"])])
        mirror, taken = bool(rng.random() < config.mirror_share), rng.random()
        mol = Chem.MolFromSmiles(row["SMILES"])
        if mol is None or not config.min_heavy <= mol.GetNumHeavyAtoms() <= config.max_heavy:
            continue
        if rdMolDescriptors.CalcNumRotatableBonds(mol) == 0 and taken >= config.rigid_share:
            continue
        try:
            molecule = qm9_record(row, mirror).molecule
        except InputError:
            continue
        if molecule.smiles_flat not in exclude:
            yield molecule


def run_molecule(molecule: Molecule, config: ThermalConfig) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Simulate one molecule; start conformers [R, n, 3], frames [R, T, n, 3] in Å, and the meta data."""
    from eginterpolator.simulation.forcefield import build_system
    from eginterpolator.simulation.runner import run_replica
    from eginterpolator.simulation.starts import start_conformers

    started = time.perf_counter()
    protocol = ImplicitProtocol(equilibration_ps=config.equilibration_ps)
    seed = int(np.random.default_rng([config.seed, 1, *molecule.smiles.encode()]).integers(2**30))
    starts = start_conformers(molecule, config.replicas, seed)
    system = build_system(molecule, starts[0], protocol)
    ns, save_ps = config.production_ps / 1000, config.save_ps
    replicas = [
        run_replica(molecule, replace(system, positions=start), protocol, ns=ns, save_ps=save_ps, seed=seed + k)
        for k, start in enumerate(starts, 1)
    ]
    frames = np.stack([replica.positions for replica in replicas])
    meta = {
        "name": molecule.name,
        "smiles": molecule.smiles,
        "n_atoms": molecule.n_atoms,
        "n_heavy": molecule.n_heavy,
        "replicas": len(frames),
        "n_frames": frames.shape[1],
        "frame_ps": replicas[0].frame_ps,
        "seed": seed,
        "protocol": protocol.to_dict(),
        "platform": replicas[0].platform,
        "steps_per_second": round(float(np.mean([replica.steps_per_second for replica in replicas]))),
        "mean_temperature_K": round(float(np.mean([replica.temperature_K for replica in replicas])), 2),
        "seconds": round(time.perf_counter() - started, 2),
    }
    return starts, frames, meta


def write_thermal(out: Path, molecule: Molecule, starts: np.ndarray, frames: np.ndarray, meta: dict[str, Any]) -> None:
    """Write the folder of one molecule under a hidden name, then rename it into place."""
    from eginterpolator.trajectory import write_sdf

    hidden = out / f".{molecule.name}.{os.getpid()}"
    hidden.mkdir(parents=True)
    try:
        write_sdf(hidden / "molecule.sdf", molecule, starts)
        np.savez(hidden / "frames.npz", positions=frames, frame_ps=meta["frame_ps"], smiles=molecule.smiles)
        (hidden / "meta.json").write_text(json.dumps(meta, indent=2) + "\n")
        os.replace(hidden, out / molecule.name)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def iter_thermal(folder: str | os.PathLike[str]) -> Iterator[tuple[Any, np.ndarray, float]]:
    """Each finished molecule as (RDKit Mol with H and stereo, positions [R, T, n_atoms, 3] Å, frame_ps).

    Heavy atoms come first, in the Mol and in the positions. Folders still being written are not seen.
    """
    from rdkit import Chem

    for path in sorted(Path(folder).glob("[!.]*/frames.npz")):
        mol = next(iter(Chem.SDMolSupplier(str(path.parent / "molecule.sdf"), removeHs=False)))
        if mol is None:
            raise InputError(f"'{path.parent / 'molecule.sdf'}' is not readable; delete that folder.")
        Chem.AssignStereochemistryFrom3D(mol)
        with np.load(path) as data:
            yield mol, data["positions"], float(data["frame_ps"])


def _record_failure(path: Path, molecule: Molecule, reason: str) -> None:
    fresh = not path.exists()
    with open(path, "a", newline="") as stream:
        writer = csv.writer(stream)
        if fresh:
            writer.writerow(["name", "smiles", "reason"])
        writer.writerow([molecule.name, molecule.smiles, reason])


def main(arguments: list[str] | None = None) -> int:
    """Run the job from the command line; see the module's first lines."""
    parser = argparse.ArgumentParser(description="Thermal structures of QM9 molecules from short MD.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--exclude", type=Path, nargs="*", default=[], help=".smi files, or folders")
    parser.add_argument("--max-molecules", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replicas", type=int, default=ThermalConfig.replicas)
    parser.add_argument("--production-ps", type=float, default=ThermalConfig.production_ps)
    parser.add_argument("--save-ps", type=float, default=ThermalConfig.save_ps)
    options = parser.parse_args(arguments)
    chosen = {name: getattr(options, name) for name in ("seed", "replicas", "production_ps", "save_ps")}
    config = ThermalConfig(**chosen)
    options.out.mkdir(parents=True, exist_ok=True)
    failures = options.out / "failures.csv"
    failed = set()
    if failures.exists():
        with open(failures, newline="") as stream:
            failed = {row["name"] for row in csv.DictReader(stream)}
    exclude = read_exclusions(options.exclude)
    print(f"{len(exclude)} molecules excluded; reading QM9", flush=True)
    done, made, started = 0, 0, time.time()
    for molecule in candidates(config, exclude):
        if done >= options.max_molecules:
            break
        if molecule.name in failed:
            continue
        if (options.out / molecule.name).exists():
            done += 1
            continue
        try:
            starts, frames, meta = run_molecule(molecule, config)
        except Exception as error:  # one molecule must not end a job of thousands; the reason is listed
            reason = str(error) if isinstance(error, EGIError) else f"{type(error).__name__}: {error}"
            _record_failure(failures, molecule, " ".join(reason.split()))
            print(f"{molecule.name} FAILED {error}", flush=True)
            continue
        write_thermal(options.out, molecule, starts, frames, meta)
        done, made = done + 1, made + 1
        rate = 3600 * made / (time.time() - started)
        print(
            f"{done} {molecule.name} {molecule.smiles} {meta['n_atoms']} atoms {meta['seconds']} s "
            f"{meta['steps_per_second']} steps/s {meta['mean_temperature_K']} K, {rate:.0f} molecules/h",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
