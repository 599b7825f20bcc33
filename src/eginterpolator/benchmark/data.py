"""The data of a study: simulations that it makes itself, test molecules, reference ensembles, hashes."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem

from eginterpolator.benchmark.config import ConformerTask, MadeData, StudyConfig, TrajectoryTask
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.store import Store
from eginterpolator.errors import InputError
from eginterpolator.files.folder import read_molecule_folder, write_conformer_folder
from eginterpolator.files.io import sha256
from eginterpolator.files.trajectory import ConformerEnsemble

log = logging.getLogger(__name__)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """A molecule to generate, without any coordinates, and what is to be made of it.

    Attributes
    ----------
    molecule : Molecule
        Atoms in the reference's order, no conformer.
    n_references : int
        Reference conformers; 0 for trajectories.
    start : float32 [n_atoms, 3] or None
        Frame 0 of the replica that is held out as MD oracle, Å: where forward simulation starts.
    md_seconds_per_ns : float or None
        Speed of the reference simulation, where its meta.json tells.
    """

    molecule: Molecule
    n_references: int = 0
    start: np.ndarray | None = None
    md_seconds_per_ns: float | None = None


def make_data(made: MadeData, out: Path, say: Say) -> None:
    """Simulate the molecules of `made` into `out`, and build its store and reference ensembles; resumes.

    Raises
    ------
    InputError, SimulationError
        As `simulate_to_folder`: nothing can be compared without the data.
    """
    from eginterpolator.data.build import build_trajectories
    from eginterpolator.data.conformers import ConformerSettings, conformer_record
    from eginterpolator.simulation.api import simulate_to_folder

    for part, smiles, replicas in (
        ("train", made.train, made.train_replicas), ("test", made.test, made.test_replicas),
    ):  # fmt: skip
        for k, text in enumerate(smiles):
            molecule = Molecule.from_smiles(text, f"{part}_{k:02d}")
            if not (out / part / molecule.name).is_dir():
                say(f"data: simulating {text}, {replicas} x {made.ns} ns")
            simulate_to_folder(
                molecule, out / part, "implicit", replicas=replicas, ns=made.ns, save_ps=made.save_ps, threads=1
            )
    if not (out / "train.h5").is_file():
        build_trajectories(out / "train", out / "train.h5", exclude=[out / "test"])
    for k, text in enumerate(made.test):
        folder = out / "conformers" / f"test_{k:02d}"
        if not folder.is_dir():
            molecule = Molecule.from_smiles(text, folder.name)
            settings = ConformerSettings(method="sage", embed=made.conformers)
            record, _ = conformer_record(molecule, settings)
            write_conformer_folder(folder, ConformerEnsemble(molecule, np.asarray(record.conformers)), {})


def reference_folder(task: ConformerTask, out: Path) -> Path:
    """Folder of <name>/conformers.sdf with at most `max_references` conformers a molecule, written below `out`.

    Raises
    ------
    InputError
        When the reference does not exist or holds no conformers.
    """
    source = Path(task.reference)
    digest = hashlib.sha256(repr((_fingerprint(source), task.max_references, task.limit)).encode()).hexdigest()[:8]
    folder = out / f"conformers_{digest}"
    if folder.is_dir():
        return folder
    building = folder.with_name(f".{folder.name}")
    shutil.rmtree(building, ignore_errors=True)
    ensembles = _store_ensembles(source) if source.is_file() else _folder_ensembles(source)
    for count, (molecule, positions) in enumerate(ensembles):
        if task.limit is not None and count >= task.limit:
            break
        kept = positions[: task.max_references]
        write_conformer_folder(building / molecule.name, ConformerEnsemble(molecule, kept), {"smiles": molecule.smiles})
    if not building.is_dir():
        raise InputError(f"'{source}' holds no reference conformers.")
    building.replace(folder)
    return folder


def _store_ensembles(source: Path) -> Iterator[tuple[Molecule, np.ndarray]]:
    with Store(source) as store:
        for record in store:
            if record.conformers is not None:
                yield Molecule(record.molecule.rdmol, record.name), np.asarray(record.conformers, dtype=np.float32)


def _folder_ensembles(source: Path) -> Iterator[tuple[Molecule, np.ndarray]]:
    for path in sorted(source.glob("*/conformers.sdf")):
        molecule = Molecule.from_sdf(path, path.parent.name)
        positions = np.stack([c.GetPositions() for c in molecule.rdmol.GetConformers()]).astype(np.float32)
        yield molecule, positions


def conformer_molecules(folder: Path) -> list[Target]:
    """The molecules of a folder of <name>/conformers.sdf, in the order of their names."""
    result = []
    for molecule, positions in _folder_ensembles(folder):
        result.append(Target(without_coordinates(molecule), len(positions)))
    return result


def simulation_folder(task: TrajectoryTask, out: Path) -> Path:
    """Folder of the simulations of the first `limit` molecules: links below `out`, or the reference itself.

    Raises
    ------
    InputError
        When the reference holds no molecule folder.
    """
    paths = sorted(path.parent for path in Path(task.reference).glob("*/molecule.sdf"))
    if not paths:
        raise InputError(
            f"'{task.reference}' holds no molecule folders (<name>/molecule.sdf) to compare with; "
            "docs/benchmark.md says how to make them."
        )
    if task.limit is None or task.limit >= len(paths):
        return Path(task.reference)
    chosen = [path.resolve() for path in paths[: task.limit]]
    digest = hashlib.sha256(repr(chosen).encode()).hexdigest()[:8]
    folder = out / f"simulations_{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    for path in chosen:
        if not (folder / path.name).exists():
            (folder / path.name).symlink_to(path, target_is_directory=True)
    return folder


def trajectory_molecules(folder: Path) -> list[Target]:
    """The molecules of a folder of simulations, in the order of their names."""
    result = []
    for path in sorted(path.parent for path in folder.glob("*/molecule.sdf")):
        molecule, replicas, meta = read_molecule_folder(path)
        simulated_ns = sum(replica.n_frames * replica.frame_ps for replica in replicas) / 1000
        seconds = meta.get("seconds")
        speed = seconds / simulated_ns if isinstance(seconds, (int, float)) else None
        bare = without_coordinates(Molecule(molecule.rdmol, path.name))
        result.append(Target(bare, start=replicas[-1].positions[0], md_seconds_per_ns=speed))
    return result


def without_coordinates(molecule: Molecule) -> Molecule:
    """The molecule with its stereo and without its conformers: nothing of the reference's geometry is passed on."""
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    return Molecule(mol, molecule.name)


