"""How long simulations take, from measured speeds: enough to say beforehand which way to a trajectory is sooner."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

from eginterpolator.simulation.engines.lanes.speed import PREPARE_SECONDS, estimated_seconds

IMPLICIT_STEPS = 8e6
"""OpenMM's steps a second with n atoms in implicit solvent or none, times n^2 (one core of AMD EPYC; throughput.md)."""
EXPLICIT_STEPS = 80.0
"""OpenMM's steps a second of a drug-like molecule in its box of water, 2,600 particles (the same)."""
GROMACS_NS_A_DAY = 130.0
"""GROMACS in the published box, one core (benchmarks/results/water_engines.md)."""
TIMESTEP_FS = 4.0
EACH_SECONDS = 1.0
"""Charges, force field and starts of a molecule, when the process has the packages loaded."""
START_SECONDS = PREPARE_SECONDS - EACH_SECONDS
LANES_REPLICAS, OPENMM_REPLICAS = 16, 5


def simulation_seconds(protocol: str, n_atoms: int, replicas: int, ns: float) -> tuple[str, float] | None:
    """The engine that `egi simulate` takes and its wall-clock seconds for `replicas` of `ns` nanoseconds, alone here.

    None without the packages of `[md]`. Lanes are told within a factor of two, OpenMM on a processor of one of three.
    """
    if protocol != "explicit":
        lanes = estimated_seconds(n_atoms, replicas, ns)
        if lanes is not None:
            return "lanes", lanes
    if find_spec("openmm") is None or find_spec("openff") is None:
        return None
    name, seconds = _other(protocol, "auto", n_atoms, replicas, ns)
    return name, PREPARE_SECONDS + seconds


def expected_simulation(protocol: str, engine: str, n_atoms: int, replicas: int | None, ns: float) -> tuple[str, float]:
    """The engine that a molecule gets by an engine's name or `auto`, and its seconds, `START_SECONDS` left out."""
    lanes = None
    if protocol != "explicit" and engine != "openmm":
        lanes = estimated_seconds(n_atoms, replicas or LANES_REPLICAS, ns)
    if lanes is not None:
        return "lanes", lanes - START_SECONDS
    name, seconds = _other(protocol, engine, n_atoms, replicas or OPENMM_REPLICAS, ns)
    return name, EACH_SECONDS + seconds


def _other(protocol: str, engine: str, n_atoms: int, replicas: int, ns: float) -> tuple[str, float]:
    """The engine without lanes, and its seconds of production."""
    if protocol == "explicit" and engine in ("auto", "gromacs") and shutil.which("gmx"):
        return "gromacs", -(-replicas // max(1, os.cpu_count() or 1)) * ns * 86400 / GROMACS_NS_A_DAY
    speed = EXPLICIT_STEPS if protocol == "explicit" else IMPLICIT_STEPS / n_atoms**2
    rounds = -(-replicas // max(1, os.cpu_count() or 1))
    return "openmm", rounds * ns * 1e6 / TIMESTEP_FS / speed
