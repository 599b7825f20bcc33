"""Structures far apart, of replicas in lanes at a high temperature: starts of ensembles that are to be complete."""

from __future__ import annotations

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.validity import frame_checks
from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes
from eginterpolator.simulation.engines.lanes.replicas import LANES
from eginterpolator.simulation.engines.lanes.run import LaneSettings, run_lanes
from eginterpolator.simulation.protocol import ImplicitProtocol
from eginterpolator.simulation.starts import far_apart

HOT_K = 500.0
REPLICAS, REPLICA_PS, SAVE_PS, EQUILIBRATION_PS = 16, 400.0, 10.0, 20.0


def hot_structures(molecule: Molecule, known: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """Up to `n` structures with the molecule's bonds and stereo that are far from `known` ones and from one another.

    Sixteen replicas in OBC2 at `HOT_K` start from the known structures, taken in turn. Of their frames each next one
    has the largest heavy-atom RMSD to what there is.

    Parameters
    ----------
    known : array [K, n_atoms, 3]
        At least one, Å.

    Returns
    -------
    numpy.ndarray
        float64 [at most n, n_atoms, 3], Å.

    Raises
    ------
    InputError
        When lanes or the force field cannot take the molecule.
    """
    protocol = ImplicitProtocol(temperature_K=HOT_K)
    if objection := LANES.objection(molecule, protocol):
        raise InputError(f"Lanes cannot run it: {objection}.")
    starts = known[np.arange(REPLICAS) % len(known)]
    run = LaneSettings(
        n_frames=round(REPLICA_PS / SAVE_PS),
        stride=protocol.steps(SAVE_PS),
        timestep_fs=protocol.timestep_fs,
        temperature_K=HOT_K,
        friction_per_ps=protocol.friction_per_ps,
        equilibration_steps=protocol.steps(EQUILIBRATION_PS),
    )
    seeds = [int(word) for word in np.random.default_rng(seed).integers(1 << 62, size=REPLICAS)]
    system = molecule_lanes(molecule, protocol)
    frames = run_lanes(system, starts, run, seeds, threads=1).positions.reshape(-1, molecule.n_atoms, 3)
    frames = frames[np.isfinite(frames).all(axis=(1, 2))].astype(np.float64)
    checks = frame_checks(molecule, frames)
    frames = frames[checks["bonds"] & checks["clashes"] & frame_stereo(molecule, frames)]
    heavy = molecule.n_heavy
    picked = far_apart(np.concatenate([known, frames])[:, :heavy], range(len(known)), len(known) + n)[len(known) :]
    return np.asarray(frames[np.array(picked, dtype=np.int64) - len(known)])