def hash_of(path: str | Path) -> str:
    """SHA-256 of a file, or of the relative path and the bytes of every file of a folder, in the order of the paths.

    Raises
    ------
    InputError
        When there is nothing of that name.
    """
    root = Path(path)
    if root.is_file():
        return sha256(root)
    if not root.is_dir():
        raise InputError(f"'{root}' does not exist; docs/benchmark.md says how to make the data of a study.")
    digest = hashlib.sha256()
    for file in sorted(file for file in root.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(root).as_posix()} {sha256(file)}\n".encode())
    return digest.hexdigest()


def _fingerprint(path: Path) -> list[tuple[str, int]]:
    """Names and sizes of a file or of a folder's files; InputError when there is neither."""
    if path.is_file():
        return [(path.name, path.stat().st_size), ("", path.stat().st_mtime_ns)]
    if not path.is_dir():
        raise InputError(f"'{path}' does not exist; docs/benchmark.md says how to make the references of a study.")
    return [(file.relative_to(path).as_posix(), file.stat().st_size) for file in sorted(path.rglob("*.sdf"))]


def data_hashes(study: StudyConfig) -> dict[str, str]:
    """SHA-256 of every reference of the study's tasks, by its path."""
    return {task.reference: hash_of(task.reference) for task in study.tasks().values()}
