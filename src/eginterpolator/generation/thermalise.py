"""Some tenths of a picosecond of dynamics from every generated frame, each in a lane of its own.

It gives hydrogens, bond lengths, angles and local planarity the force field's distribution, while wells of torsions and
the order of frames stay the network's. Potential energies of the frames mean something then.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.wells import well_indices
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.simulation.engines.lanes.library import widths
from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes
from eginterpolator.simulation.engines.lanes.run import LaneFrames, LaneSettings, run_lanes
from eginterpolator.simulation.parameters import openmm_is_here, require_openmm
from eginterpolator.simulation.protocol import OpenProtocol, lanes_protocol

LONGEST_PS = 1.0
"""More than that is a simulation, and is refused."""
KCAL = 4.184
LONG_COLD_STEPS = 300
"""Damped steps of a second try from frames whose clashes the first one's did not undo."""


@dataclass(frozen=True, kw_only=True)
class ThermaliseSettings:
    """How frames are thermalised.

    Attributes
    ----------
    ps : float
        Length, in (0, 1].
    ensemble : str
        What the frames are samples of: `thermal` or `obc2` (implicit water), or `vacuum`.
    temperature_K : float
    friction_per_ps : float
        Strong enough for hydrogens and angles to take up the temperature within `ps`: at 1/ps frames are still cold
        after a picosecond.
    cold_steps : int
        Damped steps of 1 fs without noise at the start, which undo clashes. Frames that do not stay finite are tried
        once more with `LONG_COLD_STEPS` of them.
    """

    ps: float = 0.5
    ensemble: str = "thermal"
    temperature_K: float = 300.0
    friction_per_ps: float = 20.0
    cold_steps: int = 20

    def __post_init__(self) -> None:
        self.protocol()
        if not 0.0 < self.ps <= LONGEST_PS:
            raise InputError(
                f"Frames cannot be thermalised for {self.ps:g} ps: give more than 0 and at most {LONGEST_PS:g} ps; "
                "more than that is a simulation, which egi simulate does."
            )

    def protocol(self) -> OpenProtocol:
        """The physics; InputError as `lanes_protocol`."""
        return lanes_protocol(self.ensemble, temperature_K=self.temperature_K, friction_per_ps=self.friction_per_ps)


@dataclass(frozen=True)
class Thermalised:
    """Frames after thermalising.

    Attributes
    ----------
    positions : float32 [T, n_atoms, 3]
        Å, each frame where it was. Frames that did not stay finite are as they came.
    potential_kcal : float64 [T]
        nan for those.
    failed, basin_changed, stereo_changed : bool [T]
        Frames that did not stay finite in either try; of which a torsion left its well; whose stereo is another than
        before.
    temperature_K : float
        Mean over frames.
    """

    positions: np.ndarray
    potential_kcal: np.ndarray
    failed: np.ndarray
    basin_changed: np.ndarray
    stereo_changed: np.ndarray
    temperature_K: float


def require_lanes() -> None:
    """InputError when what thermalising needs is not here: the packages of `[md]`, and registers with lanes."""
    require_openmm()
    if not widths():
        raise InputError("Thermalising needs a processor with AVX2, AVX-512, SSE4.2 or NEON registers.")


def lanes_are_here() -> bool:
    """Whether what `require_lanes` asks for is installed; nothing is loaded."""
    return openmm_is_here() and bool(widths())


def thermalise_frames(
    molecule: Molecule, frames: np.ndarray, settings: ThermaliseSettings, seed: int = 0, threads: int | None = None
) -> Thermalised:
    """Thermalise independent structures of a molecule.

    Parameters
    ----------
    frames : float [T, n_atoms, 3]
        Å.
    seed : int
        What a frame draws depends on it and the frame's number.

    Raises
    ------
    InputError
        When the `[md]` packages or lanes are missing, the force field lacks the molecule, or there are no hydrogens.
    """
    require_lanes()
    if frames.ndim != 3 or frames.shape[1] != molecule.n_atoms:
        raise InputError(f"Thermalising '{molecule.name}' needs all {molecule.n_atoms} atoms, hydrogens included.")
    protocol = settings.protocol()
    system = molecule_lanes(molecule, protocol)
    run = LaneSettings(
        n_frames=1,
        stride=protocol.steps(settings.ps),
        timestep_fs=protocol.timestep_fs,
        temperature_K=settings.temperature_K,
        friction_per_ps=settings.friction_per_ps,
        equilibration_steps=0,
        cold_steps=settings.cold_steps,
    )
    seeds = [int(word) for word in np.random.SeedSequence(seed).generate_state(len(frames), np.uint64)]
    after, potential, kelvin = _last_frames(run_lanes(system, frames, run, seeds, threads=threads))
    broken = np.flatnonzero(~_finite(after, potential))
    if len(broken):
        longer = replace(run, cold_steps=max(LONG_COLD_STEPS, settings.cold_steps))
        again = run_lanes(system, frames[broken], longer, [seeds[k] for k in broken], threads=threads)
        after[broken], potential[broken], kelvin[broken] = _last_frames(again)
    after += _mass_centres(molecule, frames)[:, None]
    failed = ~_finite(after, potential)
    positions = np.where(failed[:, None, None], frames, after).astype(np.float32)
    energy = np.where(failed, np.nan, potential / KCAL)
    stereo = frame_stereo(molecule, frames) != frame_stereo(molecule, positions)
    warmth = float(np.nanmean(kelvin)) if not failed.all() else float("nan")
    return Thermalised(positions, energy, failed, _left_wells(molecule, frames, positions), stereo, warmth)


