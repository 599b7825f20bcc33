"""What may be judged, and against what: molecule folders, datasets, packed simulations, tables, trajectory files."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule, flat_smiles
from eginterpolator.chemistry.text import stem_of, suffix_of
from eginterpolator.data.given import is_store
from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.data.readers.md_import import Simulation, TrajectoryFiles, read_replica
from eginterpolator.data.readers.topology import TOPOLOGIES, Solute, read_topology
from eginterpolator.data.readers.water import PackedSimulations, is_packed, read_packed
from eginterpolator.data.store import Store
from eginterpolator.errors import InputError
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.frame_files import Frames, frame_spacing, read_frames
from eginterpolator.files.matching import Atoms, match_atoms
from eginterpolator.files.periodic import make_whole
from eginterpolator.files.sdf import sdf_molecule, with_conformers
from eginterpolator.files.structures import DESCRIBED, read_structures
from eginterpolator.files.trajectory import Trajectory


@dataclass(frozen=True)
class StoreEntry:
    """A molecule of a dataset."""

    path: Path
    name: str

    def __str__(self) -> str:
        return f"{self.path}, {self.name}"


@dataclass(frozen=True)
class PackedEntry(StoreEntry):
    """A molecule of a file of packed simulations (`datasets/water`), with heavy atoms only."""


@dataclass(frozen=True)
class FileEntry:
    """Trajectory files of one molecule; `alone` where one file was named, whose molecule is found by its graph."""

    simulation: Simulation
    alone: bool = False

    def __str__(self) -> str:
        return str(self.simulation.trajectories[0])


Source = Path | StoreEntry | FileEntry
"""Where the trajectories of a molecule are; a path is a molecule folder."""


def trajectory_sources(path: str | os.PathLike[str], options: ImportOptions | None = None) -> dict[str, Source]:
    """Name -> source of each molecule of molecule folders, or of a dataset, packed file, table or trajectory file.

    A table is that of `egi data import`. A file needs `options.topology`, unless a `molecule.sdf` or `topology.pdb`
    lies beside it or it tells its atoms itself; `options` also has what the file does not tell (`frame_ps`, `molecule`,
    `residue`, `charge`).

    Raises
    ------
    InputError
        When there is nothing that can be judged.
    """
    path, options = Path(path), options or ImportOptions()
    if path.is_dir():
        if (path / "molecule.sdf").is_file():
            return {path.resolve().name: path}
        files = sorted(path.glob("*/molecule.sdf"))
        if not files:
            raise InputError(f"'{path}' holds no molecule folders (<name>/molecule.sdf).")
        return {file.parent.name: file.parent for file in files}
    if not path.is_file():
        raise InputError(f"'{path}' holds no molecule folders (<name>/molecule.sdf) and is no file either.")
    if is_store(path):
        with Store(path) as store:
            names = [name for name in store.names if store.facts(name).trajectories[1]]
        if not names:
            raise InputError(f"The dataset '{path}' holds no trajectories.")
        return {name: StoreEntry(path, name) for name in names}
    if is_packed(path):
        return {name: PackedEntry(path, name) for name in PackedSimulations.open(path).names}
    if suffix_of(path) in (".csv", ".tsv"):
        return {each.name: FileEntry(each) for each in TrajectoryFiles.of_table(path).simulations}
    beside = [path.with_name(name) for name in ("molecule.sdf", "topology.pdb")]  # the first has bond orders as well
    topology = options.topology or next((file for file in beside if file.is_file()), beside[-1])
    if not topology.is_file():
        if options.topology is not None or suffix_of(path) not in DESCRIBED:
            raise InputError(f"'{path}' needs a topology: give a PDB, SDF or MOL2 file with --topology.")
        topology = path
    simulation = Simulation(
        name=options.name or stem_of(path), trajectories=[path], topology=topology, molecule=options.molecule,
        residue=options.residue, charge=options.charge, frame_ps=options.frame_ps,
    )  # fmt: skip
    return {simulation.name: FileEntry(simulation, alone=True)}


def paired(generated: dict[str, Source], reference: dict[str, Source]) -> tuple[dict[str, Source], dict[str, Source]]:
    """The sources with equal names for what is one molecule: a single file is named as the other side names it.

    Raises
    ------
    InputError
        When the other side holds several molecules and none, or more than one, is that of the file.
    """
    if _alone(generated):
        return _named_as(generated, reference), reference
    return (generated, _named_as(reference, generated)) if _alone(reference) and generated else (generated, reference)


def read_source(source: Source, like: Molecule | None = None) -> tuple[Molecule, list[Trajectory], dict[str, Any]]:
    """Molecule, trajectories and meta data ({} beside molecule folders) of a source.

    `like` is the molecule that it should be: a trajectory file is then matched with it by its graph, and needs no bond
    orders. Nothing is left out, as `egi data import` would: what broke is there to be judged.

    Raises
    ------
    InputError
        When the files cannot be read, or are of another molecule.
    """
    if isinstance(source, Path):
        return read_molecule_folder(source)
    if isinstance(source, PackedEntry):
        molecule, replicas, conditions = read_packed(source.path, source.name)
        told = conditions.to_meta()
        return molecule, [Trajectory(molecule, r.positions, r.frame_ps, told) for r in replicas], {}
    if isinstance(source, StoreEntry):
        with Store(source.path) as store:
            record = store[source.name]
        if record.trajectories is None:
            raise InputError(f"'{source}' has no trajectories.")
        return (
            record.molecule,
            [Trajectory(record.molecule, x, record.frame_ps, record.conditions.to_meta()) for x in record.trajectories],
            {},
        )
    if source.alone and like is not None and source.simulation.molecule is None:
        return _matched(source.simulation, like)
    solute = _solute(source.simulation)
    replicas = [read_replica(path, solute, source.simulation.frame_ps) for path in source.simulation.trajectories]
    return solute.molecule, [Trajectory(solute.molecule, r.positions, r.frame_ps) for r in replicas], {}


def flat_smiles_of(source: Source) -> str:
    """SMILES without stereo of the molecule of a source, whose trajectories are left alone.

    Raises
    ------
    InputError
        When its files cannot be read.
    """
    if isinstance(source, PackedEntry):
        return read_packed(source.path, source.name)[0].smiles_flat
    if isinstance(source, StoreEntry):
        with Store(source.path) as store:
            return flat_smiles(store.smiles(source.name))
    if isinstance(source, FileEntry):
        return _solute(source.simulation).molecule.smiles_flat
    return sdf_molecule(source / "molecule.sdf")[0].smiles_flat


def conformer_sources(path: str | os.PathLike[str]) -> dict[str, Path | StoreEntry]:
    """Name -> `conformers.sdf` of every molecule of a folder, or the molecules of a dataset that have conformers."""
    path = Path(path)
    if not is_store(path):
        return {file.parent.name: file for file in sorted(path.glob("*/conformers.sdf"))}
    with Store(path) as store:
        return {name: StoreEntry(path, name) for name in store.names if store.facts(name).conformers}


def stored_conformers(entry: StoreEntry) -> Chem.Mol:
    """RDKit Mol of a molecule of a dataset with all of its conformers."""
    with Store(entry.path) as store:
        record = store[entry.name]
    return with_conformers(record.molecule.rdmol, np.asarray(record.conformers))


def _alone(sources: dict[str, Source]) -> bool:
    return len(sources) == 1 and all(isinstance(source, FileEntry) and source.alone for source in sources.values())


def _named_as(one: dict[str, Source], others: dict[str, Source]) -> dict[str, Source]:
    ((name, source),) = one.items()
    if name in others or not isinstance(source, FileEntry):
        return one
    names = list(others)
    if len(names) > 1:
        smiles = flat_smiles_of(source)
        names = [other for other, each in others.items() if flat_smiles_of(each) == smiles]
    if len(names) != 1:
        raise InputError(
            f"'{source}' is the molecule of {len(names)} of the {len(others)} on the other side; give one."
        )
    return {names[0]: FileEntry(replace(source.simulation, name=names[0]), alone=True)}


def _solute(simulation: Simulation) -> Solute:
    if suffix_of(simulation.topology) not in TOPOLOGIES:
        raise InputError(
            f"'{simulation.topology}' does not tell its bond orders; give a PDB, SDF or MOL2 file with --topology."
        )
    found = read_topology(simulation.topology, simulation.molecule, simulation.residue, simulation.charge)
    return Solute(Molecule(found.molecule.rdmol, simulation.name), found.atoms, found.n_topology)


def _matched(simulation: Simulation, like: Molecule) -> tuple[Molecule, list[Trajectory], dict[str, Any]]:
    """Trajectories in the order of `like`, by the graph of the topology's first frame."""
    first = read_structures(simulation.topology)
    rows = match_atoms(Atoms(first.elements, first.frames[0], first.bonds, f"'{simulation.topology}'"), like)
    if len(rows) != like.n_atoms:
        raise InputError(f"'{simulation.topology}' lacks hydrogens; write it with all atoms of the trajectory.")
    solute = Solute(like, rows, len(first.elements))
    trajectories = []
    for path in simulation.trajectories:
        if path != simulation.topology:
            replica = read_replica(path, solute, simulation.frame_ps)
            trajectories.append(Trajectory(like, replica.positions, replica.frame_ps))
            continue
        frames = Frames(first.frames[:, rows], _times(path), first.cell)
        spacing = frame_spacing(path, frames, simulation.frame_ps)
        trajectories.append(Trajectory(like, make_whole(like, frames), spacing))
    return like, trajectories, {}


def _times(path: Path) -> np.ndarray | None:
    """Times of the frames of a file that tells its atoms as well, where it tells these."""
    if suffix_of(path) not in (".h5", ".hdf5"):
        return None
    return read_frames(path).times_ps
