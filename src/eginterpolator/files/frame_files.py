"""Coordinates out of trajectory files: whatever MDTraj or MDAnalysis opens, in Å and ps."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import logging
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.errors import InputError
from eginterpolator.files.io import ascii_path
from eginterpolator.files.pdb import load_pdb

log = logging.getLogger(__name__)

_HDF5 = (".h5", ".hdf5")
_TIMED = (".xtc", ".trr", ".nc", ".netcdf", ".ncdf", ".gro", *_HDF5)
"""Formats whose files tell the time of each frame. The header of a DCD has a step, which many programs leave at 1."""
UNTOLD = (".mdcrd", ".crd")
"""Formats whose files do not tell how many atoms they have."""


@dataclass(frozen=True)
class Frames:
    """Frames of a file.

    Attributes
    ----------
    positions : float32 [T, n_atoms, 3]
        Å.
    times_ps : float64 [T] or None
        Time of each frame, where the file tells it.
    cell : float32 [T, 3, 3] or None
        Vectors of the periodic box, Å.
    """

    positions: np.ndarray
    times_ps: np.ndarray | None
    cell: np.ndarray | None = None


def read_frames(path: str | os.PathLike[str], n_atoms: int | None = None, atoms: np.ndarray | None = None) -> Frames:
    """Frames of a trajectory file, of all atoms or of those in `atoms` in their order.

    Formats are those of MDTraj (XTC, TRR, DCD, NetCDF, HDF5 ...), and for other suffixes those of MDAnalysis.
    `n_atoms` is how many the file must have; of the few formats that do not tell how many they have, it is needed.

    Raises
    ------
    InputError
        When the file is missing, damaged or cut off, has no frame, another number of atoms, or an unknown format.
    """
    path = Path(path)
    count = count_atoms(path, n_atoms)
    if n_atoms is not None and count != n_atoms:
        raise InputError(f"'{path}' has {count} atoms a frame, and its topology {n_atoms}; give the one it belongs to.")
    with _reading(path):
        frames = _reader(path)(path, count, atoms)
    if not len(frames.positions):
        raise InputError(f"'{path}' holds no frame.")
    return frames


def count_atoms(path: str | os.PathLike[str], n_atoms: int | None = None) -> int:
    """Atoms of each frame of a file; `n_atoms` is the answer for the formats that do not tell.

    Raises
    ------
    InputError
        As `read_frames`.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    with _reading(path):
        if suffix in _HDF5:
            import h5py

            with h5py.File(path) as file:
                if "coordinates" not in file:
                    raise InputError(f"'{path}' has no coordinates as MDTraj's HDF5 files have them.")
                return int(file["coordinates"].shape[1])
        if suffix in UNTOLD:
            if n_atoms is None:
                raise InputError(f"'{path}' does not say how many atoms it has; give a topology.")
            return n_atoms
        if suffix not in _mdtraj_suffixes():
            with _mdanalysis(path, n_atoms) as source:
                return int(source.n_atoms)
        import mdtraj

        if suffix == ".pdb":
            return int(load_pdb(path, 0)[0].n_atoms)
        with ascii_path(path) as plain, mdtraj.open(str(plain)) as stream:
            first = stream.read(n_frames=1)
        return int((first[0] if isinstance(first, tuple) else first).shape[1])


def frame_spacing(path: str | os.PathLike[str], frames: Frames, frame_ps: float | None) -> float:
    """Time between frames in ps: `frame_ps` where it is given, with a warning where the file says otherwise.

    A warning also says when the times of the file look like numbers of frames or like fs.

    Raises
    ------
    InputError
        When nobody tells it, or the frames are unevenly spaced.
    """
    if frame_ps is not None and not (np.isfinite(frame_ps) and frame_ps > 0):
        raise InputError(f"A frame spacing of {frame_ps} ps is impossible; give a positive number of picoseconds.")
    times = frames.times_ps
    if times is None or len(times) < 2 or not np.ptp(times):
        if frame_ps is None:
            raise InputError(
                f"'{path}' does not tell the time between its frames; give it with --frame-ps (Python: frame_ps)."
            )
        return float(frame_ps)
    if frame_ps is None:
        spacing = even_spacing(times, path)
        if spacing == 1 and times[0] in (0, 1):
            log.warning(
                "the times of '%s' look like frame numbers and are taken as 1 ps apart; else give --frame-ps", path
            )
        elif spacing >= 100:
            log.warning("the frames of '%s' are %g ps apart; if its times are in fs, give --frame-ps", path, spacing)
        return spacing
    try:
        spacing = even_spacing(times, path)
    except InputError as error:
        log.warning("%s --frame-ps %g is taken for all of them", error, frame_ps)
        return float(frame_ps)
    if abs(frame_ps - spacing) > 0.01 * spacing:
        log.warning("'%s' has frames every %g ps; --frame-ps %g is taken instead", path, spacing, frame_ps)
    return float(frame_ps)


