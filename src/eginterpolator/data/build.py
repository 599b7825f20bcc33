"""Build dataset stores from their sources, and say what a store holds."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.data.splits import read_exclusions
from eginterpolator.data.store import Record, Store, write_store
from eginterpolator.errors import InputError
from eginterpolator.molecule import Molecule

MAX_BOND_RATIO = 1.6
"""A replica with a bond longer than this times its length in the first frame has exploded."""


def build_qm9(out: str | os.PathLike[str], exclude: Sequence[Path] = (), limit: int | None = None) -> dict[str, Any]:
    """QM9's geometries without the molecules of `exclude`; returns the manifest, with counts of what was dropped."""
    from eginterpolator.data.qm9 import read_qm9

    dropped: Counter[str] = Counter()
    return _write(out, read_qm9(dropped), exclude, dropped, "QM9, from qm9pack", limit)


def build_trajectories(
    folder: str | os.PathLike[str], out: str | os.PathLike[str], exclude: Sequence[Path] = ()
) -> dict[str, Any]:
    """Trajectories of molecule folders (SDF, topology and one XTC a replica).

    A molecule with a broken replica, or with replicas of several lengths or spacings, is left out and named in the
    manifest.

    Raises
    ------
    InputError
        When `folder` holds no molecule folder.
    """
    dropped: Counter[str] = Counter()
    return _write(out, _trajectory_records(Path(folder), dropped), exclude, dropped, f"folders in {Path(folder).name}")


def build_thermal(
    folder: str | os.PathLike[str], out: str | os.PathLike[str], exclude: Sequence[Path] = ()
) -> dict[str, Any]:
    """Short simulations of many molecules as `eginterpolator.simulation.thermal` writes them."""
    from eginterpolator.simulation.thermal import iter_thermal

    records = (
        _simulated(Molecule.from_rdkit(mol), frames, frame_ps, "thermal structures")
        for mol, frames, frame_ps in iter_thermal(folder)
    )
    return _write(out, records, exclude, Counter(), f"thermal structures in {Path(folder).name}")


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Counts, sizes, elements and frame spacing of a store, with its manifest."""
    sizes: Counter[int] = Counter()
    elements: Counter[str] = Counter()
    spacing: Counter[float] = Counter()
    conformers = frames = 0
    with Store(path) as store:
        for record in store:
            sizes[record.molecule.n_heavy] += 1
            elements.update({atom.GetSymbol() for atom in record.molecule.rdmol.GetAtoms()})
            if record.conformers is not None:
                conformers += len(record.conformers)
            if record.trajectories is not None:
                frames += int(np.prod(record.trajectories.shape[:2]))
                spacing[round(record.frame_ps, 4)] += 1
        count = len(store)
    manifest = Path(f"{os.fspath(path)}.json")
    return {
        "molecules": count,
        "conformers": conformers,
        "trajectory_frames": frames,
        "molecules_by_heavy_atoms": dict(sorted(sizes.items())),
        "molecules_with_element": dict(sorted(elements.items())),
        "molecules_by_frame_ps": {str(key): value for key, value in sorted(spacing.items())},
        "manifest": json.loads(manifest.read_text()) if manifest.is_file() else None,
    }


def check(path: str | os.PathLike[str]) -> list[str]:
    """Names of the molecules of a store whose arrays are not those that were written.

    Raises
    ------
    InputError
        When the file as a whole is no HDF5 dataset, for example truncated.
    """
    with Store(path) as store:
        return store.damaged()


def _write(
    out: str | os.PathLike[str],
    records: Iterable[Record],
    exclude: Sequence[Path],
    dropped: Counter[str],
    source: str,
    limit: int | None = None,
) -> dict[str, Any]:
    excluded = read_exclusions(exclude)
    provenance: dict[str, Any] = {"source": source, "dropped": {}}
    with write_store(out, provenance) as writer:
        for record in records:
            if record.molecule.smiles_flat in excluded:
                dropped["excluded, for example as a test molecule"] += 1
                continue
            writer.add(record)
            if limit is not None and writer.molecules >= limit:
                break
        provenance["dropped"] = dict(dropped)
    manifest: dict[str, Any] = json.loads(Path(f"{os.fspath(out)}.json").read_text())
    return manifest


def _trajectory_records(folder: Path, dropped: Counter[str]) -> Iterable[Record]:
    from eginterpolator.folder import read_molecule_folder

    folders = sorted(path.parent for path in folder.glob("*/molecule.sdf"))
    if not folders:
        raise InputError(f"'{folder}' holds no molecule folders (<name>/molecule.sdf).")
    for path in folders:
        molecule, trajectories, meta = read_molecule_folder(path)
        shapes = {trajectory.positions.shape for trajectory in trajectories}
        spacings = {round(trajectory.frame_ps, 6) for trajectory in trajectories}
        if len(shapes) != 1 or len(spacings) != 1 or not trajectories[0].has_hydrogens:
            dropped[f"{path.name}: replicas of several lengths or spacings, or without hydrogens"] += 1
            continue
        frames = np.stack([trajectory.positions for trajectory in trajectories])
        if not intact(molecule, frames):
            dropped[f"{path.name}: a replica has broken bonds"] += 1
            continue
        named = Molecule(molecule.rdmol, path.name)
        yield _simulated(named, frames, spacings.pop(), str(meta.get("forcefield") or meta.get("protocol") or ""))


def intact(molecule: Molecule, frames: np.ndarray) -> bool:
    """Whether all frames [R, T, n_atoms, 3] are finite and no bond grows far past its length in the first frame."""
    first, second = molecule.bonds.T
    lengths = np.linalg.norm(frames[:, :, first] - frames[:, :, second], axis=-1)
    return bool(np.isfinite(frames).all() and (lengths <= MAX_BOND_RATIO * lengths[:, :1]).all())


def _simulated(molecule: Molecule, frames: np.ndarray, frame_ps: float, source: str) -> Record:
    return Record(molecule.name, molecule, None, frames, frame_ps, "thermal", source)
