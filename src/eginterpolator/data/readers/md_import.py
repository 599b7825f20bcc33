"""Trajectories of any origin with a topology -> records: solvent stripped, made whole, bonds and stereo resolved."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.text import suffix_of
from eginterpolator.data.filters import Dropped
from eginterpolator.data.readers.base import Format, ImportOptions
from eginterpolator.data.readers.topology import Solute, read_topology
from eginterpolator.data.replicas import Replica, replicas_record
from eginterpolator.data.store import Record
from eginterpolator.errors import InputError
from eginterpolator.files.frame_files import count_atoms, frame_spacing, read_frames
from eginterpolator.files.periodic import make_whole
from eginterpolator.files.tables import table_rows

COLUMNS = ("name", "trajectory", "topology", "molecule", "frame_ps", "residue", "charge")


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Replicas of one molecule: trajectory files with one topology.

    Attributes
    ----------
    name : str
        Of the record.
    trajectories : list of Path
        One file a replica.
    topology : Path
        PDB, SDF or MOL2.
    molecule, residue, charge
        As in `read_topology`.
    frame_ps : float, optional
        Time between the frames of the files; goes before what they tell, with a warning.
    """

    name: str
    trajectories: list[Path]
    topology: Path
    molecule: str | None = None
    residue: str | None = None
    charge: int = 0
    frame_ps: float | None = None


@dataclass(frozen=True)
class TrajectoryFiles:
    """Simulations of one molecule or several.

    Attributes
    ----------
    stride : int
        Keep every `stride`-th frame.
    """

    simulations: list[Simulation]
    source: str
    files: list[Path]
    stride: int = 1

    @classmethod
    def of_table(cls, path: str | os.PathLike[str], stride: int = 1) -> TrajectoryFiles:
        """From a CSV with a row a trajectory: columns name, trajectory and topology, the others of `COLUMNS` as needed.

        Paths are relative to the table. Rows of one name are replicas of one molecule.

        Raises
        ------
        InputError
            When columns are missing, a number is none, or the replicas of a molecule disagree.
        """
        path = Path(path)
        simulations: dict[str, Simulation] = {}
        for number, row in table_rows(path, COLUMNS[:3]):
            simulation = _simulation_of(row, path, number)
            known = simulations.setdefault(simulation.name, simulation)
            if known is not simulation:
                if any(getattr(known, key) != getattr(simulation, key) for key in ("topology", *COLUMNS[3:])):
                    raise InputError(f"Line {number} of '{path}' contradicts a line above on '{known.name}'.")
                known.trajectories.extend(simulation.trajectories)
        if not simulations:
            raise InputError(f"'{path}' names no trajectory.")
        return cls(list(simulations.values()), f"trajectories of {path.name}", [path], stride)

    @property
    def total(self) -> int:
        """Number of molecules."""
        return len(self.simulations)

    def records(self, dropped: Dropped) -> Iterator[Record]:
        """Every molecule with a replica that can be read; a single molecule that cannot be is an error.

        Raises
        ------
        InputError
            When there is one molecule only and its files cannot be used.
        """
        for simulation in self.simulations:
            try:
                yield self._record(simulation, dropped)
            except InputError as error:
                if len(self.simulations) == 1:
                    raise
                dropped.failure(simulation.name, str(error))

    def _record(self, simulation: Simulation, dropped: Dropped) -> Record:
        solute = read_topology(simulation.topology, simulation.molecule, simulation.residue, simulation.charge)
        solute = Solute(Molecule(solute.molecule.rdmol, simulation.name), solute.atoms, solute.n_topology)
        replicas = [read_replica(path, solute, simulation.frame_ps) for path in simulation.trajectories]
        source = f"{self.source}, {simulation.trajectories[0].name}"
        return replicas_record(solute.molecule, replicas, dropped, source, self.stride)


def read_replica(path: Path, solute: Solute, frame_ps: float | None) -> Replica:
    """Frames of the solute, whole, in its order.

    Raises
    ------
    InputError
        When the file cannot be read, has another number of atoms, or nobody tells the frame spacing.
    """
    count, rows = solute.rows(count_atoms(path, solute.n_topology))
    frames = read_frames(path, n_atoms=count, atoms=rows)
    spacing = frame_spacing(path, frames, frame_ps)
    return Replica(path.name, make_whole(solute.molecule, frames), spacing)


def _simulation_of(row: dict[str, str], path: Path, number: int) -> Simulation:
    values = {key: (row.get(key) or "").strip() for key in COLUMNS}
    if empty := [key for key in COLUMNS[:3] if not values[key]]:
        raise InputError(f"Line {number} of '{path}' has no {empty[0]}.")
    try:
        frame_ps = float(values["frame_ps"]) if values["frame_ps"] else None
        charge = int(values["charge"] or 0)
    except ValueError as error:
        raise InputError(f"Line {number} of '{path}' has a frame_ps or charge that is no number.") from error
    molecule = values["molecule"] or None
    if molecule and (path.parent / molecule).is_file():
        molecule = str(path.parent / molecule)
    return Simulation(
        name=values["name"],
        trajectories=[path.parent / values["trajectory"]],
        topology=path.parent / values["topology"],
        molecule=molecule,
        residue=values["residue"] or None,
        charge=charge,
        frame_ps=frame_ps,
    )


def one_simulation(
    trajectories: Sequence[str | os.PathLike[str]],
    topology: str | os.PathLike[str],
    *,
    name: str = "",
    molecule: str | None = None,
    residue: str | None = None,
    charge: int = 0,
    frame_ps: float | None = None,
    stride: int = 1,
) -> TrajectoryFiles:
    """Replicas of one molecule, named `name` or after its topology; see `Simulation`."""
    files = [Path(path) for path in trajectories]
    if not Path(topology).is_file():
        raise InputError(f"There is no topology '{topology}'.")
    simulation = Simulation(
        name=name or Path(topology).stem, trajectories=files, topology=Path(topology), molecule=molecule,
        residue=residue, charge=charge, frame_ps=frame_ps,
    )  # fmt: skip
    return TrajectoryFiles([simulation], "trajectory files", [*files, Path(topology)], stride)


def _open(paths: Sequence[Path], options: ImportOptions) -> TrajectoryFiles:
    if options.topology is None:
        raise InputError(f"'{paths[0]}' needs a topology: give a PDB, SDF or MOL2 file with --topology.")
    return one_simulation(
        paths, options.topology, name=options.name, molecule=options.molecule, residue=options.residue,
        charge=options.charge, frame_ps=options.frame_ps, stride=options.stride,
    )  # fmt: skip


TABLE = Format(
    lambda path: path.is_file() and suffix_of(path) in (".csv", ".tsv"),
    lambda paths, options: TrajectoryFiles.of_table(paths[0], options.stride),
)
TRAJECTORY = Format(Path.is_file, _open, several=True)
