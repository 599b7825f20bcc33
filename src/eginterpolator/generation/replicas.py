"""Short replicas of MD that start from a network's frames, spread over the wells of its torsions.

Sixteen of them run for as long as some seconds last on the machine that `STEPS_A_SECOND` was measured on: their
length is of the molecule's size alone, so that a seed gives the same trajectory everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.torsion_times import shipped_times
from eginterpolator.chemistry.validity import every_check, frame_checks
from eginterpolator.chemistry.wells import well_indices
from eginterpolator.errors import InputError
from eginterpolator.generation.thermalise import KCAL, require_lanes
from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes
from eginterpolator.simulation.engines.lanes.run import LaneSettings, run_lanes
from eginterpolator.simulation.protocol import OpenProtocol
from eginterpolator.simulation.starts import start_conformers

REPLICAS = 16
"""More and shorter ones would begin in more wells and keep more of the network's errors (benchmarks/LOG.md, 47)."""
RARE, RARE_SHARE = 2, 0.02
"""Replicas, at most, that start in wells which evenly spread starts would pass over, and the least share of these."""
STEPS_A_SECOND = {9: 4.6e6, 21: 1.36e6, 47: 0.34e6, 68: 0.17e6}
"""Atoms -> steps of all replicas together in a CPU second, AVX-512 (benchmarks/results/lanes.md)."""
REPLICA_PS, LEAST_SECONDS, MOST_SECONDS = 1000.0, 3.0, 20.0
"""Length of each replica by default, and the seconds that all of them may take."""
COLD_STEPS, EQUILIBRATION_STEPS = 300, 1000


@dataclass(frozen=True)
class Replicas:
    """What replicas gave.

    Attributes
    ----------
    positions : list of float32 [T, n_atoms, 3]
        Å, of each replica that stayed finite.
    potential_kcal : list of float64 [T]
    angles : list of float64 [T, K]
        Torsions (`torsion_quadruples`), radians.
    save_ps : float
        From one frame to the next.
    """

    positions: list[np.ndarray]
    potential_kcal: list[np.ndarray]
    angles: list[np.ndarray]
    save_ps: float


def replica_ps(n_atoms: int, seconds: float, timestep_fs: float) -> float:
    """Length of each replica, ps: interpolated between the sizes of `STEPS_A_SECOND`, by logarithms."""
    sizes = np.log(list(STEPS_A_SECOND))
    speed = np.log(list(STEPS_A_SECOND.values()))
    at = np.log(n_atoms)
    slope = (speed[-1] - speed[-2]) / (sizes[-1] - sizes[-2])
    steps = np.exp(np.interp(at, sizes, speed) + slope * max(0.0, at - sizes[-1]))
    return float(steps * seconds / REPLICAS * timestep_fs / 1000)


def default_seconds(n_atoms: int, timestep_fs: float) -> float:
    """Seconds for replicas of `REPLICA_PS`, at least `LEAST_SECONDS` and at most `MOST_SECONDS`."""
    wanted = REPLICA_PS / replica_ps(n_atoms, 1.0, timestep_fs)
    return round(min(MOST_SECONDS, max(LEAST_SECONDS, wanted)), 1)


def simulate(
    molecule: Molecule,
    frames: np.ndarray,
    protocol: OpenProtocol,
    seconds: float,
    save_ps: float,
    seed: int,
    threads: int | None = None,
) -> Replicas:
    """Replicas from some of the frames [F, n_atoms, 3] Å (`spread_starts`), of the length that `seconds` allow.

    Replicas that do not stay finite are left out; where none does, or there are no frames, they start from conformers.

    Raises
    ------
    InputError
        When lanes are not here, or the force field lacks the molecule.
    """
    require_lanes()
    system = molecule_lanes(molecule, protocol)
    run = LaneSettings(
        n_frames=max(2, round(replica_ps(molecule.n_atoms, seconds, protocol.timestep_fs) / save_ps)),
        stride=protocol.steps(save_ps),
        timestep_fs=protocol.timestep_fs,
        temperature_K=protocol.temperature_K,
        friction_per_ps=protocol.friction_per_ps,
        equilibration_steps=EQUILIBRATION_STEPS,
        cold_steps=COLD_STEPS,
    )
    random = np.random.default_rng(seed)
    seeds = [int(word) for word in random.integers(1 << 62, size=REPLICAS)]

    def kept(starts: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        made = run_lanes(system, starts, run, seeds, threads=threads)
        each = zip(made.positions, made.potential_kj / KCAL, strict=True)
        return [(x, energy) for x, energy in each if np.isfinite(x).all()]

    found = kept(frames[spread_starts(molecule, frames, random)]) if len(frames) else []
    found = found or kept(start_conformers(molecule, REPLICAS, seed=seed))  # frames that no dynamics can begin at
    if not found:
        raise InputError(f"No replica of '{molecule.name}' stayed finite; use --clock network for this molecule.")
    positions, energies = [x for x, _ in found], [energy for _, energy in found]
    return Replicas(positions, energies, [torsions(x, torsion_quadruples(molecule)) for x in positions], save_ps)


def sound(molecule: Molecule, frames: np.ndarray) -> np.ndarray:
    """Which of the frames [F, n_atoms, 3] have the molecule's stereo and pass every check of their geometry: bool."""
    return np.asarray(frame_stereo(molecule, frames) & every_check(frame_checks(molecule, frames)))


def spread_starts(molecule: Molecule, frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Numbers of `REPLICAS` of the frames [F, n_atoms, 3], F > 0, in their shares: int64.

    They are sorted by their wells, slow torsions first, and taken evenly; the largest wells that this passes over have
    `RARE` starts of their own.
    """
    mixed = random.permutation(len(frames))
    angles = torsions(frames[mixed], torsion_quadruples(molecule))
    slow_last = np.argsort(shipped_times().of_torsions(molecule)).tolist()
    wells = [well_indices(angles[:, k]) for k in slow_last]
    order = np.lexsort(wells) if wells else np.arange(len(mixed))

    def evenly(count: int) -> np.ndarray:
        return order[((np.arange(count) + random.random()) / count * len(mixed)).astype(np.int64)]

    taken = evenly(REPLICAS)
    passed = [np.flatnonzero(each == well) for each in wells for well in np.setdiff1d(each, each[taken])]
    rare = sorted((x for x in passed if len(x) >= RARE_SHARE * len(mixed)), key=len, reverse=True)[:RARE]
    if rare:
        own = np.array([random.choice(places) for places in rare])
        taken = np.concatenate([evenly(REPLICAS - len(own)), own])
    return np.asarray(mixed[taken])
