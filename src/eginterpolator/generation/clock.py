"""A clock for a molecule's torsions, measured in some seconds of dynamics of its own, and paths by it.

Replicas in lanes start from generated frames (`replicas`). What they are seen to do decides, with the times by class of
bond, how often wells change, and with the frames, which shares wells have (`analysis.jumps`). Pieces of the replicas
are put together to paths of that kind (`pieces`, `paths`, `order`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from eginterpolator.analysis.jumps import Mover, movers, weights
from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_times import shipped_times
from eginterpolator.data.frames import superpose
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.generation import replicas
from eginterpolator.generation.order import ordered
from eginterpolator.generation.paths import changing
from eginterpolator.generation.pieces import Pieces, piece_length
from eginterpolator.generation.replicas import Replicas, replica_ps, simulate, sound
from eginterpolator.generation.thermalise import ThermaliseSettings, thermalise_frames
from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes
from eginterpolator.simulation.engines.lanes.replicas import LANES
from eginterpolator.simulation.engines.lanes.run import Lanes
from eginterpolator.simulation.parameters import require_elements
from eginterpolator.simulation.protocol import OpenProtocol, lanes_protocol


@dataclass(frozen=True, kw_only=True)
class ClockSettings:
    """How a clock is measured.

    Attributes
    ----------
    seconds : float or None
        What the dynamics takes on the machine of `replicas.STEPS_A_SECOND`; None: `default_seconds` of the molecule.
    save_ps : float
        Spacing of the frames in which jumps are counted, about: frames of a path are a multiple of it apart.
    ensemble : str
        What the frames are samples of: `thermal` or `obc2` (implicit water), or `vacuum`.
    temperature_K, friction_per_ps : float
        Of the thermostat: water's pace is another friction than 1/ps (docs/simulation.md).
    """

    seconds: float | None = None
    save_ps: float = 1.3
    ensemble: str = "thermal"
    temperature_K: float = 300.0
    friction_per_ps: float = 1.0

    def __post_init__(self) -> None:
        self.protocol()
        if self.seconds is not None and not self.seconds > 0:
            raise InputError(f"A clock cannot be measured in {self.seconds:g} seconds; give more than 0.")

    def protocol(self) -> OpenProtocol:
        """The physics; InputError as `lanes_protocol`."""
        return lanes_protocol(self.ensemble, temperature_K=self.temperature_K, friction_per_ps=self.friction_per_ps)


def default_seconds(n_atoms: int) -> float:
    """Seconds that the dynamics of a molecule may take where nothing else is asked for."""
    return replicas.default_seconds(n_atoms, ClockSettings().protocol().timestep_fs)


def refusal(molecule: Molecule, settings: ClockSettings) -> str:
    """Why lanes take no such molecule, by its size and elements; '' where they may."""
    try:
        require_elements(molecule)
    except InputError as error:
        return str(error)
    return LANES.objection(molecule, settings.protocol())


def objection(molecule: Molecule, settings: ClockSettings) -> str:
    """Why no clock can be measured of a molecule; '' where one can. It has its parameters then."""
    protocol = settings.protocol()
    if said := refusal(molecule, settings):
        return said
    try:
        Lanes(molecule_lanes(molecule, protocol))
    except InputError as error:  # no parameters, or no compiler
        return str(error)
    return ""


def clocked(
    trajectories: Sequence[Trajectory],
    settings: ClockSettings,
    seed: int,
    frame_ps: float,
    shape: tuple[int, int],
    again: ThermaliseSettings | None = None,
    threads: int | None = None,
) -> list[Trajectory]:
    """Paths by a measured clock, `frame_ps` apart, of pieces of replicas that start from a molecule's frames.

    Parameters
    ----------
    trajectories : sequence of Trajectory
        Independent frames: where replicas start, and which shares wells have, as far as they are `sound`. Their `meta`
        goes on, with `clock` in it: settings, and what was measured.
    shape : (S, T)
        Trajectories and frames of each that are wanted.
    again : ThermaliseSettings, optional
        What comes a second time has run that much further, where it stays in its wells.
    threads : int, optional
        Of the dynamics; by default as many as there are cores.

    Raises
    ------
    InputError
        As `simulate`.
    """
    began = time.perf_counter()
    molecule, protocol = trajectories[0].molecule, settings.protocol()
    seconds = settings.seconds or default_seconds(molecule.n_atoms)
    length = piece_length(frame_ps, shape[1], replica_ps(molecule.n_atoms, seconds, protocol.timestep_fs))
    every, save_ps = spacing(frame_ps, settings.save_ps) if length > 1 else (1, settings.save_ps)
    drawn = np.concatenate([trajectory.positions for trajectory in trajectories])
    good = sound(molecule, drawn)
    simulated = simulate(molecule, drawn[good], protocol, seconds, save_ps, seed, threads)
    frames = drawn[good] if good.any() else drawn
    prior = shipped_times().of_torsions(molecule)
    found = movers(molecule, torsions(frames, torsion_quadruples(molecule)), simulated.angles, save_ps, prior)
    pieces = Pieces.cut(found, [len(x) for x in simulated.positions], every, length)
    order = ordered(found, pieces, shape, frame_ps, seed, weights(found, pieces.heads))
    made = np.concatenate(simulated.positions)[order]
    energies = np.concatenate(simulated.potential_kcal)[order]
    facts = {
        **asdict(settings),
        "seconds": seconds,
        "save_ps": save_ps,
        "network_frames": len(drawn),
        "network_sound": round(float(good.mean()), 4),
        **_facts_of_replicas(simulated),
        "pieces": len(pieces.frames),
        "piece_ps": round(length * frame_ps, 3),
        "frames_used": len(np.unique(order)),
        "movers": [_facts_of_mover(mover, order, frame_ps) for mover in found],
        "wall_seconds": round(time.perf_counter() - began, 3),
    }
    if again is not None:
        facts["frames_again"] = _run_further(molecule, made, energies, order, again, seed, threads)
    turned = superpose(made.astype(np.float64)).astype(np.float32)
    result = []
    for k, (x, energy) in enumerate(zip(turned, energies, strict=True)):
        like = trajectories[k % len(trajectories)]
        meta = {**like.meta, "sample": k, "n_frames": shape[1], "frame_ps": frame_ps, "clock": facts}
        if k >= len(trajectories):
            meta.pop("thermalised", None)  # its frames are counted by the samples before
        result.append(replace(like, positions=x, frame_ps=frame_ps, meta={**meta, "potential_kcal": energy}))
    return result


def spacing(frame_ps: float, save_ps: float) -> tuple[int, float]:
    """How many frames of a replica are one of a path, and their spacing, ps: about `save_ps`, or `frame_ps` if less."""
    every = max(1, round(frame_ps / save_ps))
    return every, frame_ps / every


def _run_further(
    molecule: Molecule,
    drawn: np.ndarray,
    energies: np.ndarray,
    order: np.ndarray,
    settings: ThermaliseSettings,
    seed: int,
    threads: int | None,
) -> int:
    """Run on, in place, those of the frames [S, T, n_atoms, 3] that come again in `order` [S, T]; their number.

    A frame that would leave a well, or not stay finite, stays as it is.
    """
    _, first = np.unique(order, return_index=True)
    later = np.setdiff1d(np.arange(order.size), first)
    if not len(later):
        return 0
    flat = drawn.reshape(-1, *drawn.shape[2:])
    made = thermalise_frames(molecule, flat[later], settings, seed + 1, threads)
    good = ~(made.failed | made.basin_changed | made.stereo_changed)
    flat[later[good]] = made.positions[good]
    energies.reshape(-1)[later[good]] = made.potential_kcal[good]
    return int(good.sum())


def _facts_of_replicas(simulated: Replicas) -> dict[str, Any]:
    return {
        "replicas": len(simulated.positions),
        "replica_ps": round(len(simulated.positions[0]) * simulated.save_ps, 1),
        "frames": sum(map(len, simulated.positions)),
    }


def _facts_of_mover(mover: Mover, order: np.ndarray, frame_ps: float) -> dict[str, Any]:
    """What `meta.json` says of a mover.

    `changes` and `expected` are shares of steps in which its well changes, `unvisited` that of the network's frames in
    wells that no replica visited.
    """
    wells = np.concatenate(mover.paths)[order]
    steps = np.diff(wells, axis=1) != 0
    own = np.bincount(mover.wells, minlength=len(mover.shares)) / len(mover.wells)
    visited = np.isin(np.arange(len(own)), np.concatenate(mover.paths))
    return {
        "torsions": list(mover.torsions),
        "wells": len(mover.shares),
        "shares": mover.shares.round(4).tolist(),
        "network_shares": own.round(4).tolist(),
        "unvisited": round(float(own[~visited].sum()), 4),
        "jumps": mover.jumps,
        "time_ps": round(mover.time_ps, 2),
        "prior_ps": round(mover.prior_ps, 2),
        "changes": round(float(steps.mean()), 5) if steps.size else 0.0,
        "expected": round(changing(mover, frame_ps), 5),
    }
