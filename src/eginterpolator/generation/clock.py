"""A clock for a molecule's torsions, measured in some seconds of dynamics of its own, and paths over frames by it.

Sixteen replicas in the lanes of one core start from generated frames and run for as long as `ClockSettings.seconds`
lasts on the machine that `STEPS_A_SECOND` was measured on: their length is of the molecule's size alone, so that a seed
gives the same trajectory everywhere. What they are seen to do decides with the times by class of bond how often wells
change (`analysis.jumps`) and which shares wells have, and frames are drawn as such paths (`paths`, `order`).
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
from eginterpolator.generation.order import ordered
from eginterpolator.generation.paths import changing
from eginterpolator.generation.thermalise import ThermaliseSettings, require_lanes, thermalise_frames
from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes
from eginterpolator.simulation.engines.lanes.replicas import LANES
from eginterpolator.simulation.engines.lanes.run import Lanes, LaneSettings, run_lanes
from eginterpolator.simulation.parameters import require_elements
from eginterpolator.simulation.protocol import OpenProtocol, lanes_protocol
from eginterpolator.simulation.starts import start_conformers

REPLICAS = 16
STEPS_A_SECOND = {9: 4.6e6, 21: 1.36e6, 47: 0.34e6, 68: 0.17e6}
"""Atoms -> steps of all sixteen replicas together in a CPU second, AVX-512 (benchmarks/results/lanes.md)."""
REPLICA_PS, LEAST_SECONDS, MOST_SECONDS = 1000.0, 3.0, 20.0
"""Length of each replica by default, and the seconds that it may take."""
COLD_STEPS, EQUILIBRATION_STEPS = 300, 1000


@dataclass(frozen=True, kw_only=True)
class ClockSettings:
    """How a clock is measured.

    Attributes
    ----------
    seconds : float or None
        What the dynamics takes on the machine of `STEPS_A_SECOND`; None: `default_seconds` of the molecule.
    save_ps : float
        Spacing of the frames in which jumps are counted.
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


def replica_ps(n_atoms: int, seconds: float, timestep_fs: float) -> float:
    """Length of each of the sixteen replicas, ps: interpolated between the sizes of `STEPS_A_SECOND`, by logarithms."""
    sizes = np.log(list(STEPS_A_SECOND))
    speed = np.log(list(STEPS_A_SECOND.values()))
    at = np.log(n_atoms)
    slope = (speed[-1] - speed[-2]) / (sizes[-1] - sizes[-2])
    steps = np.exp(np.interp(at, sizes, speed) + slope * max(0.0, at - sizes[-1]))
    return float(steps * seconds / REPLICAS * timestep_fs / 1000)


def default_seconds(n_atoms: int) -> float:
    """Seconds for replicas of `REPLICA_PS`, at least `LEAST_SECONDS` and at most `MOST_SECONDS`."""
    wanted = REPLICA_PS / replica_ps(n_atoms, 1.0, ClockSettings().protocol().timestep_fs)
    return round(min(MOST_SECONDS, max(LEAST_SECONDS, wanted)), 1)


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


def simulate(molecule: Molecule, frames: np.ndarray, settings: ClockSettings, seed: int) -> list[np.ndarray]:
    """Torsions (`torsion_quadruples`) of replicas from some frames of [F, n_atoms, 3]: float64 [T, K] each, radians.

    Replicas that do not stay finite are left out; where none does, they start from conformers.

    Raises
    ------
    InputError
        When lanes are not here, or the force field lacks the molecule.
    """
    require_lanes()
    protocol = settings.protocol()
    system = molecule_lanes(molecule, protocol)
    length = replica_ps(molecule.n_atoms, settings.seconds or default_seconds(molecule.n_atoms), protocol.timestep_fs)
    run = LaneSettings(
        n_frames=max(2, round(length / settings.save_ps)),
        stride=protocol.steps(settings.save_ps),
        timestep_fs=protocol.timestep_fs,
        temperature_K=settings.temperature_K,
        friction_per_ps=settings.friction_per_ps,
        equilibration_steps=EQUILIBRATION_STEPS,
        cold_steps=COLD_STEPS,
    )
    random = np.random.default_rng(seed)
    chosen = random.choice(len(frames), REPLICAS, replace=len(frames) < REPLICAS)
    seeds = [int(word) for word in random.integers(1 << 62, size=REPLICAS)]

    def kept(starts: np.ndarray) -> list[np.ndarray]:
        return [x for x in run_lanes(system, starts, run, seeds, threads=1).positions if np.isfinite(x).all()]

    found = kept(frames[chosen])
    found = found or kept(start_conformers(molecule, REPLICAS, seed=seed))  # frames that no dynamics can begin at
    if not found:
        raise InputError(f"No replica of '{molecule.name}' stayed finite; use --clock network for this molecule.")
    return [torsions(x, torsion_quadruples(molecule)) for x in found]