def thermalise_trajectories(
    trajectories: Sequence[Trajectory],
    settings: ThermaliseSettings,
    seed: int = 0,
    given: Sequence[int] = (),
    threads: int | None = None,
) -> list[Trajectory]:
    """Thermalise every frame of trajectories of one molecule, but for the `given` ones (indices), which stay.

    Each `meta` gets `thermalised`: settings, counts of frames, seconds; and `potential_kcal`, one a frame.

    Raises
    ------
    InputError
        As `thermalise_frames`.
    """
    began = time.perf_counter()
    molecule = trajectories[0].molecule
    every = np.concatenate([trajectory.positions for trajectory in trajectories])
    made = thermalise_frames(molecule, every, settings, seed, threads)
    ends = np.cumsum([trajectory.n_frames for trajectory in trajectories])[:-1]
    parts = [np.split(values, ends) for values in (made.positions, made.potential_kcal)]
    counts = [np.split(values, ends) for values in (made.failed, made.basin_changed, made.stereo_changed)]
    seconds = round((time.perf_counter() - began) / len(trajectories), 3)
    found = []
    for k, trajectory in enumerate(trajectories):
        positions, potential = parts[0][k], parts[1][k]
        for index in given:
            positions[index], potential[index] = trajectory.positions[index], np.nan
        facts: dict[str, Any] = {
            "ps": settings.ps,
            "ensemble": settings.ensemble,
            "temperature_K": settings.temperature_K,
            "friction_per_ps": settings.friction_per_ps,
            "mean_temperature_K": round(made.temperature_K, 1),
            "frames": len(positions) - len(given),
            "failed": int(counts[0][k].sum()),
            "basin_changed": int(counts[1][k].sum()),
            "stereo_changed": int(counts[2][k].sum()),
            "seconds": seconds,
        }
        meta = {**trajectory.meta, "thermalised": facts, "potential_kcal": potential}
        found.append(replace(trajectory, positions=positions, meta=meta))
    return found


def energy_table(trajectory: Trajectory) -> str:
    """CSV of the time and the potential energy of each thermalised frame; empty where a frame has none."""
    rows = zip(trajectory.times_ps, trajectory.meta["potential_kcal"], strict=True)
    cells = [f"{time:.4f},{f'{energy:.4f}' if np.isfinite(energy) else ''}" for time, energy in rows]
    return "\n".join(["time_ps,potential_kcal", *cells, ""])


def thermalised_facts(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What meta.json says of all samples: settings as they are, frames and seconds summed."""
    summed = ("frames", "failed", "basin_changed", "stereo_changed", "seconds")
    return {**samples[0], **{key: round(sum(sample[key] for sample in samples), 3) for key in summed}}


def _last_frames(made: LaneFrames) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions [T, n_atoms, 3] Å, potential energies [T] kJ/mol and temperatures [T] of runs with one frame each."""
    return made.positions[:, 0].astype(np.float64), made.potential_kj[:, 0], made.temperature_K[:, 0]


def _finite(positions: np.ndarray, potential: np.ndarray) -> np.ndarray:
    """Frames whose coordinates and energy are finite, bool [T]."""
    return np.asarray(np.isfinite(positions).all(axis=(1, 2)) & np.isfinite(potential))


def _mass_centres(molecule: Molecule, frames: np.ndarray) -> np.ndarray:
    """Centre of mass of each frame, [T, 3] Å; the lanes' masses of hydrogens are heavier, which moves it by little."""
    masses = np.array([atom.GetMass() for atom in molecule.rdmol.GetAtoms()])
    return np.asarray(np.einsum("n,tni->ti", masses / masses.sum(), frames.astype(np.float64)))


def _left_wells(molecule: Molecule, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Frames in which a torsion is in another well than before; wells are those of both together. bool [T]"""
    left = np.zeros(len(before), dtype=bool)
    quadruples = torsion_quadruples(molecule)
    if not len(quadruples):
        return left
    for first, last in zip(torsions(before, quadruples).T, torsions(after, quadruples).T, strict=True):
        wells = well_indices(np.concatenate([first, last]))
        left |= wells[: len(first)] != wells[len(first) :]
    return left
