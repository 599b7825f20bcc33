"""Molecule folders on disk (DESIGN section 3): written whole, read whoever wrote them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.sdf_records import sdf_records
from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions
from eginterpolator.files.frame_files import even_spacing
from eginterpolator.files.io import ascii_path, fsync_folder, write_json, write_text
from eginterpolator.files.sdf import atom_map_of, sdf_molecule, write_sdf
from eginterpolator.files.structures import read_structures
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory

UNFINISHED = ".unfinished"
OLD = ".old"


def write_molecule_folder(
    folder: str | os.PathLike[str],
    molecule: Molecule,
    trajectories: Sequence[Trajectory],
    meta: dict[str, Any],
    more: Callable[[Path], None] = lambda building: None,
) -> None:
    """Write `molecule.sdf`, `topology.pdb`, `trajectory_000.xtc` ... and `meta.json`; replaces what was there.

    `meta.json` holds `meta` and the atom map (`atom_map_of`). `more` may write further files into the folder before it
    appears.

    The SDF holds the molecule's own conformers where it has some, else the first frame whose stereo is right, so that
    whoever reads stereo from its coordinates gets the molecule that was meant.
    """
    if not trajectories:
        raise InputError(f"There is no trajectory of '{molecule.name}' to write.")
    with appearing_folder(Path(folder)) as building:
        write_sdf(building / "molecule.sdf", molecule, _conformers(molecule, trajectories))
        first = trajectories[0]
        Trajectory(molecule, first.positions[:1], first.frame_ps).save(building / "topology.pdb")
        for k, trajectory in enumerate(trajectories):
            trajectory.save(building / f"trajectory_{k:03d}.xtc")
        more(building)
        write_json(building / "meta.json", {**meta, **atom_map_of(molecule, first.positions.shape[1])})


def write_conformer_folder(folder: str | os.PathLike[str], ensemble: ConformerEnsemble, meta: dict[str, Any]) -> None:
    """Write `conformers.sdf` and `meta.json`, with the atom map; replaces what was there.

    Of an ensemble with a table `conformers.csv` as well, whose cells are properties of the SDF; of one with clusters
    `clusters.csv`.
    """
    with appearing_folder(Path(folder)) as building:
        path, rows = building / "conformers.sdf", ensemble.table.rows if ensemble.table else None
        write_sdf(path, ensemble.molecule, ensemble.positions, ensemble.energies_kcal, rows)
        for name, table in (("conformers.csv", ensemble.table), ("clusters.csv", ensemble.clusters)):
            if table is not None:
                write_text(building / name, table.to_csv())
        atoms = atom_map_of(ensemble.molecule, ensemble.positions.shape[1])
        write_json(building / "meta.json", {**meta, **atoms})


def read_conformer_folder(folder: str | os.PathLike[str]) -> tuple[ConformerEnsemble, dict[str, Any]]:
    """Ensemble and meta data of a folder that holds a `conformers.sdf`, atoms in the molecule's order.

    Energies are there where every record names its own; meta data are empty where there is no `meta.json`.

    Raises
    ------
    InputError
        When a file is missing or damaged.
    """
    root = Path(folder)
    path = root / "conformers.sdf"
    if not path.is_file():
        raise InputError(f"'{root}' has no conformers.sdf.")
    meta = _read_meta(root / "meta.json") if (root / "meta.json").is_file() else {}
    molecule, order = sdf_molecule(path)
    records = [record.mol for record in sdf_records(path, sanitize=False)]
    told = [float(mol.GetProp("energy_kcal")) for mol in records if mol is not None and mol.HasProp("energy_kcal")]
    named = Molecule(molecule.rdmol, str(meta.get("name") or root.resolve().name))
    energies = np.array(told) if len(told) == len(records) else None
    return ConformerEnsemble(named, read_structures(path).frames[:, order], energies, meta), meta


def read_molecule_folder(folder: str | os.PathLike[str]) -> tuple[Molecule, list[Trajectory], dict[str, Any]]:
    """Molecule, trajectories and meta data of a folder.

    Reads what `write_molecule_folder` writes, and folders of any atom order with `molecule.sdf` and one XTC a replica
    (`trajectory_*.xtc` or `rep*.xtc`, atoms in the order of the SDF): atoms are put in the molecule's order.

    Raises
    ------
    InputError
        When a file is missing or damaged, holds another number of atoms, or disagrees on the frame spacing.
    """
    root = Path(folder)
    sdf, path = root / "molecule.sdf", root / "meta.json"
    if not sdf.is_file():
        raise InputError(f"'{root}' is no molecule folder: it has no molecule.sdf.")
    files = sorted(root.glob("trajectory_*.xtc")) or sorted(root.glob("rep*.xtc"))
    if not files:
        raise InputError(f"'{root}' has no trajectory (trajectory_*.xtc or rep*.xtc).")
    meta = _read_meta(path)
    molecule, order = sdf_molecule(sdf)
    named = Molecule(molecule.rdmol, str(meta.get("name") or root.resolve().name))
    trajectories = [_read_xtc(file, named, order, meta.get("frame_ps")) for file in files]
    for trajectory in trajectories:
        trajectory.meta.update(Conditions.of_meta(meta).to_meta())
    return named, trajectories, meta


def remove_unfinished(out: str | os.PathLike[str], names: Container[str]) -> None:
    """Delete what a killed run left in `out`: unfinished folders of `names`, temporary tables and pages."""
    for path in list(Path(out).glob(".*")):
        if path.is_dir() and path.name.startswith(f"{UNFINISHED}."):
            for folder in path.iterdir():
                if folder.name.removesuffix(OLD) in names:
                    shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # another run is at work there
                path.rmdir()
        elif re.fullmatch(r"\.(summary|failures|report)\.\w+\.(csv|html)|\.write_test_\d+", path.name):
            path.unlink(missing_ok=True)


def _conformers(molecule: Molecule, trajectories: Sequence[Trajectory]) -> np.ndarray:
    from eginterpolator.chemistry.stereo import frame_stereo

    if trajectories[0].has_hydrogens and molecule.rdmol.GetNumConformers():
        return np.stack([c.GetPositions() for c in molecule.rdmol.GetConformers()])
    for trajectory in trajectories:
        right = np.flatnonzero(frame_stereo(molecule, trajectory.positions))
        if len(right):
            return trajectory.positions[right[:1]]
    return trajectories[0].positions[:1]


def _read_meta(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"'{path.parent}' has no meta.json: it was not finished, or not written as a molecule folder.")
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"'{path}' is no valid JSON; make the folder again.") from error
    if not isinstance(meta, dict):
        raise InputError(f"'{path}' must hold a JSON object.")
    return meta


def _read_xtc(path: Path, molecule: Molecule, order: np.ndarray, frame_ps: float | None) -> Trajectory:
    from mdtraj.formats import XTCTrajectoryFile

    try:
        with ascii_path(path) as plain, XTCTrajectoryFile(str(plain)) as stream:
            xyz, times, _, _ = stream.read()
    except Exception as error:  # mdtraj's readers raise whatever their C code finds
        raise InputError(f"'{path}' is damaged and cannot be read ({str(error).splitlines()[0]}).") from error
    if len(xyz) == 0:
        raise InputError(f"'{path}' holds no frame.")
    if xyz.shape[1] != len(order):
        raise InputError(f"'{path}' has {xyz.shape[1]} atoms, and its molecule.sdf {len(order)}.")
    spacing = float(frame_ps or 0.0)
    if len(times) > 1:
        spacing = even_spacing(times, path)
        if frame_ps and abs(frame_ps - spacing) > 0.01 * spacing:
            raise InputError(f"'{path}' has frames every {spacing} ps, and its meta.json says {frame_ps}.")
    if not spacing > 0:
        raise InputError(f"'{path}' has one frame only, and its meta.json no frame_ps.")
    return Trajectory(molecule, xyz[:, order] * 10.0, spacing, {"file": path.name})


@contextlib.contextmanager
def appearing_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder that takes the place of `folder` at the end, or vanishes with an error.

    It lies one level deeper than molecule folders do, so that nobody takes it for one after the process was killed.
    """
    building = folder.parent / f"{UNFINISHED}.{os.getpid()}" / folder.name
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        yield building
        for path in building.iterdir():
            with open(path, "rb") as stream:
                os.fsync(stream.fileno())
        old = building.with_name(f"{folder.name}{OLD}")
        if folder.exists():
            os.replace(folder, old)
        os.replace(building, folder)
        shutil.rmtree(old, ignore_errors=True)
        fsync_folder(folder.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        with contextlib.suppress(OSError):
            building.parent.rmdir()
