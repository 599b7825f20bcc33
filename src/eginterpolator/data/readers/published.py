"""Reader of the published simulations (SPEC section 4), in their own folder layout.

`.../<split>/<k>_results/<name>_<i>/` is replica i of a molecule: `traj.xtc` (0.4 ps, solute, all atoms), `system.pdb`,
`mol.pkl` (a pickled RDKit Mol), `smiles.txt`, `scalars.csv`.
"""

from __future__ import annotations

import csv
import io
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.text import read_text
from eginterpolator.data.filters import Dropped, checked, graph_holds
from eginterpolator.data.readers.base import Format
from eginterpolator.data.readers.topology import solute_atoms
from eginterpolator.data.readers.unpickle import safe_load
from eginterpolator.data.replicas import Replica, replicas_record
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions
from eginterpolator.files.frame_files import Frames, frame_spacing, read_frames
from eginterpolator.files.pdb import load_pdb
from eginterpolator.files.sdf import with_conformers

SOURCE = "published simulations, OpenFF Sage 2.2.1, TIP3P, 300 K"
CONDITIONS = Conditions("tip3p", 300.0, 1.0)
LAYOUT = "<split>/<k>_results/<name>_<i>/traj.xtc"


@dataclass(frozen=True)
class PublishedSimulations:
    """Molecules of one split, sorted by name; the replicas of a molecule may lie in several `<k>_results`.

    Attributes
    ----------
    molecules : dict
        Name -> folders of its replicas.
    split : str
        Folder that they lie in.
    """

    root: Path
    molecules: dict[str, list[Path]]
    split: str
    stride: int = 1
    frame_ps: float | None = None
    files: list[Path] = field(default_factory=list)

    @classmethod
    def open(
        cls, root: str | os.PathLike[str], split: str | None = None, stride: int = 1, frame_ps: float | None = None
    ) -> PublishedSimulations:
        """From any folder above the replicas.

        Raises
        ------
        InputError
            When there is no replica, or several splits and none is chosen: they must not be mixed.
        """
        found: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
        for folder in find_replicas(Path(root)):
            name, _, number = folder.name.rpartition("_")
            if name and number.isdigit():
                found[folder.parent.parent.resolve().name][name].append(folder)
        if not found:
            raise InputError(f"'{root}' holds no simulations in the published layout ({LAYOUT}).")
        if split is None and len(found) > 1:
            raise InputError(f"'{root}' holds several splits ({', '.join(sorted(found))}); choose one with --split.")
        chosen = split if split is not None else next(iter(found))
        if chosen not in found:
            raise InputError(f"'{root}' has no split '{chosen}'; it holds {', '.join(sorted(found))}.")
        ordered = {
            name: sorted(folders, key=lambda folder: int(folder.name.rpartition("_")[2]))
            for name, folders in sorted(found[chosen].items())
        }
        return cls(Path(root), ordered, chosen, stride, frame_ps)

    @property
    def source(self) -> str:
        """For the manifest."""
        return f"{SOURCE}; split {self.split}"

    @property
    def total(self) -> int:
        """Number of molecules."""
        return len(self.molecules)

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """Every molecule with a replica that can be read and passes the filters."""
        for name, folders in self.molecules.items():
            first: Molecule | None = None
            replicas: list[Replica] = []
            for folder in folders:
                try:
                    molecule, replica = read_replica(folder, name, self.frame_ps)
                except InputError as error:
                    dropped.failure(f"{name}, {folder.name}", str(error))
                    continue
                except _Filtered as error:
                    dropped.structure(str(error), f"{name}, {folder.name}")
                    continue
                first = first or molecule
                if not np.array_equal(first.bonds, molecule.bonds) or not np.array_equal(
                    first.atomic_numbers, molecule.atomic_numbers
                ):
                    dropped.structure("a replica with its atoms in another order", f"{name}, {folder.name}")
                    continue
                replicas.append(replica)
            if first is None:
                dropped.molecule("no replica is left", name)
                continue
            try:
                yield replicas_record(first, replicas, dropped, SOURCE, self.stride, CONDITIONS)
            except InputError as error:
                dropped.molecule(str(error), name)


