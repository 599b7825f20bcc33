"""OpenMM runs one replica: minimise, equilibrate, produce; frames of the solute and the state of each frame."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.base import (
    OnFrame,
    Replica,
    SimulationError,
    check_frames,
    check_starts,
    frame_count,
)
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.parameters import SimulationSystem, require_openmm
from eginterpolator.simulation.protocol import ExplicitProtocol, OpenProtocol, Protocol

GPU_PLATFORMS = ("CUDA", "HIP", "OpenCL")
REFERENCE_PARTICLES = 50
"""Up to this many particles the Reference platform beats CPU (measured in OBC2 on one core: 177,000 against
21,000 steps/s with 9 atoms, 43,000 against 17,000 with 21, but 4,700 against 6,200 with 68)."""
THREADED_PARTICLES = 500
"""Below this many particles a second thread slows the CPU platform down."""


def choose_platform(name: str, n_particles: int) -> str:
    """The OpenMM platform to use: `name`, or for `auto` the fastest there is for this size.

    `auto` takes Reference up to 50 particles, and above that a GPU where there is one, else CPU.

    Raises
    ------
    InputError
        When `name` is not installed here.
    """
    import openmm

    available = [openmm.Platform.getPlatform(k).getName() for k in range(openmm.Platform.getNumPlatforms())]
    if name == "auto":
        if n_particles <= REFERENCE_PARTICLES:
            return "Reference"
        return next(platform for platform in (*GPU_PLATFORMS, "CPU", "Reference") if platform in available)
    matching = [platform for platform in available if platform.lower() == name.lower()]
    if not matching:
        raise InputError(f"OpenMM has no platform '{name}' here; use auto or one of {', '.join(available)}.")
    return str(matching[0])


def make_context(system: SimulationSystem, protocol: Protocol, seed: int, platform: str, threads: int | None) -> Any:
    """OpenMM Context with a seeded LangevinMiddle integrator; returns (context, integrator)."""
    import openmm
    from openmm import unit

    integrator = openmm.LangevinMiddleIntegrator(
        protocol.temperature_K * unit.kelvin,
        protocol.friction_per_ps / unit.picosecond,
        protocol.timestep_fs * unit.femtosecond,
    )
    integrator.setRandomNumberSeed(1 + seed % (2**31 - 2))
    for force in system.system.getForces():
        if isinstance(force, openmm.MonteCarloBarostat):
            force.setRandomNumberSeed(1 + (seed + 1) % (2**31 - 2))
    chosen = openmm.Platform.getPlatformByName(platform)
    if threads is None and system.system.getNumParticles() < THREADED_PARTICLES:
        threads = 1
    properties = {"Threads": str(threads)} if platform == "CPU" and threads else {}
    return openmm.Context(system.system, integrator, chosen, properties), integrator


def run_replica(
    molecule: Molecule,
    system: SimulationSystem,
    protocol: Protocol,
    *,
    ns: float,
    save_ps: float,
    seed: int = 0,
    platform: str = "auto",
    threads: int | None = None,
    on_frame: Callable[[int, int], None] | None = None,
) -> Replica:
    """Minimise, equilibrate and run `ns` nanoseconds, keeping a frame of the solute every `save_ps`.

    Parameters
    ----------
    system : SimulationSystem
        From `build_system`; its positions are the start.
    ns, save_ps : float
        Length of production and time between frames; the latter is rounded to whole time steps.
    seed : int
        Seeds velocities, thermostat and barostat: equal seeds give equal trajectories on one machine
        (Reference platform).
    platform : str
        `auto` or an OpenMM platform's name.
    threads : int, optional
        For the CPU platform; by default one below 500 particles, else OpenMM's choice.
    on_frame : callable, optional
        Called with (frames done, frames in all).

    Raises
    ------
    InputError
        When `ns` holds no frame, or the platform is missing.
    SimulationError
        When the energy or a coordinate stops being finite, a bond grows past 1.3 times its minimised
        length, or the stereo flips; nothing of such a replica is kept.
    """
    import openmm
    from openmm import unit

    stride = protocol.steps(save_ps)
    n_frames = frame_count(ns, save_ps, protocol)
    platform = choose_platform(platform, system.system.getNumParticles())
    started = time.perf_counter()
    context, integrator = make_context(system, protocol, seed, platform, threads)
    context.setPositions(system.positions * 0.1)
    openmm.LocalEnergyMinimizer.minimize(context, 10.0, 1000)
    minimum = _minimised(context, system, molecule)
    try:
        context.setVelocitiesToTemperature(protocol.temperature_K * unit.kelvin, 1 + (seed + 2) % (2**31 - 2))
        _equilibrate(context, integrator, system, protocol)
        frames = np.empty((n_frames, system.n_solute, 3), dtype=np.float32)
        potential, temperature, density = np.empty((3, n_frames))
        freedom = _degrees_of_freedom(system.system)
        n_particles = system.system.getNumParticles()
        mass_amu = sum(system.system.getParticleMass(k)._value for k in range(n_particles))
        clock = time.perf_counter()
        for k in range(n_frames):
            integrator.step(stride)
            state = context.getState(getPositions=True, getEnergy=True)
            with np.errstate(over="ignore"):  # an explosion is reported below
                frames[k] = state.getPositions(asNumpy=True)._value[: system.n_solute] * 10.0
            potential[k] = state.getPotentialEnergy()._value / 4.184
            temperature[k] = 2.0 * state.getKineticEnergy()._value / (freedom * 0.00831446261815324)
            density[k] = mass_amu * 1.66053906660e-3 / state.getPeriodicBoxVolume()._value
            if not (math.isfinite(potential[k]) and np.isfinite(frames[k]).all()):
                raise SimulationError(f"{molecule.smiles}: energy not finite after {(k + 1) * save_ps:g} ps.")
            if on_frame is not None:
                on_frame(k + 1, n_frames)
        speed = n_frames * stride / (time.perf_counter() - clock)
    except openmm.OpenMMException as error:
        raise SimulationError(f"{molecule.smiles}: OpenMM stopped: {str(error).splitlines()[0]}.") from error
    check_frames(molecule, frames, minimum)
    return Replica(
        positions=frames,
        frame_ps=stride * protocol.timestep_fs / 1000.0,
        potential_kcal=potential,
        temperature_K=temperature,
        density_g_ml=density if system.system.usesPeriodicBoundaryConditions() else None,
        platform=platform,
        seconds=time.perf_counter() - started,
        steps_per_second=speed,
    )


def _minimised(context: Any, system: SimulationSystem, molecule: Molecule) -> np.ndarray:
    """Solute positions after minimisation, Å; SimulationError when it diverged."""
    state = context.getState(getPositions=True)
    positions = state.getPositions(asNumpy=True)._value[: system.n_solute] * 10.0
    if not np.isfinite(positions).all():
        raise SimulationError(f"{molecule.smiles}: minimisation diverged.")
    check_frames(molecule, positions[None], system.positions[: system.n_solute])
    return np.asarray(positions)


def _equilibrate(context: Any, integrator: Any, system: SimulationSystem, protocol: Protocol) -> None:
    import openmm

    if isinstance(protocol, OpenProtocol):
        if protocol.equilibration_ps > 0:
            integrator.step(protocol.steps(protocol.equilibration_ps))
    elif isinstance(protocol, ExplicitProtocol):
        barostat = next(f for f in system.system.getForces() if isinstance(f, openmm.MonteCarloBarostat))
        barostat.setFrequency(0)
        context.reinitialize(preserveState=True)
        integrator.step(int(protocol.nvt_steps))
        barostat.setFrequency(int(protocol.barostat_steps))
        context.reinitialize(preserveState=True)


def _degrees_of_freedom(system: Any) -> int:
    import openmm

    moving = sum(system.getParticleMass(k)._value > 0 for k in range(system.getNumParticles()))
    removes = any(isinstance(force, openmm.CMMotionRemover) for force in system.getForces())
    return int(3 * moving - system.getNumConstraints() - 3 * removes)


class OpenMM:
    """The engine `openmm`; see `base.Engine`. Replicas run one after another."""

    default_replicas = 5

    def check(self, platform: str) -> None:
        """InputError when a package of `[md]` or the platform is missing here."""
        require_openmm()
        choose_platform(platform, n_particles=1)

    def objection(self, molecule: Molecule, protocol: Protocol) -> str:
        """It runs every protocol."""
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
        check_starts(starts, molecule.n_atoms)
        system: SimulationSystem | None = None
        for index, (start, seed) in enumerate(zip(starts, seeds, strict=True)):
            if system is None or isinstance(protocol, ExplicitProtocol):
                system = build_system(molecule, start, protocol, seed)
            else:  # without a box only the start is another
                system = replace(system, positions=np.asarray(start, dtype=np.float64))
            try:
                replica = run_replica(
                    molecule, system, protocol, ns=ns, save_ps=save_ps, seed=seed, platform=platform, threads=threads,
                    on_frame=partial(on_frame, index),
                )  # fmt: skip
            except SimulationError as error:
                yield error
            else:
                yield replica


OPENMM = OpenMM()
