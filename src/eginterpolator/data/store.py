"""The dataset store: one HDF5 file, a group a molecule, with a manifest beside it.

Group `/<name>` holds `molblock` (V2000/V3000 text, all atoms, 3D, so stereo can be read from it), `atomic_numbers`
[n_atoms], and any of `conformers` [K, n_atoms, 3] and `trajectories` [R, T, n_atoms, 3], float32 Å; where they are
known also `energies_kcal` and `weights` of the conformers, float64 [K]; attributes `smiles`, `ensemble`, `source`,
`frame_ps` and `sha256` (of the arrays).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from rdkit import Chem

from eginterpolator.errors import InputError
from eginterpolator.graph import ENSEMBLES
from eginterpolator.io import atomic_path, sha256, write_json
from eginterpolator.molecule import Molecule

_UNREADABLE = (OSError, KeyError, RuntimeError, ValueError)
"""What h5py raises, depending on where in the file the damage is."""
_ARRAYS = ("conformers", "trajectories", "energies_kcal", "weights")


@dataclass(frozen=True)
class Record:
    """One molecule of a dataset.

    Attributes
    ----------
    name : str
        Unique within the store.
    molecule : Molecule
    conformers : float32 [K, n_atoms, 3] or None
    trajectories : float32 [R, T, n_atoms, 3] or None
        R replicas of T frames, Å.
    frame_ps : float
        Spacing of the trajectories' frames; 0 where there are none.
    ensemble : str
        One of `ENSEMBLES`.
    source : str
        Where the coordinates come from: protocol or publication.
    energies_kcal, weights : float64 [K] or None
        Of the conformers: energy, and Boltzmann weight (they sum to one).
    """

    name: str
    molecule: Molecule
    conformers: np.ndarray | None = None
    trajectories: np.ndarray | None = None
    frame_ps: float = 0.0
    ensemble: str = "thermal"
    source: str = ""
    energies_kcal: np.ndarray | None = None
    weights: np.ndarray | None = None

    def first_frame(self) -> np.ndarray:
        """Coordinates [n_atoms, 3] of the first conformer or frame."""
        for array in (self.conformers, self.trajectories):
            if array is not None and array.size:
                return array.reshape(-1, self.molecule.n_atoms, 3)[0]
        raise InputError(f"Record '{self.name}' has no coordinates.")


class StoreWriter:
    """Adds records to a store that is being written; made by `write_store`."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.molecules = 0
        self.frames = 0

    def add(self, record: Record) -> None:
        """Write one record.

        Raises
        ------
        InputError
            For a name that is there already or holds a slash, a shape that does not fit, or coordinates that are
            not finite; the store is then as it was.
        """
        if not record.name or "/" in record.name:
            raise InputError(f"'{record.name}' cannot name a molecule of a dataset; names hold no slash.")
        if record.name in self._file:
            raise InputError(f"The dataset has a molecule '{record.name}' already; names must be unique.")
        if record.ensemble not in ENSEMBLES:
            raise InputError(f"'{record.ensemble}' is not an ensemble; use one of {', '.join(ENSEMBLES)}.")
        molecule = record.molecule
        arrays: dict[str, np.ndarray] = {}
        for key, dims in (("conformers", 3), ("trajectories", 4)):
            if getattr(record, key) is None:
                continue
            array = np.ascontiguousarray(getattr(record, key), dtype=np.float32)
            if array.ndim != dims or array.shape[-2:] != (molecule.n_atoms, 3) or not np.isfinite(array).all():
                raise InputError(
                    f"{key} of '{record.name}' must be finite and end in ({molecule.n_atoms}, 3); got {array.shape}."
                )
            arrays[key] = array
        for key in ("energies_kcal", "weights"):
            if getattr(record, key) is None:
                continue
            values = np.ascontiguousarray(getattr(record, key), dtype=np.float64)
            count = 0 if record.conformers is None else len(record.conformers)
            if values.shape != (count,) or not np.isfinite(values).all():
                raise InputError(f"{key} of '{record.name}' must be finite, one a conformer; got {values.shape}.")
            arrays[key] = values
        molblock = _molblock(molecule, record.first_frame())
        group = self._file.create_group(record.name)
        group.attrs["smiles"] = molecule.smiles
        group.attrs["ensemble"] = record.ensemble
        group.attrs["source"] = record.source
        group.attrs["frame_ps"] = record.frame_ps
        group["molblock"] = molblock
        group["atomic_numbers"] = molecule.atomic_numbers.astype(np.int8)
        for key, array in arrays.items():
            group[key] = array
            self.frames += int(np.prod(array.shape[:-2])) if array.ndim > 1 else 0
        group.attrs["sha256"] = _digest(group)
        self.molecules += 1


@contextlib.contextmanager
def write_store(path: str | os.PathLike[str], provenance: dict[str, Any]) -> Iterator[StoreWriter]:
    """Write a store and its manifest `<path>.json`; both appear only when everything went well.

    `provenance` goes into the manifest as it is at the end: counts may be filled in while records are added.
    """
    with atomic_path(path) as temporary:
        with h5py.File(temporary, "w", libver="latest") as file:
            writer = StoreWriter(file)
            yield writer
        manifest = {
            "file": Path(path).name,
            "sha256": sha256(temporary),
            "molecules": writer.molecules,
            "frames": writer.frames,
            "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            **provenance,
        }
    write_json(f"{os.fspath(path)}.json", manifest)


class Store:
    """Read access to a dataset store: iterate over names, `store[name]` gives a Record."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"There is no dataset '{self.path}'; build it with 'egi data'.")
        try:
            self._file = h5py.File(self.path, "r")
            self.names = sorted(self._file)
        except _UNREADABLE as error:
            raise InputError(f"'{self.path}' is not a complete HDF5 dataset ({error}); build it again.") from error

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Record]:
        return (self[name] for name in self.names)

    def __getitem__(self, name: str) -> Record:
        if name not in self._file:
            raise InputError(f"'{self.path}' has no molecule '{name}'.")
        try:
            group = self._file[name]
            mol = Chem.MolFromMolBlock(group["molblock"][()].decode(), removeHs=False)
            if mol is None:
                raise ValueError("its molblock does not parse")
            return Record(
                name,
                Molecule.from_rdkit(mol, name),
                **{key: group[key][()] for key in _ARRAYS if key in group},
                frame_ps=float(group.attrs["frame_ps"]),
                ensemble=str(group.attrs["ensemble"]),
                source=str(group.attrs["source"]),
            )
        except _UNREADABLE as error:
            raise InputError(f"Group '{name}' of '{self.path}' is damaged ({error}); build it again.") from error

    def smiles(self, name: str) -> str:
        """SMILES of a molecule, as it was written."""
        return str(self._file[name].attrs["smiles"])

    def damaged(self) -> list[str]:
        """Names of the groups whose arrays cannot be read or do not have the hash they were written with."""
        result = []
        for name in self.names:
            try:
                intact = _digest(self._file[name]) == self._file[name].attrs["sha256"]
            except _UNREADABLE:
                intact = False
            if not intact:
                result.append(name)
        return result

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digest(group: h5py.Group) -> str:
    digest = hashlib.sha256()
    for key in sorted(group):
        value = group[key][()]
        digest.update(key.encode())
        digest.update(value if isinstance(value, bytes) else np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _molblock(molecule: Molecule, positions: np.ndarray) -> str:
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(molecule.n_atoms)
    conformer.SetPositions(np.asarray(positions, dtype=np.float64))
    mol.AddConformer(conformer)
    return str(Chem.MolToMolBlock(mol))