class _Filtered(Exception):
    """A replica that a filter of the graph leaves out."""


def find_replicas(root: Path) -> list[Path]:
    """Folders of replicas below `root`, which may be anything from the replica's parent to the top."""
    patterns = ("*/traj.xtc", "*_results/*/traj.xtc", "*/*_results/*/traj.xtc", "**/*_results/*/traj.xtc")
    for pattern in patterns:
        if found := sorted(path.parent for path in root.glob(pattern)):
            return found
    return []


def read_replica(folder: Path, name: str, frame_ps: float | None) -> tuple[Molecule, Replica]:
    """The molecule of a replica folder, and its frames.

    Raises
    ------
    InputError
        When a file is missing, damaged or refused, or the files disagree on atoms or time.
    """
    mol = safe_load(folder / "mol.pkl")
    if not isinstance(mol, Chem.Mol):
        raise InputError(f"'{folder / 'mol.pkl'}' holds no RDKit molecule.")
    if not (folder / "smiles.txt").is_file() or not (words := read_text(folder / "smiles.txt").split()):
        raise InputError(f"'{folder}' has no smiles.txt with a SMILES, which the published layout has.")
    mol = Chem.AddHs(Chem.Mol(mol), addCoords=mol.GetNumConformers() > 0)
    frames = read_frames(folder / "traj.xtc", n_atoms=mol.GetNumAtoms())
    _check_system(folder / "system.pdb", mol)
    spacing = frame_spacing(folder / "traj.xtc", frames, frame_ps)
    _check_end(folder, frames, spacing)
    if mol.GetNumConformers() == 0 or not mol.GetConformer().Is3D():
        mol = with_conformers(mol, frames.positions[:1])
    try:
        molecule, order = checked(mol, words[0], name)
    except InputError as error:
        raise _Filtered(str(error)) from error
    positions = np.ascontiguousarray(frames.positions[:, order])
    if not graph_holds(molecule, positions[:1])[0]:
        raise InputError(f"'{folder / 'traj.xtc'}' is of another molecule than mol.pkl, or in another order of atoms.")
    return molecule, Replica(folder.name, positions, spacing)


def _check_system(path: Path, mol: Chem.Mol) -> None:
    """The solute of the PDB has the atoms of the pickle, in the same order."""
    if not path.is_file():
        raise InputError(f"'{path}' is missing, and the published layout has it.")
    topology = load_pdb(path, 0)[0].topology
    found = [topology.atom(int(k)).element.atomic_number for k in solute_atoms(topology, path)]
    if found != [atom.GetAtomicNum() for atom in mol.GetAtoms()]:
        raise InputError(f"The solute of '{path}' has other atoms than mol.pkl, or another order of them.")


def _check_end(folder: Path, frames: Frames, spacing: float) -> None:
    """A trajectory that was cut between two frames ends long before its table of scalars does."""
    path = folder / "scalars.csv"
    if not path.is_file() or frames.times_ps is None:
        return
    rows = list(csv.reader(io.StringIO(read_text(path), newline="")))
    column = next((k for k, title in enumerate(rows[0] if rows else []) if "time" in title.lower()), None)
    if column is None or len(rows) < 3:
        return
    try:
        times = np.array([float(row[column]) for row in rows[1:]])
    except (ValueError, IndexError) as error:
        raise InputError(f"'{path}' is cut off or damaged; the run did not finish.") from error
    step = float(np.median(np.diff(times)))
    length, expected = float(np.ptp(frames.times_ps)), float(np.ptp(times))
    if expected - length > 2 * (spacing + abs(step)):
        raise InputError(
            f"'{folder / 'traj.xtc'}' covers {length:g} ps, and its scalars.csv {expected:g} ps: it is cut off."
        )


FORMAT = Format(
    lambda path: path.is_dir() and bool(find_replicas(path)),
    lambda paths, options: PublishedSimulations.open(paths[0], options.split, options.stride, options.frame_ps),
)