def even_spacing(times_ps: np.ndarray, path: str | os.PathLike[str]) -> float:
    """Time between frames in ps from the times [T > 1] of a file, which may have been rounded to float32.

    Raises
    ------
    InputError
        Naming the first frame that does not fit, where they are uneven.
    """
    times = np.asarray(times_ps, dtype=np.float64)
    rounding = float(np.spacing(np.float32(np.abs(times).max())))
    steps, count = np.diff(times), len(times) - 1
    spacing = _roundest((times[-1] - times[0]) / count, rounding / count)
    wrong = np.abs(steps - spacing) > 0.02 * abs(spacing) + rounding
    if spacing > 0 and not wrong.any():
        return spacing
    usual = Counter(_roundest(float(step), rounding) for step in steps).most_common(1)[0][0]
    wrong = np.abs(steps - usual) > 0.02 * abs(usual) + rounding
    k = int(np.argmax(wrong)) + 1 if wrong.any() and usual > 0 else 1
    others = f", and others are {usual:g} ps apart" if usual > 0 else ""
    raise InputError(
        f"The frames of '{path}' have no even spacing in time: frame {k} (from 0) is at {times[k]:.10g} ps, the one "
        f"before at {times[k - 1]:.10g} ps{others}."
    )


def _roundest(value: float, error: float) -> float:
    """The number of the fewest decimals within the error of `value`, and within half of its fourth decimal."""
    within = max(error, min(5e-5, 1e-4 * abs(value)))
    return next((r for d in range(7) if abs((r := round(value, d)) - value) <= within and r), value)


def imported(name: str) -> Any:
    """An optional converter.

    Raises
    ------
    InputError
        When it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"{name} is not installed; run pip install 'eginterpolator[convert]'.") from error


def _mdtraj_suffixes() -> set[str]:
    from mdtraj.formats.registry import FormatRegistry

    return set(FormatRegistry.loaders)


def _reader(path: Path) -> Callable[[Path, int, np.ndarray | None], Frames]:
    suffix = path.suffix.lower()
    if suffix in _HDF5:
        return _read_hdf5
    return _read_mdtraj if suffix in _mdtraj_suffixes() else _read_mdanalysis


def _read_mdtraj(path: Path, n_atoms: int, atoms: np.ndarray | None) -> Frames:
    import mdtraj

    topology = mdtraj.Topology()
    residue = topology.add_residue("UNK", topology.add_chain())
    for _ in range(n_atoms):
        topology.add_atom("X", None, residue)
    ordered = None if atoms is None else np.sort(atoms)
    if path.suffix.lower() == ".pdb":
        whole = load_pdb(path)[0]
        frames = whole if ordered is None else whole.atom_slice(ordered)
    else:
        with ascii_path(path) as plain:
            frames = mdtraj.load(str(plain), top=topology, atom_indices=ordered)
    positions = frames.xyz if atoms is None else frames.xyz[:, np.argsort(np.argsort(atoms))]
    cell = frames.unitcell_vectors
    boxed = cell is not None and bool(np.abs(np.linalg.det(cell)).min() > 0)
    box = (cell * 10.0).astype(np.float32) if boxed else None
    times = frames.time.astype(np.float64) if path.suffix.lower() in _TIMED else None
    return Frames(positions * np.float32(10.0), times, box)


def _read_hdf5(path: Path, n_atoms: int, atoms: np.ndarray | None) -> Frames:
    """MDTraj's HDF5 convention, read without PyTables."""
    import h5py

    with h5py.File(path) as file:
        positions = file["coordinates"][:] * np.float32(10.0)
        times = np.asarray(file["time"][:], dtype=np.float64) if "time" in file else None
    return Frames(positions if atoms is None else positions[:, atoms], times)


def _read_mdanalysis(path: Path, n_atoms: int, atoms: np.ndarray | None) -> Frames:
    chosen = slice(None) if atoms is None else atoms
    positions, times, timed = [], [], True
    with _mdanalysis(path, n_atoms) as source:
        for step in source:
            timed &= "time" in step.data or "dt" in step.data
            times.append(step.time)
            positions.append(step.positions[chosen].astype(np.float32))
    return Frames(np.array(positions), np.array(times, dtype=np.float64) if timed else None)


def _mdanalysis(path: Path, n_atoms: int | None) -> Any:
    imported("MDAnalysis")
    from MDAnalysis.coordinates.core import reader

    try:
        return reader(str(path), n_atoms=n_atoms)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"Neither MDTraj nor MDAnalysis knows the format of '{path.name}'; convert it to XTC, TRR, DCD or NetCDF."
        ) from error


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What the readers print is dropped, what they raise becomes one sentence."""
    if not path.is_file() or path.stat().st_size == 0:
        raise InputError(f"The file '{path}' is {'empty' if path.is_file() else 'missing'}.")
    try:
        with warnings.catch_warnings(), _silent():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:  # every reader has errors of its own for a broken file
        text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise InputError(f"'{path}' is damaged or cut off and cannot be read ({text}); write it again.") from error


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Nothing on the terminal from C code: readers of DCD and XTC print there."""
    try:
        kept = [os.dup(stream) for stream in (1, 2)]
    except OSError:  # no terminal to keep clean
        yield
        return
    with open(os.devnull, "w") as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
        try:
            yield
        finally:
            ctypes.CDLL(None).fflush(None)
            for stream, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, stream)
                os.close(copy)
