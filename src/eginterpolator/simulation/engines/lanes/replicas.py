"""The engine `lanes`: replicas of `run`, checked as those of every engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.base import OnFrame, Replica, SimulationError, check_frames, frame_count
from eginterpolator.simulation.engines.lanes.library import library, widths
from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes
from eginterpolator.simulation.engines.lanes.run import LaneFrames, LaneSettings, run_lanes
from eginterpolator.simulation.engines.lanes.system import MAX_ATOMS
from eginterpolator.simulation.parameters import require_openmm
from eginterpolator.simulation.protocol import OpenProtocol, Protocol

KCAL = 4.184


class LaneEngine:
    """The engine `lanes`; see `base.Engine`. Its platforms are numbers of lanes: 16, 8, 4."""

    default_replicas = 16

    def check(self, platform: str) -> None:
        """InputError when a package of `[md]`, a compiler, or registers for so many lanes are missing here."""
        require_openmm()
        if not widths():
            raise InputError("The engine 'lanes' is not written for this kind of processor; use the engine openmm.")
        library(_width(platform))

    def objection(self, molecule: Molecule, protocol: Protocol) -> str:
        """It has no box, and lanes for small molecules only."""
        if not isinstance(protocol, OpenProtocol):
            return f"it does not do the protocol '{protocol.name}'"
        if molecule.n_atoms > MAX_ATOMS:
            return f"'{molecule.name}' has {molecule.n_atoms} atoms, more than {MAX_ATOMS}"
        return ""

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
    ) -> Iterator[Replica | SimulationError]:
        """See `base.Engine`."""
        if not isinstance(protocol, OpenProtocol):
            raise InputError(f"The engine 'lanes' cannot run it: {self.objection(molecule, protocol)}.")
        stride = protocol.steps(save_ps)
        settings = LaneSettings(
            n_frames=frame_count(ns, save_ps, protocol),
            stride=stride,
            timestep_fs=protocol.timestep_fs,
            temperature_K=protocol.temperature_K,
            friction_per_ps=protocol.friction_per_ps,
            equilibration_steps=protocol.steps(protocol.equilibration_ps) if protocol.equilibration_ps else 0,
        )
        width = _width(platform)

        def told(done: int, total: int) -> None:
            for replica in range(len(starts)):
                on_frame(replica, done, total)

        system = molecule_lanes(molecule, protocol)
        made = run_lanes(system, starts, settings, seeds, width=width, threads=threads, on_frame=told)
        for index in range(len(starts)):
            try:
                check_replica(molecule, made, index, starts[index])
            except SimulationError as error:
                yield error
                continue
            yield Replica(
                positions=made.positions[index],
                frame_ps=stride * protocol.timestep_fs / 1000.0,
                potential_kcal=made.potential_kj[index] / KCAL,
                temperature_K=made.temperature_K[index],
                density_g_ml=None,
                platform=f"{width} lanes",
                seconds=made.seconds / len(starts),
                steps_per_second=made.steps_per_second,
            )


def check_replica(molecule: Molecule, made: LaneFrames, index: int, start: np.ndarray) -> None:
    """SimulationError when a replica is not finite, breaks a bond, or loses its stereo."""
    cold, frames = made.cold[index], made.positions[index]
    if not np.isfinite(cold).all():
        raise SimulationError(f"{molecule.smiles}: minimisation diverged.")
    check_frames(molecule, cold[None], start)
    if not np.isfinite(frames).all():
        first = int(np.argmin(np.isfinite(frames).all(axis=(1, 2))))
        raise SimulationError(f"{molecule.smiles}: coordinates not finite in frame {first} of replica {index}.")
    check_frames(molecule, frames, cold)


def _width(platform: str) -> int:
    if platform == "auto":
        return max(widths(), default=4)
    known = [str(width) for width in widths()]
    if platform not in known:
        raise InputError(
            f"The engine 'lanes' has no platform '{platform}' here; use auto or one of {', '.join(known)}."
        )
    return int(platform)


LANES = LaneEngine()
