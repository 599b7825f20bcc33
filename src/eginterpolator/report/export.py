"""Trajectories for other programs: files of their formats, and scripts of PyMOL and VMD that open these."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.sources import FileEntry, Source, conformer_sources, read_source, trajectory_sources
from eginterpolator.files.convert import SUFFIXES
from eginterpolator.files.folder import read_conformer_folder
from eginterpolator.files.io import write_text
from eginterpolator.files.names import safe_name
from eginterpolator.files.sdf import write_sdf
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.report.geometry import superpose
from eginterpolator.report.viewer_scripts import pymol_script, vmd_script

FORMATS = tuple(suffix[1:] for suffix in SUFFIXES)
CONFORMERS = "conformers"
"""Name of the file of conformers, which have no time: they stand 1 ps apart where a format wants one."""


@dataclass(frozen=True)
class ExportSettings:
    """What is written of each trajectory.

    Attributes
    ----------
    formats : tuple of str
        Of `FORMATS`.
    frames : slice
        Of each trajectory; times begin at 0 again.
    align : bool
        Superpose the heavy atoms of every frame on the first frame of the first trajectory.
    """

    formats: tuple[str, ...] = ("pdb",)
    frames: slice = field(default_factory=lambda: slice(None))
    align: bool = False

    def __post_init__(self) -> None:
        unknown = [each for each in self.formats if each not in FORMATS]
        if unknown or not self.formats:
            raise InputError(f"There is no format '{', '.join(unknown)}'; use {', '.join(FORMATS)}.")


@dataclass
class Exported:
    """What was written, and what could not be."""

    files: list[Path] = field(default_factory=list)
    molecules: list[str] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def frames_slice(text: str) -> slice:
    """'a:b:c' or 'a:b' as Python means it, with a step over 0; 'a' is that frame alone.

    Raises
    ------
    InputError
        For anything else.
    """
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
        if len(parts) > 3 or not text.strip() or (numbers[2:] and numbers[2] is not None and numbers[2] < 1):
            raise ValueError
    except ValueError:
        raise InputError(
            f"--frames is '{text}'; write first:last:step such as 0:500:5, counted from 0, the last not included."
        ) from None
    if len(numbers) == 1:
        first = numbers[0] or 0
        return slice(first, first + 1 if first != -1 else None)
    return slice(*numbers)


def export(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    settings: ExportSettings | None = None,
    options: ImportOptions | None = None,
) -> Exported:
    """Write the trajectories or conformers of a source in other formats, with scripts that open them.

    Parameters
    ----------
    source : path
        A molecule folder, a folder of these, a folder of conformers, or what else `trajectory_sources` reads.
    out : path
        A folder, which gets a folder a molecule; or a file, whose suffix is the format, for a single trajectory.
    settings : ExportSettings, optional
    options : ImportOptions, optional
        What trajectory files do not tell themselves: topology, molecule, frame_ps.

    Returns
    -------
    Exported
        A molecule that cannot be read or written is in its `failures`.

    Raises
    ------
    InputError
        When there is nothing to convert, or several trajectories for one file.
    """
    settings, out = settings or ExportSettings(), Path(out)
    sources = _sources(Path(source), options)
    single = out.suffix[1:].lower() in FORMATS and not out.is_dir()
    if single:
        settings = replace(settings, formats=(out.suffix[1:].lower(),))
        if len(sources) > 1:
            raise InputError(f"'{source}' holds {len(sources)} molecules; give --out a folder, and --to the format.")
    result = Exported()
    for name, each in sources.items():
        try:
            sets = _chosen(_read(each), settings, name)
            if single and len(sets) > 1:
                raise InputError(
                    f"'{source}' holds {len(sets)} trajectories; give --out a folder, or name one file as INPUT."
                )
            folder = out.parent if single else out / safe_name(name)
            stems = [out.stem] if single else [each.stem for each in sets]
            result.files += _written(folder, out.stem if single else None, stems, sets, settings.formats, result.notes)
            result.molecules.append(name)
        except EGIError as error:
            if single or len(sources) == 1:
                raise
            result.failures.append({"name": name, "reason": str(error)})
    return result


@dataclass(frozen=True)
class _Set:
    """Frames that go into one file: a trajectory, or conformers (`timed` false) with perhaps energies in kcal/mol."""

    stem: str
    trajectory: Trajectory
    timed: bool = True
    energies_kcal: np.ndarray | None = None


def _sources(path: Path, options: ImportOptions | None) -> dict[str, Source | _Conformers]:
    if path.is_dir() and not (path / "molecule.sdf").is_file():
        if (path / f"{CONFORMERS}.sdf").is_file():
            return {path.resolve().name: _Conformers(path / f"{CONFORMERS}.sdf")}
        if not any(path.glob("*/molecule.sdf")):
            found = conformer_sources(path)
            if found:
                return {name: _Conformers(file) for name, file in found.items() if isinstance(file, Path)}
    return dict(trajectory_sources(path, options))


@dataclass(frozen=True)
class _Conformers:
    """A `conformers.sdf`."""

    path: Path


def _read(source: Source | _Conformers) -> list[_Set]:
    if isinstance(source, _Conformers):
        return [_conformers(source.path)]
    _, trajectories, _ = read_source(source)
    if isinstance(source, FileEntry):
        stems = [file.name.split(".")[0] for file in source.simulation.trajectories]
        unique = len(set(stems)) == len(stems)
        return [
            _Set(stem if unique else f"trajectory_{k:03d}", t)
            for k, (stem, t) in enumerate(zip(stems, trajectories, strict=True))
        ]
    return [_Set(f"trajectory_{k:03d}", trajectory) for k, trajectory in enumerate(trajectories)]


def _conformers(path: Path) -> _Set:
    ensemble, _ = read_conformer_folder(path.parent)
    frames = Trajectory(ensemble.molecule, ensemble.positions, 1.0)
    return _Set(CONFORMERS, frames, False, ensemble.energies_kcal)


def _chosen(sets: Sequence[_Set], settings: ExportSettings, name: str) -> list[_Set]:
    """The frames that are asked for, superposed if that is."""
    result: list[_Set] = []
    for each in sets:
        whole = each.trajectory
        positions = whole.positions[settings.frames]
        if not len(positions):
            raise InputError(f"'{name}' has {whole.n_frames} frames, of which --frames takes none; choose others.")
        if settings.align:
            first = result[0].trajectory.positions[0] if result else positions[0]
            positions = superpose(positions, first, whole.molecule.n_heavy)
        spacing = whole.frame_ps * (settings.frames.step or 1)
        energies = None if each.energies_kcal is None else each.energies_kcal[settings.frames]
        result.append(replace(each, trajectory=Trajectory(whole.molecule, positions, spacing), energies_kcal=energies))
    return result


def _written(
    folder: Path, prefix: str | None, stems: Sequence[str], sets: Sequence[_Set], formats: Sequence[str],
    notes: list[str],
) -> Iterator[Path]:  # fmt: skip
    """Write the files of one molecule and yield their paths: the molecule, the frames, the scripts."""
    first = sets[0].trajectory
    molecule = first.molecule
    title = prefix or molecule.name
    beside = f"{prefix}_" if prefix else ""
    sdf, pdb = folder / f"{beside}molecule.sdf", folder / f"{beside}topology.pdb"
    folder.mkdir(parents=True, exist_ok=True)
    write_sdf(sdf, molecule, first.positions[:1])
    Trajectory(molecule, first.positions[:1], first.frame_ps).save(pdb)
    yield from (sdf, pdb)
    scripts: dict[str, str] = {}
    for kind in formats:
        files = [f"{stem}.{kind}" for stem in stems]
        for file, each in zip(files, sets, strict=True):
            if kind == "sdf" and not each.timed:
                write_sdf(folder / file, molecule, each.trajectory.positions, each.energies_kcal)
            else:
                each.trajectory.save(folder / file)
            yield folder / file
        for suffix, script in (
            ("pml", pymol_script(files, sdf.name, title)), ("tcl", vmd_script(files, pdb.name, title)),
        ):  # fmt: skip
            if script is not None:
                scripts.setdefault(suffix, script)
    for suffix, script in scripts.items():
        path = folder / f"{prefix or 'view'}.{suffix}"
        write_text(path, script)
        yield path
    for suffix, program in (("pml", "PyMOL"), ("tcl", "VMD")):
        note = f"{program} reads no {' or '.join(formats)}: there is no script for it; --to xtc makes one."
        if suffix not in scripts and note not in notes:
            notes.append(note)
