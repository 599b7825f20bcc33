"""Readers of the folders that this package writes: simulations, and thermal structures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.filters import Dropped
from eginterpolator.data.readers.base import Format
from eginterpolator.data.replicas import Replica, replicas_record, structures_record
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions
from eginterpolator.files.folder import read_molecule_folder


@dataclass(frozen=True)
class MoleculeFolders:
    """Molecule folders with one XTC a replica, as `egi simulate` writes them."""

    root: Path
    folders: list[Path]
    stride: int = 1
    files: list[Path] = field(default_factory=list)

    @classmethod
    def open(cls, root: str | os.PathLike[str], stride: int = 1) -> MoleculeFolders:
        """Every folder below `root` with a `molecule.sdf`; InputError where there is none."""
        folders = sorted(path.parent for path in Path(root).glob("[!.]*/molecule.sdf"))
        if not folders:
            raise InputError(f"'{root}' holds no molecule folders (<name>/molecule.sdf).")
        return cls(Path(root), folders, stride)

    @property
    def source(self) -> str:
        """For the manifest."""
        return f"folders in {self.root.name}"

    @property
    def total(self) -> int:
        """Number of folders."""
        return len(self.folders)

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """Every molecule with a replica that passes the filters."""
        for folder in self.folders:
            try:
                found, trajectories, meta = read_molecule_folder(folder)
            except InputError as error:
                dropped.failure(folder.name, str(error))
                continue
            replicas = [Replica(str(t.meta["file"]), t.positions, t.frame_ps) for t in trajectories]
            source = str(meta.get("forcefield") or meta.get("protocol") or "")
            try:
                molecule, conditions = Molecule(found.rdmol, folder.name), Conditions.of_meta(meta)
                yield replicas_record(molecule, replicas, dropped, source, self.stride, conditions)
            except InputError as error:
                dropped.molecule(str(error), folder.name)


@dataclass(frozen=True)
class ThermalFolders:
    """Short simulations of many molecules, as `egi data thermal-md` writes them: replicas, or structures that each
    have their ensemble and temperature (`data.spread`)."""

    root: Path
    total: int
    files: list[Path] = field(default_factory=list)

    @classmethod
    def open(cls, root: str | os.PathLike[str]) -> ThermalFolders:
        """Every folder below `root` with a `frames.npz`; InputError where there is none."""
        count = len(list(Path(root).glob("[!.]*/frames.npz")))
        if not count:
            raise InputError(f"'{root}' holds no thermal structures (<name>/frames.npz).")
        return cls(Path(root), count)

    @property
    def source(self) -> str:
        """For the manifest."""
        return f"thermal structures in {self.root.name}"

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """Every molecule with a replica or structure that passes the filters."""
        for path in _thermal_folders(self.root):
            try:
                mol, data = _read_thermal(path)
                molecule = Molecule.from_rdkit(mol)
                if "ensembles" in data:
                    yield structures_record(
                        molecule, data["positions"], data["ensembles"].tolist(), data["temperatures_K"], dropped,
                        "structures at many temperatures", _conditions(path).friction_per_ps,
                    )  # fmt: skip
                    continue
            except InputError as error:
                dropped.molecule(str(error), path.name)
                continue
            frames, frame_ps = data["positions"], float(data["frame_ps"])
            replicas = [Replica(f"replica {k}", x, frame_ps) for k, x in enumerate(frames)]
            try:
                yield replicas_record(molecule, replicas, dropped, "thermal structures", 1, _conditions(path))
            except InputError as error:
                dropped.molecule(str(error), molecule.name)


def iter_thermal(folder: str | os.PathLike[str]) -> Iterator[tuple[Any, np.ndarray, float]]:
    """Each finished molecule as (RDKit Mol with H and stereo, positions [R, T, n_atoms, 3] Å, frame_ps).

    Heavy atoms come first, in the Mol and in the positions. Folders still being written are not seen.
    """
    for path in _thermal_folders(folder):
        mol, data = _read_thermal(path)
        if "frame_ps" not in data:
            raise InputError(f"'{path}' holds structures at many temperatures, not replicas; make a dataset of them.")
        yield mol, data["positions"], float(data["frame_ps"])


def _conditions(folder: Path) -> Conditions:
    """What a folder's meta.json says; unknown where there is none that can be read."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Conditions()
    return Conditions.of_meta(meta) if isinstance(meta, dict) else Conditions()


def _thermal_folders(folder: str | os.PathLike[str]) -> list[Path]:
    return [path.parent for path in sorted(Path(folder).glob("[!.]*/frames.npz"))]


def _read_thermal(folder: Path) -> tuple[Any, dict[str, np.ndarray]]:
    """The Mol of a folder with its stereo, and the arrays of `frames.npz`; InputError where the SDF is damaged."""
    from rdkit import Chem

    mol = next(iter(Chem.SDMolSupplier(str(folder / "molecule.sdf"), removeHs=False)))
    if mol is None:
        raise InputError(f"'{folder / 'molecule.sdf'}' is not readable; delete that folder.")
    Chem.AssignStereochemistryFrom3D(mol)
    with np.load(folder / "frames.npz") as data:
        return mol, dict(data)


THERMAL = Format(
    lambda path: path.is_dir() and any(path.glob("[!.]*/frames.npz")),
    lambda paths, options: ThermalFolders.open(paths[0]),
)
FOLDERS = Format(
    lambda path: path.is_dir() and any(path.glob("[!.]*/molecule.sdf")),
    lambda paths, options: MoleculeFolders.open(paths[0], options.stride),
)
