"""What a finished replica left: frames of the solute, whole, and the state of the box at each."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.frame_files import read_frames
from eginterpolator.files.periodic import make_whole
from eginterpolator.simulation.engines.base import SimulationError
from eginterpolator.simulation.engines.gromacs.program import Gmx

TERMS = ("Potential", "Temperature", "Density")


def solute_frames(path: Path, molecule: Molecule, n_frames: int, frame_ps: float) -> np.ndarray:
    """Frames float32 [n_frames, n_atoms, 3] in Å after the first, which is the start.

    Raises
    ------
    SimulationError
        When a frame is missing or there twice, or the file cannot be read.
    """
    try:
        frames = read_frames(path, molecule.n_atoms)
    except InputError as error:
        raise SimulationError(f"{molecule.smiles}: the frames of gmx cannot be read: {error}") from error
    assert frames.times_ps is not None
    wanted = np.arange(n_frames + 1) * frame_ps
    if len(frames.times_ps) != len(wanted) or np.abs(frames.times_ps - wanted).max() > 0.01 * frame_ps:
        raise SimulationError(
            f"{molecule.smiles}: gmx left {len(frames.times_ps)} frames up to {frames.times_ps[-1]:g} ps in place of "
            f"{n_frames + 1} every {frame_ps:g} ps."
        )
    return make_whole(molecule, frames)[1:]


def start_frame(path: Path, molecule: Molecule) -> np.ndarray:
    """The solute [n_atoms, 3] in Å of a gro file of the whole box."""
    return make_whole(molecule, read_frames(path, atoms=np.arange(molecule.n_atoms)))[0]


def energies(gmx: Gmx, folder: Path, stage: str, n_frames: int, frame_ps: float) -> np.ndarray:
    """Potential energy (kJ/mol), temperature (K) and density (g/ml) of each frame, float64 [n_frames, 3].

    Raises
    ------
    SimulationError
        When a frame has none.
    """
    out = f"{stage}.energies.xvg"
    gmx.run(folder, "energy", "-f", f"{stage}.edr", "-o", out, "-dp", given="\n".join(TERMS) + "\n\n")
    rows = {round(row[0] / frame_ps): row[1:] for row in xvg(folder / out)}
    missing = [k for k in range(1, n_frames + 1) if k not in rows]
    if missing:
        raise SimulationError(f"gmx left no energy of frame {missing[0] - 1} of {n_frames}.")
    return np.array([rows[k] for k in range(1, n_frames + 1)]) * [1.0, 1.0, 1e-3]


def xvg(path: Path) -> np.ndarray:
    """The numbers of an xvg file, float64 [rows, columns]."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return np.array([[float(text) for text in line.split()] for line in lines if line and line[0] not in "#@"])


def ns_per_day(log: Path) -> float | None:
    """What mdrun says at the end of its log; of a continued run that of the last part."""
    found = re.findall(r"^Performance:\s+([\d.]+)", log.read_text(encoding="utf-8", errors="replace"), re.M)
    return float(found[-1]) if found else None