def clocked(
    trajectories: Sequence[Trajectory],
    settings: ClockSettings,
    seed: int,
    frame_ps: float,
    count: int | None = None,
    again: ThermaliseSettings | None = None,
) -> list[Trajectory]:
    """Paths by a measured clock over the independent frames of one molecule, `frame_ps` apart.

    The frames of all trajectories are one pool. The first `count` trajectories (all of them by default) get frames of
    it, and `clock` in their `meta`: settings, and what was measured. With `again`, what comes a second time has run
    that much further, where it stays in its wells.

    Raises
    ------
    InputError
        As `simulate`.
    """
    began = time.perf_counter()
    molecule = trajectories[0].molecule
    pool = np.concatenate([trajectory.positions for trajectory in trajectories])
    if not len(torsion_quadruples(molecule)):
        return [replace(each, frame_ps=frame_ps) for each in trajectories[:count]]
    angles = torsions(pool, torsion_quadruples(molecule))
    simulated = simulate(molecule, pool, settings, seed)
    found = movers(molecule, angles, simulated, settings.save_ps, shipped_times().of_torsions(molecule))
    shape = (count or len(trajectories), trajectories[0].n_frames)
    order = ordered(found, shape, frame_ps, seed, weights(found, len(pool)))
    facts = {
        **asdict(settings),
        "seconds": settings.seconds or default_seconds(molecule.n_atoms),
        "replicas": len(simulated),
        "replica_ps": round(len(simulated[0]) * settings.save_ps, 1),
        "frames": len(pool),
        "frames_used": len(np.unique(order)),
        "movers": [_facts(mover, order, frame_ps) for mover in found],
        "wall_seconds": round(time.perf_counter() - began, 3),
    }
    drawn, energies = pool[order], None
    if "potential_kcal" in trajectories[0].meta:  # of thermalised frames, which move with them
        energies = np.concatenate([each.meta["potential_kcal"] for each in trajectories])[order]
    if again is not None:
        facts["frames_again"] = _run_further(molecule, drawn, energies, order, again, seed)
    turned = superpose(drawn.astype(np.float64)).astype(np.float32)
    result = []
    for k, (each, x) in enumerate(zip(trajectories[:count], turned, strict=True)):
        meta = {**each.meta, "frame_ps": frame_ps, "clock": facts}
        if energies is not None:
            meta["potential_kcal"] = energies[k]
        result.append(replace(each, positions=x, frame_ps=frame_ps, meta=meta))
    return result


def _run_further(
    molecule: Molecule,
    drawn: np.ndarray,
    energies: np.ndarray | None,
    order: np.ndarray,
    settings: ThermaliseSettings,
    seed: int,
) -> int:
    """Run on, in place, those of the frames [S, T, n_atoms, 3] that come again in `order` [S, T]; their number.

    A frame that would leave a well, or not stay finite, stays as it is.
    """
    _, first = np.unique(order, return_index=True)
    later = np.setdiff1d(np.arange(order.size), first)
    if not len(later):
        return 0
    flat = drawn.reshape(-1, *drawn.shape[2:])
    made = thermalise_frames(molecule, flat[later], settings, seed + 1, threads=1)
    good = ~(made.failed | made.basin_changed | made.stereo_changed)
    flat[later[good]] = made.positions[good]
    if energies is not None:
        energies.reshape(-1)[later[good]] = made.potential_kcal[good]
    return int(good.sum())


def _facts(mover: Mover, order: np.ndarray, frame_ps: float) -> dict[str, Any]:
    """What `meta.json` says of a mover; `changes` and `expected` are shares of steps in which its well changes."""
    expected = changing(mover, frame_ps)
    steps = np.diff(mover.wells[order], axis=1) != 0
    own = np.bincount(mover.wells) / len(mover.wells)
    return {
        "torsions": list(mover.torsions),
        "wells": len(mover.shares),
        "shares": mover.shares.round(4).tolist(),
        "frames_shares": own.round(4).tolist(),
        "jumps": mover.jumps,
        "time_ps": round(mover.time_ps, 2),
        "prior_ps": round(mover.prior_ps, 2),
        "changes": round(float(steps.mean()), 5) if steps.size else 0.0,
        "expected": round(expected, 5),
    }
