"""Reader of packed simulations: HDF5 with a group a molecule, heavy atoms as small integers (`datasets/water`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.filters import Dropped
from eginterpolator.data.readers.base import Format
from eginterpolator.data.replicas import Replica, replicas_record
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions

ATTRIBUTES = ("resolution", "molblock", "frame_ps", "ensemble", "temperature_K", "friction_per_ps")
"""What a group must have beside `coordinates`, integer [replica, frame, heavy atom, 3] in multiples Å."""
_DAMAGE = (OSError, KeyError, RuntimeError, ValueError)


@dataclass(frozen=True)
class PackedSimulations:
    """A file of packed simulations, as `benchmarks/pack_water.py` writes it."""

    path: Path
    names: list[str]
    stride: int = 1
    files: list[Path] = field(default_factory=list)

    @classmethod
    def open(cls, path: str | os.PathLike[str], stride: int = 1) -> PackedSimulations:
        """InputError when the file is damaged or of another kind."""
        try:
            with h5py.File(path, "r") as file:
                names = sorted(file)
        except _DAMAGE as error:
            raise InputError(f"'{path}' is no complete HDF5 file ({error}).") from error
        if not names:
            raise InputError(f"'{path}' holds no molecule.")
        return cls(Path(path), names, stride, [Path(path)])

    @property
    def source(self) -> str:
        """For the manifest."""
        return f"packed simulations of {self.path.name}"

    @property
    def total(self) -> int:
        """Number of molecules."""
        return len(self.names)

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """Every molecule with a replica that passes the filters; trajectories have heavy atoms only."""
        with h5py.File(self.path, "r") as file:
            for name in self.names:
                try:
                    molecule, replicas, conditions = read_group(file[name], name)
                except InputError as error:
                    dropped.failure(name, str(error))
                    continue
                try:
                    yield replicas_record(molecule, replicas, dropped, self.source, self.stride, conditions, heavy=True)
                except InputError as error:
                    dropped.molecule(str(error), name)


def read_packed(path: str | os.PathLike[str], name: str) -> tuple[Molecule, list[Replica], Conditions]:
    """`read_group` of a molecule of a file; InputError also where the file holds none of that name."""
    if name not in PackedSimulations.open(path).names:
        raise InputError(f"'{path}' holds no molecule '{name}'.")
    with h5py.File(path, "r") as file:
        return read_group(file[name], name)


def read_group(group: Any, name: str) -> tuple[Molecule, list[Replica], Conditions]:
    """The molecule of a group, its replicas of heavy atoms, and what they are samples of.

    The atoms and their order are those of the molblock, the isomer is that of its structure.

    Raises
    ------
    InputError
        When something is missing, or the frames do not fit the structure.
    """
    try:
        held = {key: group.attrs[key] for key in ATTRIBUTES}
        coordinates = group["coordinates"][()]
    except _DAMAGE as error:
        raise InputError(f"'{name}' is no packed simulation: {error}.") from error
    mol = Chem.MolFromMolBlock(str(held["molblock"]))
    if mol is None:
        raise InputError(f"The structure of '{name}' cannot be read.")
    molecule = Molecule.from_rdkit(mol, name)
    if coordinates.ndim != 4 or coordinates.shape[2:] != (molecule.n_heavy, 3):
        raise InputError(f"The frames of '{name}' are not those of its structure: {coordinates.shape} values.")
    positions = coordinates.astype(np.float32) * np.float32(held["resolution"])
    replicas = [Replica(f"replica {k}", frames, float(held["frame_ps"])) for k, frames in enumerate(positions)]
    return molecule, replicas, Conditions.of_meta({key: _plain(value) for key, value in held.items()})


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def is_packed(path: Path) -> bool:
    """Whether a file holds packed simulations."""
    if path.suffix.lower() not in (".h5", ".hdf5") or not path.is_file():
        return False
    try:
        with h5py.File(path, "r") as file:
            return len(file) > 0 and all("resolution" in file[name].attrs for name in file)
    except (*_DAMAGE, AttributeError):
        return False


FORMAT = Format(is_packed, lambda paths, options: PackedSimulations.open(paths[0], options.stride))
