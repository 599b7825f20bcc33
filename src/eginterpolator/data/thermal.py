"""Thermal structures: many molecules, a few short implicit-solvent runs of each, from different conformers.

    egi data thermal-md qm9|INPUT --out OUT [--exclude FILE_OR_DIR] [--limit N] [--replicas 16] [--ps 120] ...

Two replicas of 390 ps saved every 1.3 ps hold windows of 64 model frames (5.2 ps) and so serve both stages.

A folder holds `molecule.sdf` (all atoms, heavy atoms first, stereo, the start conformers), `frames.npz`
(positions float32 [R, T, n_atoms, 3] Å, frame_ps, smiles) and `meta.json`. It is renamed into place when
complete, so an interrupted job goes on where it was; failures are listed in `failures.csv`. Their dataset is made by
`egi data thermal OUT`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import Failure
from eginterpolator.jobs.molecules import Hooks, RunResult, run_molecules
from eginterpolator.jobs.tasks import Step, Workers
from eginterpolator.simulation.api import RunSettings, engine_replicas
from eginterpolator.simulation.engines.base import Replica, SimulationError
from eginterpolator.simulation.engines.choice import AUTO
from eginterpolator.simulation.protocol import ImplicitProtocol
from eginterpolator.simulation.starts import start_conformers

SUMMARY = (
    "name", "smiles", "n_heavy", "n_atoms", "replicas", "n_frames", "frame_ps", "mean_temperature_K",
    "steps_per_second", "seconds",
)  # fmt: skip


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

    replicas: int = 16
    production_ps: float = 120.0
    save_ps: float = 1.2
    equilibration_ps: float = 10.0
    temperature_K: float = 300.0
    friction_per_ps: float = 1.0
    engine: str = AUTO
    min_heavy: int = 6
    max_heavy: int = 9
    rigid_share: float = 1.0 / 3.0
    mirror_share: float = 0.5
    seed: int = 0

    def protocol(self) -> ImplicitProtocol:
        """The physics of the runs."""
        return ImplicitProtocol(
            equilibration_ps=self.equilibration_ps, temperature_K=self.temperature_K,
            friction_per_ps=self.friction_per_ps,
        )  # fmt: skip

    def settings(self) -> RunSettings:
        """Their lengths, and the engine; one thread each, since jobs take molecules side by side."""
        return RunSettings(
            replicas=self.replicas, ns=self.production_ps / 1000, save_ps=self.save_ps, seed=self.seed,
            engine=self.engine, threads=1,
        )  # fmt: skip


def candidates(config: ThermalConfig, exclude: Container[str]) -> Iterator[Molecule]:
    """QM9 molecules in a seeded random order, without those of `exclude`."""
    from rdkit import Chem
    from rdkit.Chem import rdMolDescriptors

    from eginterpolator.data.readers.qm9 import qm9_record, qm9_rows

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
        if molecule.split_key not in exclude:
            yield molecule


def run_molecule(molecule: Molecule, config: ThermalConfig) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Simulate one molecule: starts [R, n, 3] and frames [R, T, n, 3] in Å of the replicas that are sound, and
    the meta data, which names the others.

    Raises
    ------
    SimulationError
        When no replica is sound.
    """
    started = time.perf_counter()
    protocol, settings = config.protocol(), config.settings()
    seed = int(np.random.default_rng([config.seed, 1, *molecule.smiles.encode()]).integers(2**30))
    starts = start_conformers(molecule, config.replicas, seed)
    chosen, settings = settings.chosen(molecule, protocol)
    seeds = [seed + k for k in range(1, config.replicas + 1)]
    made = list(engine_replicas(chosen, molecule, protocol, starts, seeds, settings))
    sound = {k: replica for k, replica in enumerate(made) if isinstance(replica, Replica)}
    dropped = {str(k): str(replica) for k, replica in enumerate(made) if isinstance(replica, SimulationError)}
    if not sound:
        raise SimulationError(f"no replica is sound: {next(iter(dropped.values()))}")
    replicas = list(sound.values())
    frames = np.stack([replica.positions for replica in replicas])
    meta = {
        "name": molecule.name,
        **molecule.named,
        "n_atoms": molecule.n_atoms,
        "n_heavy": molecule.n_heavy,
        "replicas": len(frames),
        "asked_replicas": config.replicas,
        "dropped": dropped,
        "n_frames": frames.shape[1],
        "frame_ps": replicas[0].frame_ps,
        "seed": seed,
        "protocol": protocol.to_dict(),
        "platform": replicas[0].platform,
        "steps_per_second": round(float(np.mean([replica.steps_per_second for replica in replicas]))),
        "mean_temperature_K": round(float(np.mean([replica.temperature_K for replica in replicas])), 2),
        "seconds": round(time.perf_counter() - started, 2),
    }
    return starts[list(sound)], frames, meta


def write_thermal(out: Path, molecule: Molecule, starts: np.ndarray, frames: np.ndarray, meta: dict[str, Any]) -> None:
    """Write the folder of one molecule under a hidden name, then rename it into place."""
    from eginterpolator.files.folder import appearing_folder
    from eginterpolator.files.sdf import write_sdf

    with appearing_folder(out / molecule.name) as building:
        write_sdf(building / "molecule.sdf", molecule, starts)
        np.savez(building / "frames.npz", positions=frames, frame_ps=meta["frame_ps"], smiles=molecule.smiles)
        (building / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")


def folder_meta(folder: Path) -> dict[str, Any] | None:
    """The meta.json of a molecule's folder, None where there is no folder.

    Raises
    ------
    InputError
        When something else is in its place.
    """
    if not folder.exists():
        return None
    try:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"'{folder}' is in the way and has no readable meta.json; remove it.") from error
    return meta


@dataclass(frozen=True)
class _Thermal:
    """The work on one molecule of a job."""

    out: Path
    config: ThermalConfig

    def finished(self, molecule: Molecule) -> dict[str, Any] | None:
        """Meta data of the molecule's folder, None where there is work to do."""
        folder = self.out / molecule.name
        meta = folder_meta(folder)
        if meta is None:
            return None
        protocol, config = self.config.protocol(), self.config
        steps = protocol.steps(config.production_ps) // protocol.steps(config.save_ps)
        same = (meta.get("asked_replicas", meta.get("replicas")), meta.get("n_frames"), meta.get("protocol"))
        if not molecule.is_named_by(meta) or same != (config.replicas, steps, protocol.to_dict()):
            raise InputError(f"'{folder}' holds another molecule, or runs of other settings; choose another folder.")
        return meta

    def __call__(self, molecule: Molecule, step: Step) -> dict[str, Any]:
        if (meta := self.finished(molecule)) is not None:
            return meta
        starts, frames, meta = run_molecule(molecule, self.config)
        write_thermal(self.out, molecule, starts, frames, meta)
        return meta


def run_thermal(
    molecules: Iterable[Molecule],
    out: str | os.PathLike[str],
    config: ThermalConfig,
    *,
    failures: Sequence[Failure] = (),
    hooks: Hooks | None = None,
    workers: Workers | None = None,
) -> RunResult:
    """Short simulations of all molecules into `out/<name>/`, with `out/summary.csv` and `out/failures.csv`.

    Raises
    ------
    InputError
        When a setting makes no run, the `[md]` packages are missing, or something else is in a folder's place.
    """
    config.settings().check(config.protocol())
    task = _Thermal(Path(out).resolve(), config)
    return run_molecules(
        molecules, out, task, task.finished, SUMMARY, failures=failures, hooks=hooks, workers=workers
    )  # fmt: skip
