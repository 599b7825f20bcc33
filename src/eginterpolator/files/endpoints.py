"""Given frames from files: the `--start` and `--end` of forward simulation and interpolation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.sdf_records import sdf_records
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.text import suffix_of
from eginterpolator.errors import InputError, shortened
from eginterpolator.files.frame_files import UNTOLD, Frames, read_frames
from eginterpolator.files.matching import Atoms, match_atoms, misfit
from eginterpolator.files.periodic import make_whole
from eginterpolator.files.structures import DESCRIBED, read_structures, read_trajectory


@dataclass(frozen=True)
class Endpoint:
    """A conditioning frame as the user gave it: Å, [n_atoms, 3], or [n_heavy, 3] where it has no hydrogens."""

    positions: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, positions: np.ndarray, molecule: Molecule) -> Endpoint:
        """Check the shape of a given frame of `molecule`.

        Raises
        ------
        InputError
            When it is not [n_atoms, 3] or [n_heavy, 3], or not finite.
        """
        frame = np.asarray(positions, dtype=np.float32)
        if frame.shape not in ((molecule.n_atoms, 3), (molecule.n_heavy, 3)) or not np.isfinite(frame).all():
            raise InputError(
                f"A given frame of '{shortened(molecule.smiles)}' must be finite and of shape ({molecule.n_atoms}, 3) "
                f"or ({molecule.n_heavy}, 3) in Å; this one has shape {frame.shape}."
            )
        return cls(frame)

    def heavy(self, molecule: Molecule) -> np.ndarray:
        """Heavy atoms, [n_heavy, 3]."""
        return self.positions[: molecule.n_heavy]


def read_endpoint(
    source: str | os.PathLike[str], molecule: Molecule, topology: str | os.PathLike[str] | None = None
) -> Endpoint:
    """One frame of `molecule` from a file of any program, in the molecule's own atom order.

    The atoms are matched by elements and bonds (`matching`), so that their order in the file does not matter;
    hydrogens may be missing, all of them. Other molecules beside it, such as water, are left out.

    Parameters
    ----------
    source : path
        An SDF, PDB, XYZ, MOL2, MDTraj HDF5 or `.npz` file, or a trajectory (XTC, TRR, DCD, NetCDF ...) with a
        topology. `FILE#k` takes record or frame k, counted from 0, negative from the end; without it the first.
    topology : path, optional
        PDB, SDF or MOL2 of the atoms of a trajectory; by default the `topology.pdb` beside it. Without one the atoms
        must be in the molecule's order or in that of the input.

    Raises
    ------
    InputError
        When the file is missing, is another molecule or isomer, has no such frame, or one with broken bonds.
    """
    path, number = frame_of(source)
    label = f"frame {number} of '{path}'"
    if suffix_of(path) in (".sdf", ".mol"):
        return Endpoint.of(_from_sdf(path, number, molecule, label), molecule)
    beside = path.with_name("topology.pdb")
    if topology is None and suffix_of(path) not in DESCRIBED:
        if not beside.is_file():
            return Endpoint.of(_from_bare(path, number, molecule, label), molecule)
        topology = beside
    return Endpoint.of(_matched(path, number, molecule, topology, label), molecule)


def frame_of(source: str | os.PathLike[str]) -> tuple[Path, int]:
    """File and frame number of `FILE` or `FILE#k`; InputError where there is no such file, or k is no number."""
    path, index = Path(source), ""
    if not path.is_file():
        text, _, index = os.fspath(source).rpartition("#")
        path = Path(text or source)
    if not path.is_file():
        raise InputError(f"There is no file '{path}' to take a frame from.")
    try:
        return path, int(index) if index else 0
    except ValueError as error:
        raise InputError(f"'#{index}' is no frame number; write for example '{path}#0'.") from error


def picked(frames: Sequence[Any] | np.ndarray, number: int, path: Path) -> Any:
    """Frame `number`, negative from the end; InputError where there is none."""
    if not -len(frames) <= number < len(frames):
        raise InputError(f"'{path}' has {len(frames)} frames and none with number {number}.")
    return frames[number]


def _from_sdf(path: Path, number: int, molecule: Molecule, label: str) -> np.ndarray:
    """By RDKit's own match, bond orders and stereo included; drawn otherwise, by the graph alone."""
    entry: Chem.Mol | None = picked([record.mol for record in sdf_records(path)], number, path)
    if entry is None:  # one that RDKit does not sanitise may have the right graph
        entry = picked([record.mol for record in sdf_records(path, sanitize=False)], number, path)
    if entry is None or entry.GetNumConformers() == 0 or not entry.GetConformer().Is3D():
        raise InputError(f"'{path}' has an entry without readable 3D coordinates.")
    positions = entry.GetConformer().GetPositions()
    try:
        other = Molecule.from_rdkit(entry)
    except InputError:  # several molecules, or one that RDKit does not sanitise
        other = None
    if other is not None:
        has_hydrogens = entry.GetNumAtoms() == molecule.n_atoms
        wanted, found = (molecule.rdmol, other.rdmol) if has_hydrogens else (molecule.heavy_mol, other.heavy_mol)
        match = found.GetSubstructMatch(wanted, useChirality=True)
        complete = entry.GetNumAtoms() in (molecule.n_atoms, molecule.n_heavy)
        if complete and found.GetNumAtoms() == wanted.GetNumAtoms() == len(match):
            frame = other.rdmol.GetConformer().GetPositions()[list(match)]
            if reason := misfit(molecule, frame):
                raise InputError(f"'{path}' is no structure of {shortened(molecule.smiles)}: {reason}.")
            return np.asarray(frame, dtype=np.float32)
    elements = [(atom.GetAtomicNum(),) for atom in entry.GetAtoms()]
    bonds = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in entry.GetBonds()], dtype=np.int64)
    try:
        return _own_order(Atoms(elements, positions, bonds.reshape(-1, 2), label), molecule)
    except InputError as error:
        if other is None or other.smiles == molecule.smiles:
            raise
        raise InputError(
            f"'{path}' is {shortened(other.smiles)}, not the molecule {shortened(molecule.smiles)} that is asked for."
        ) from error


