"""The honest rival of a generated trajectory: molecular dynamics that is given the same seconds."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eginterpolator.benchmark.config import TrajectoryTask
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import stereo_retention
from eginterpolator.chemistry.validity import valid_share
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.simulation.engines.base import Replica, SimulationError, Unsupported
from eginterpolator.simulation.engines.choice import AUTO, FALLBACK, Chosen, choose_engine
from eginterpolator.simulation.engines.lanes.library import widths
from eginterpolator.simulation.protocol import Protocol, protocol_named
from eginterpolator.simulation.starts import start_conformers, superpose

log = logging.getLogger(__name__)

PILOT_FRAMES = 4
MARGIN = 1.25
"""Frames that are run, over those that the pilot promises; what comes after the time is cut off."""
LEAST_FRAMES = 2


@dataclass(frozen=True)
class Rival:
    """Simulations of one molecule, of which so many run at the same time.

    Attributes
    ----------
    starts : float [samples, n_atoms, 3]
        Å.
    seed : int
        Of the first sample; each later one has the next number.
    """

    molecule: Molecule
    protocol: Protocol
    frame_ps: float
    starts: np.ndarray
    seed: int
    chosen: Chosen

    @property
    def parts(self) -> list[range]:
        """Samples that run together: as equal in number as can be, in lanes at most what a register holds."""
        samples = len(self.starts)
        together = max(widths()) if self.chosen.name == "lanes" else 1
        edges = np.linspace(0, samples, -(-samples // together) + 1).round().astype(int)
        return [range(first, last) for first, last in zip(edges[:-1], edges[1:], strict=True)]

    def run(self, part: range, frames: int) -> tuple[list[Replica], np.ndarray]:
        """Replicas of the samples in `part`, and the seconds after which each of their frames was there, [frames].

        Everything counts from the call on: parametrisation, minimisation, equilibration. One thread.
        """
        arrived = np.full(frames, np.nan)
        stride_ps = self.protocol.steps(self.frame_ps) * self.protocol.timestep_fs / 1000
        began = time.perf_counter()

        def told(replica: int, done: int, total: int) -> None:
            arrived[done - 1] = time.perf_counter() - began

        made = self.chosen.engine.replicas(
            self.molecule, self.protocol, self.starts[part], [self.seed + k for k in part],
            ns=frames * stride_ps / 1000, save_ps=self.frame_ps, threads=1, on_frame=told,
        )  # fmt: skip
        replicas = []
        for each in made:
            if isinstance(each, SimulationError):
                raise each
            replicas.append(each)
        return replicas, arrived

    def pilot(self) -> tuple[Rival, np.ndarray]:
        """The rival that can run, OpenMM's where lanes do not know the System, and when each frame of a pilot came."""
        try:
            self.run(range(1), 1)  # reads the force field and the charge model, which later runs find in memory
        except Unsupported as error:
            log.warning("%s: OpenMM takes it, since %s cannot: %s.", self.molecule.name, self.chosen.name, error)
            return replace(self, chosen=Chosen(FALLBACK)).pilot()
        return self, self.run(self.parts[0], PILOT_FRAMES)[1]


def affordable(arrived: np.ndarray, seconds: float) -> int:
    """Frames that `seconds` should buy, from when those of a pilot came."""
    each = (arrived[-1] - arrived[0]) / (len(arrived) - 1)
    return int(np.clip(1 + math.floor((seconds - arrived[0]) / max(each, 1e-9)), 0, 2**30))


def simulate_for(
    seconds: float, molecule: Molecule, task: TrajectoryTask, out: Path, seed: int, start: np.ndarray | None = None
) -> None:
    """Write `out/<name>/` with `task.samples` simulations in OBC2 that together take `seconds` for each of them.

    In one thread, by lanes where they can run the molecule, else by OpenMM; meta.json names the engine. The time pays
    for start conformers, parametrisation, minimisation and equilibration too. Samples that run together in lanes share
    their seconds: three samples of 5 s each are 15 s of three lanes. A pilot, whose time is left out, says how many
    frames to run. The clock is read at every frame, and those that came after the time are cut off, for all samples
    alike. At least two frames are made, however short the time, and at most `task.n_frames`, however long.

    `seconds` of meta.json is when the last frame that was kept was there, summed over what ran one after another;
    `seconds_to_equal` is what was given.

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
    began = time.perf_counter()
    starts = start_conformers(molecule, task.samples, seed) if start is None else start[None].repeat(task.samples, 0)
    before = (time.perf_counter() - began) / task.samples
    rival, arrived = Rival(
        molecule, protocol, task.frame_ps, starts, seed, choose_engine(AUTO, molecule, protocol)
    ).pilot()
    given = [(seconds - before) * len(part) for part in rival.parts]
    promised = math.ceil(MARGIN * affordable(arrived, given[0]))
    frames = int(np.clip(promised, LEAST_FRAMES, task.n_frames))
    runs = [rival.run(part, frames) for part in rival.parts]
    clocks = [clock for _, clock in runs]
    kept = max(LEAST_FRAMES, kept_frames(clocks, given))
    replicas = [replica for made, _ in runs for replica in made]
    trajectories = [
        Trajectory(molecule, superpose(replica.positions[:kept], molecule.n_heavy), task.frame_ps)
        for replica in replicas
    ]
    together = np.concatenate([trajectory.positions for trajectory in trajectories])
    meta = {
        "smiles": molecule.smiles,
        "protocol": protocol.to_dict(),
        "engine": rival.chosen.name,
        "platform": replicas[0].platform,
        "frame_ps": task.frame_ps,
        "n_frames": kept,
        "samples": task.samples,
        "seed": seed,
        "seconds_to_equal": seconds * task.samples,
        "seconds": before * task.samples + float(sum(clock[kept - 1] for clock in clocks)),
        "stereo_retention": stereo_retention(molecule, together),
        "valid": valid_share(molecule, together),
    }
    write_molecule_folder(out / molecule.name, molecule, trajectories, meta)


def kept_frames(clocks: Sequence[np.ndarray], given: Sequence[float]) -> int:
    """Frames of which every part had as many within its time: seconds of each frame [T], seconds given, by part."""
    return int(min((clock <= limit).sum() for clock, limit in zip(clocks, given, strict=True)))
