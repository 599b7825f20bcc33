"""The engine `gromacs`: replicas of the explicit protocol, several at the same time where there are cores."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path
from eginterpolator.simulation.engines.base import OnFrame, Replica, SimulationError, check_frames, frame_count
from eginterpolator.simulation.engines.gromacs.frames import energies, ns_per_day, solute_frames, start_frame
from eginterpolator.simulation.engines.gromacs.program import Gmx, find_gmx
from eginterpolator.simulation.engines.gromacs.run import START, run_stages
from eginterpolator.simulation.engines.gromacs.settings import stages
from eginterpolator.simulation.engines.gromacs.topology import solute_topology, write_box
from eginterpolator.simulation.parameters import require_openmm
from eginterpolator.simulation.protocol import ExplicitProtocol, Protocol
from eginterpolator.simulation.solvent import explicit_system

KCAL = 4.184
READY = "ready"
"""File of a folder whose box is complete."""


@dataclass(frozen=True)
class _Run:
    """What all replicas of a call share."""

    gmx: Gmx
    molecule: Molecule
    protocol: ExplicitProtocol
    solute: str
    n_frames: int
    stride: int
    threads: int
    stop: threading.Event

    @property
    def frame_ps(self) -> float:
        """Time between frames."""
        return self.stride * self.protocol.timestep_fs / 1000.0

    def replica(self, index: int, folder: Path, seed: int, on_frame: OnFrame) -> Replica | SimulationError:
        """A replica whose box lies in `folder`."""
        began = time.perf_counter()

        def told(step: int) -> None:
            on_frame(index, min(step // self.stride, self.n_frames), self.n_frames)

        try:
            plan = stages(self.protocol, self.n_frames, self.stride)
            run_stages(
                self.gmx, folder, self.protocol, plan, seed=seed, threads=self.threads, stop=self.stop, told=told
            )
            minimum = start_frame(folder / "em.gro", self.molecule)
            frames = solute_frames(folder / "prod.xtc", self.molecule, self.n_frames, self.frame_ps)
            state = energies(self.gmx, folder, "prod", self.n_frames, self.frame_ps)
            if not (np.isfinite(frames).all() and np.isfinite(state).all()):
                raise SimulationError("a coordinate or energy is not finite.")
            check_frames(self.molecule, frames, minimum)
        except SimulationError as error:
            text = str(error)
            smiles = self.molecule.smiles
            return error if text.startswith(smiles) else SimulationError(f"{smiles}: {text}")
        on_frame(index, self.n_frames, self.n_frames)
        speed = ns_per_day(folder / "prod.log") or 0.0
        return Replica(
            positions=frames,
            frame_ps=self.frame_ps,
            potential_kcal=state[:, 0] / KCAL,
            temperature_K=state[:, 1],
            density_g_ml=state[:, 2],
            platform=f"GROMACS {self.gmx.version}, {self.threads} thread{'s' * (self.threads > 1)}",
            seconds=time.perf_counter() - began,
            steps_per_second=speed * 1e6 / 86400 / self.protocol.timestep_fs,
        )


class Gromacs:
    """The engine `gromacs`; see `base.Engine`. Its platform is the path of a gmx, or auto: the one on PATH."""

    default_replicas = 5
    resumes = True
    """It takes folders where unfinished replicas lie."""

    def check(self, platform: str) -> None:
        """InputError when a package of `[md]` or the program is missing here."""
        require_openmm()
        find_gmx(platform)

    def objection(self, molecule: Molecule, protocol: Protocol) -> str:
        """It does explicit water alone."""
        return "" if isinstance(protocol, ExplicitProtocol) else f"it does not do the protocol '{protocol.name}'"

    def replicas(
        self,
        molecule: Molecule,
        protocol: Protocol,
        starts: np.ndarray,
        seeds: Sequence[int],
        *,
        ns: float,
        save_ps: float,
        platform: str = "auto",
        threads: int | None = None,
        on_frame: OnFrame = lambda replica, done, total: None,
        folders: Sequence[Path | None] | None = None,
    ) -> Iterator[Replica | SimulationError]:
        """See `base.Engine`; a replica that lies unfinished in its folder goes on from its last checkpoint."""
        if not isinstance(protocol, ExplicitProtocol):
            raise InputError(f"The engine 'gromacs' cannot run it: {self.objection(molecule, protocol)}.")
        cores = threads or os.cpu_count() or 1
        at_once = max(1, min(cores, len(starts)))
        run = _Run(
            find_gmx(platform), molecule, protocol, solute_topology(molecule, protocol),
            frame_count(ns, save_ps, protocol), protocol.steps(save_ps), max(1, cores // at_once), threading.Event(),
        )  # fmt: skip
        with contextlib.ExitStack() as cleaning:
            spare = Path(cleaning.enter_context(tempfile.TemporaryDirectory(prefix="egi-gmx-")))
            places = [given or spare / str(k) for k, given in enumerate(folders or [None] * len(starts))]
            pool = cleaning.enter_context(ThreadPoolExecutor(at_once))
            cleaning.callback(run.stop.set)
            waiting = []
            for k, (place, start, seed) in enumerate(zip(places, starts, seeds, strict=True)):
                prepare(place, run.solute, molecule, protocol, start, seed)
                waiting.append(pool.submit(run.replica, k, place, seed, on_frame))
            for future in waiting:
                yield future.result()


def prepare(
    folder: Path, solute: str, molecule: Molecule, protocol: ExplicitProtocol, start: np.ndarray, seed: int
) -> None:
    """Write the solvated box of one replica into `folder`, unless it is there."""
    if (folder / READY).is_file() and (folder / f"{START}.gro").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_box(folder, solute, explicit_system(molecule, start, protocol, seed))
    with atomic_path(folder / READY) as temporary:
        temporary.write_text("box and topology are complete\n", encoding="utf-8")


GROMACS = Gromacs()