def _matched(
    path: Path, number: int, molecule: Molecule, topology: str | os.PathLike[str] | None, label: str
) -> np.ndarray:
    structures = read_trajectory(path, topology)
    elements, bonds, frames = structures.elements, structures.bonds, structures.frames
    frame = picked(frames, number, path)
    if len(elements) == len(frame) and structures.cell is None:
        return _own_order(Atoms(elements, frame, bonds, label), molecule)
    if topology is None:
        rows = match_atoms(Atoms(elements, frame, bonds, label), molecule)
    else:
        first = read_structures(topology)
        rows = match_atoms(Atoms(elements, first.frames[0], bonds, f"the topology '{topology}'"), molecule)
    if len(elements) != len(frame):  # frames may hold the solute alone
        if len(frame) != len(rows):
            raise InputError(f"'{path}' has {len(frame)} atoms a frame, and its topology {len(elements)}.")
        rows = np.argsort(np.argsort(rows))
    cell = None if structures.cell is None else structures.cell[number][None]
    whole = make_whole(molecule, Frames(frame[rows][None], None, cell))[0]
    reason = misfit(molecule, whole)
    if not reason and not frame_stereo(molecule, whole[None])[0]:
        reason = "it shows another stereoisomer"
    if reason:
        raise InputError(f"{label[0].upper()}{label[1:]} is no structure of {shortened(molecule.smiles)}: {reason}.")
    return whole


def _own_order(atoms: Atoms, molecule: Molecule) -> np.ndarray:
    return np.asarray(atoms.frame[match_atoms(atoms, molecule)], dtype=np.float32)


def _from_bare(path: Path, number: int, molecule: Molecule, label: str) -> np.ndarray:
    """A frame of a file that tells no elements: in the molecule's order, or in that of its input, if bonds fit."""
    if suffix_of(path) in (".txt", ".csv", ".smi", ".json", ".log", ".gz", ""):
        raise InputError(f"'{path}' is no .sdf, .pdb, .xyz, .xtc or other file of frames; convert it to one of these.")
    frames = read_frames(path, n_atoms=molecule.n_atoms if suffix_of(path) in UNTOLD else None)
    frame = picked(frames.positions, number, path)
    cell = None if frames.cell is None else frames.cell[number][None]
    given = [k for k in molecule.atom_map if k is not None]
    orders = [np.arange(len(frame))] if len(frame) in (molecule.n_atoms, molecule.n_heavy) else []
    for count in (molecule.n_atoms, molecule.n_heavy):
        if len(frame) == count and sorted(given[:count]) == list(range(count)):
            orders.append(np.array(given[:count], dtype=np.int64))
    for rows in orders:
        whole = make_whole(molecule, Frames(frame[rows][None], None, cell))[0]
        if not misfit(molecule, whole) and frame_stereo(molecule, whole[None])[0]:
            return whole
    raise InputError(
        f"'{path}' says nothing of its atoms, and its bonds are not those of {shortened(molecule.smiles)} in that "
        "order; put its topology.pdb beside it, or give a PDB, SDF or MOL2 file with --topology."
    )
