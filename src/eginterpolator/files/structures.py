"""Frames of files with their atoms: what says itself which atoms it has, and trajectories with a topology."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.sdf_records import sdf_records
from eginterpolator.chemistry.text import read_text, suffix_of
from eginterpolator.errors import InputError
from eginterpolator.files.frame_files import read_frames
from eginterpolator.files.pdb import Elements, load_pdb

DESCRIBED = (".pdb", ".xyz", ".sdf", ".mol", ".mol2", ".npz", ".h5", ".hdf5")
"""Formats whose files tell the element of each atom."""


@dataclass(frozen=True)
class Structures:
    """Frames [T, M, 3] in Å, the elements that each atom may have, and bonds [B, 2] where the file names them."""

    elements: Elements
    frames: np.ndarray
    bonds: np.ndarray | None = None
    cell: np.ndarray | None = None


def read_structures(path: str | os.PathLike[str]) -> Structures:
    """Every frame of a file of a format in `DESCRIBED`.

    Raises
    ------
    InputError
        When the file is missing, damaged, or of another format.
    """
    path = Path(path)
    if not path.is_file() or path.stat().st_size == 0:
        raise InputError(f"The file '{path}' is {'empty' if path.is_file() else 'missing'}.")
    suffix = suffix_of(path)
    if suffix in (".h5", ".hdf5"):
        return _of_hdf5(path)
    readers = {".pdb": _of_pdb, ".xyz": _of_xyz, ".npz": _of_npz, ".mol2": _of_mol2, ".sdf": _of_sdf, ".mol": _of_sdf}
    if suffix not in readers:
        raise InputError(f"'{path}' says nothing of its atoms; give a PDB, SDF or MOL2 file with --topology.")
    return readers[suffix](path)


def read_trajectory(path: str | os.PathLike[str], topology: str | os.PathLike[str] | None = None) -> Structures:
    """Every frame of a trajectory (XTC, TRR, DCD, NetCDF ...) with the atoms of its topology.

    The frames may hold fewer atoms than the topology: then its first frame stands for the atoms, and `frames` are
    as they are in the file.

    Raises
    ------
    InputError
        When a file is missing or damaged.
    """
    if topology is None:
        return read_structures(path)
    atoms = read_structures(topology)
    frames = read_frames(path)
    return Structures(atoms.elements, frames.positions, atoms.bonds, frames.cell)


def _of_pdb(path: Path) -> Structures:
    frames, elements = load_pdb(path)
    bonds = np.array([(a.index, b.index) for a, b in frames.topology.bonds], dtype=np.int64).reshape(-1, 2)
    return Structures(elements, np.asarray(frames.xyz * 10.0, dtype=np.float32), bonds)


def read_xyz(path: str | os.PathLike[str]) -> tuple[np.ndarray, list[str], Elements]:
    """Positions [T, M, 3] in Å, the comment of each frame, and the elements of an XYZ file.

    Raises
    ------
    InputError
        When it is cut off, its frames differ in their atoms, or an element is unknown.
    """
    lines = [line for line in re.split(r"\r\n|\r|\n", read_text(path))]
    while lines and not lines[-1].strip():
        lines.pop()
    try:
        n = int(lines[0])
        starts = range(0, len(lines) - n - 1, n + 2)
        if len(lines) % (n + 2) or any(int(lines[k]) != n for k in starts):
            raise InputError(f"'{path}' is cut off, or its frames have different numbers of atoms.")
        rows = [[line.split() for line in lines[k + 2 : k + 2 + n]] for k in starts]
        positions = np.array([[row[1:4] for row in frame] for frame in rows], dtype=np.float64)
        positions = positions.reshape(len(rows), n, 3)
        elements = [(_number(row[0]),) for row in rows[0]]
    except (ValueError, IndexError, RuntimeError) as error:
        raise InputError(f"'{path}' is damaged or no XYZ file ({str(error).splitlines()[0]}).") from error
    return positions, [lines[k + 1] for k in starts], elements


def _number(symbol: str) -> int:
    """Atomic number of a symbol, of a label such as C12, or of the number itself."""
    if symbol.isdigit():
        return int(symbol)
    letters = re.match(r"[A-Za-z]{1,2}", symbol)
    text = letters.group().capitalize() if letters else symbol
    return 1 if text == "D" else Chem.GetPeriodicTable().GetAtomicNumber(text)


def _of_xyz(path: Path) -> Structures:
    positions, _, elements = read_xyz(path)
    return Structures(elements, positions.astype(np.float32))


def _of_npz(path: Path) -> Structures:
    try:
        with np.load(path) as data:
            elements = [(int(number),) for number in data["atomic_numbers"]]
            return Structures(elements, np.asarray(data["positions"], dtype=np.float32))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"'{path}' is no trajectory that Trajectory.save wrote ({error}).") from error


def _of_mol2(path: Path) -> Structures:
    mol = Chem.MolFromMol2Block(read_text(path), removeHs=False, sanitize=False)
    if mol is None or not mol.GetNumConformers():
        raise InputError(f"'{path}' cannot be read as MOL2 with bonds; write it as SDF.")
    return _of_mols([mol])


def _of_sdf(path: Path) -> Structures:
    mols = []
    for record in sdf_records(path, sanitize=False):
        if record.mol is None or not record.mol.GetNumConformers():
            raise InputError(f"Record {record.number} of '{path}' cannot be read ({record.reason or 'no structure'}).")
        mols.append(record.mol)
    if not mols:
        raise InputError(f"'{path}' holds no molecule.")
    if len({mol.GetNumAtoms() for mol in mols}) > 1:
        raise InputError(f"The records of '{path}' have different numbers of atoms.")
    return _of_mols(mols)


def _of_mols(mols: list[Chem.Mol]) -> Structures:
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mols[0].GetBonds()]
    return Structures(
        [(atom.GetAtomicNum(),) for atom in mols[0].GetAtoms()],
        np.array([mol.GetConformer().GetPositions() for mol in mols], dtype=np.float32),
        np.array(bonds, dtype=np.int64).reshape(-1, 2),
    )


def _of_hdf5(path: Path) -> Structures:
    """MDTraj's HDF5 convention, whose topology is JSON."""
    import h5py

    frames = read_frames(path)
    try:
        with h5py.File(path) as file:
            topology = json.loads(file["topology"][0])
        atoms = [a for chain in topology["chains"] for residue in chain["residues"] for a in residue["atoms"]]
        atoms.sort(key=lambda atom: atom["index"])
        bonds = np.array([bond[:2] for bond in topology["bonds"]], dtype=np.int64).reshape(-1, 2)
        elements = [(_number(atom["element"]),) for atom in atoms]
    except (OSError, KeyError, ValueError, IndexError, TypeError, RuntimeError) as error:
        raise InputError(
            f"'{path}' has no topology as MDTraj's HDF5 files have it; give one with --topology."
        ) from error
    return Structures(elements, frames.positions, bonds, frames.cell)
