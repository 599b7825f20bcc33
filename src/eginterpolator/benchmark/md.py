"""The honest rival of a generated trajectory: molecular dynamics that is given the same seconds."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from eginterpolator.benchmark.config import TrajectoryTask
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import stereo_retention
from eginterpolator.chemistry.validity import valid_share
from eginterpolator.errors import EGIError
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.simulation.engines.openmm import run_replica
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.protocol import ImplicitProtocol, protocol_named
from eginterpolator.simulation.starts import start_conformers, superpose

PILOT_FRAMES = 4


def simulate_for(
    seconds: float, molecule: Molecule, task: TrajectoryTask, out: Path, seed: int, start: np.ndarray | None = None
) -> None:
    """Write `out/<name>/` with `task.samples` simulations in OBC2 that together take `seconds` for each of them.

    A pilot run of a few frames measures the speed and what does not grow with the length (parametrisation,
    minimisation, equilibration), each of which the time has to pay for. At least two frames are made, however short
    the time: `seconds` of meta.json is what was really spent, the pilot left out.

    Parameters
    ----------
    seconds : float
        Wall-clock seconds of one trajectory.
    start : float [n_atoms, 3], optional
        Frame that all simulations start from, Å; by default each starts from its own ETKDG conformer.

    Raises
    ------
    InputError, SimulationError
        When the molecule cannot be simulated.
    """
    protocol = protocol_named("implicit")
    if not isinstance(protocol, ImplicitProtocol):
        raise EGIError("The protocol 'implicit' is no ImplicitProtocol; this is a bug, please report it.")
    starts = start_conformers(molecule, task.samples, seed) if start is None else start[None].repeat(task.samples, 0)

    def run(index: int, frames: int) -> tuple[np.ndarray, float, float]:
        """Frames [T, n_atoms, 3], seconds of everything, and steps per second of production."""
        began = time.perf_counter()
        system = build_system(molecule, starts[index], protocol, seed + index)
        replica = run_replica(
            molecule, system, protocol, ns=frames * task.frame_ps / 1000, save_ps=task.frame_ps, seed=seed + index,
            threads=1,
        )  # fmt: skip
        return replica.positions, time.perf_counter() - began, replica.steps_per_second

    run(0, 1)  # reads the force field and the charge model, which later runs find in memory
    _, spent, speed = run(0, PILOT_FRAMES)
    seconds_a_frame = task.frame_ps * 1000 / protocol.timestep_fs / speed
    overhead = max(0.0, spent - PILOT_FRAMES * seconds_a_frame)
    frames = int(np.clip((seconds - overhead) / seconds_a_frame, 2, task.n_frames))
    runs = [run(index, frames) for index in range(task.samples)]
    trajectories = [Trajectory(molecule, superpose(x, molecule.n_heavy), task.frame_ps) for x, _, _ in runs]
    together = np.concatenate([trajectory.positions for trajectory in trajectories])
    meta = {
        "smiles": molecule.smiles,
        "protocol": protocol.to_dict(),
        "frame_ps": task.frame_ps,
        "n_frames": frames,
        "samples": task.samples,
        "seed": seed,
        "seconds_to_equal": seconds * task.samples,
        "seconds": sum(cost for _, cost, _ in runs),
        "stereo_retention": stereo_retention(molecule, together),
        "valid": valid_share(molecule, together),
    }
    write_molecule_folder(out / molecule.name, molecule, trajectories, meta)
