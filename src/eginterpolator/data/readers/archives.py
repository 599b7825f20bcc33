"""Reader of replica archives: one `.npz` a molecule, coordinates as small integers, as lane simulations are kept."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.filters import Dropped
from eginterpolator.data.readers.base import Format
from eginterpolator.data.replicas import Replica, replicas_record
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions

ARRAYS = ("coordinates", "resolution", "molblock", "numbers", "frame_ps", "friction_per_ps")
"""What a file must hold: `coordinates` integer [replica, frame, atom, 3] in multiples of `resolution` Å."""


@dataclass(frozen=True)
class ReplicaArchives:
    """Every `.npz` of a folder, or some of them."""

    files: list[Path]
    stride: int = 1
    root: str = field(default="")

    @classmethod
    def open(cls, paths: list[str | os.PathLike[str]], stride: int = 1) -> ReplicaArchives:
        """A folder of archives, or archives; InputError where there is none."""
        given = [Path(path) for path in paths]
        files = sorted(given[0].glob("[!.]*.npz")) if given[0].is_dir() else given
        if not files:
            raise InputError(f"'{given[0]}' holds no replica archives (<name>.npz).")
        return cls(files, stride, given[0].name if given[0].is_dir() else files[0].parent.name)

    @property
    def source(self) -> str:
        """For the manifest."""
        return f"replica archives in {self.root}"

    @property
    def total(self) -> int:
        """Number of files."""
        return len(self.files)

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """Every molecule with a replica that passes the filters."""
        for path in self.files:
            try:
                molecule, replicas, source, conditions = read_archive(path)
            except InputError as error:
                dropped.failure(path.stem, str(error))
                continue
            try:
                yield replicas_record(molecule, replicas, dropped, source, self.stride, conditions)
            except InputError as error:
                dropped.molecule(str(error), path.stem)


def read_archive(path: str | os.PathLike[str]) -> tuple[Molecule, list[Replica], str, Conditions]:
    """One file: the molecule with the isomer of its structure, its replicas, what made them, and of what they are
    samples: the prototype's runs are in OBC2.

    Raises
    ------
    InputError
        When the file is damaged, lacks an array, or its structure is not that of its frames.
    """
    from rdkit import Chem

    path = Path(path)
    try:
        with np.load(path) as data:
            held = {name: data[name] for name in ARRAYS}
    except KeyError as error:
        raise InputError(f"'{path}' is no replica archive: {error.args[0]}.") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        raise InputError(f"'{path}' cannot be read as .npz; it is damaged or another kind of file.") from None
    mol = Chem.MolFromMolBlock(str(held["molblock"]), removeHs=False)
    if mol is None:
        raise InputError(f"The structure in '{path}' cannot be read.")
    Chem.AssignStereochemistryFrom3D(mol)
    coordinates = held["coordinates"]
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    if coordinates.ndim != 4 or coordinates.shape[2] != len(numbers) or list(held["numbers"]) != numbers:
        raise InputError(f"The frames in '{path}' are not those of its structure: {coordinates.shape} values.")
    molecule = Molecule.from_rdkit(mol, path.stem)
    if list(molecule.atomic_numbers) != numbers:
        raise InputError(f"The atoms in '{path}' do not have heavy atoms first.")
    positions = coordinates.astype(np.float32) * np.float32(held["resolution"])
    replicas = [Replica(f"replica {k}", frames, float(held["frame_ps"])) for k, frames in enumerate(positions)]
    friction = float(held["friction_per_ps"])
    conditions = Conditions("obc2", friction_per_ps=friction)
    return molecule, replicas, f"replica MD, friction {friction:g}/ps", conditions


FORMAT = Format(
    lambda path: path.suffix == ".npz" or (path.is_dir() and any(path.glob("[!.]*.npz"))),
    lambda paths, options: ReplicaArchives.open(list(paths), options.stride),
    several=True,
)
