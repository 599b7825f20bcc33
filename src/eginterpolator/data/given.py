"""Given frames from whatever can be read: files of other programs, and datasets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.text import suffix_of
from eginterpolator.errors import InputError, shortened
from eginterpolator.files.endpoints import Endpoint, frame_of, picked, read_endpoint
from eginterpolator.files.matching import Atoms, match_atoms


def read_given(
    source: str | os.PathLike[str], molecule: Molecule, topology: str | os.PathLike[str] | None = None
) -> Endpoint:
    """One frame of `molecule` from a file (`read_endpoint`) or a dataset, in the molecule's own atom order.

    Of a dataset (.h5, as egi data makes it) `FILE#k` is frame k of this molecule's trajectories, one replica after
    the other, or of its conformers where it has no trajectories.

    Raises
    ------
    InputError
        As `read_endpoint`; also when the dataset does not hold the molecule.
    """
    path, number = frame_of(source)
    if not is_store(path):
        return read_endpoint(source, molecule, topology)
    from eginterpolator.data.store import Store

    with Store(path) as store:
        names = [name for name in store.names if store.smiles(name) == molecule.smiles]
        if not names:
            raise InputError(f"'{path}' does not hold {shortened(molecule.smiles)}; egi data info shows what it holds.")
        record = store[molecule.name if molecule.name in names else names[0]]
    arrays = record.trajectories if record.trajectories is not None else record.conformers
    if arrays is None:
        raise InputError(f"'{path}' has no frames of {shortened(molecule.smiles)}.")
    frame = picked(arrays.reshape(-1, *arrays.shape[-2:]), number, path)
    elements = [(int(z),) for z in record.molecule.atomic_numbers[: len(frame)]]
    rows = match_atoms(Atoms(elements, frame, record.molecule.bonds, f"frame {number} of '{path}'"), molecule)
    return Endpoint.of(np.asarray(frame[rows]), molecule)


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a dataset of this package rather than MDTraj's HDF5, or anything else."""
    if suffix_of(path) not in (".h5", ".hdf5") or not Path(path).is_file():
        return False
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "coordinates" not in file and all("molblock" in file[name] for name in file)
    except (OSError, KeyError, RuntimeError, TypeError):
        return False
