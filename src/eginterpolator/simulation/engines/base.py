"""What every simulation engine gives: replicas, checked in the same way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol as Interface

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import EGIError, InputError
from eginterpolator.simulation.protocol import Protocol
from eginterpolator.simulation.starts import broken_bonds


class SimulationError(EGIError):
    """A replica went wrong; the message says where and how."""


class Unsupported(EGIError):
    """An engine does not do something that the System has; the message says what."""


@dataclass(frozen=True)
class Replica:
    """What one replica produced.

    Attributes
    ----------
    positions : numpy.ndarray
        Solute, float32 [T, n_atoms, 3] in Å.
    frame_ps : float
        Time between frames, a whole number of time steps.
    potential_kcal, temperature_K : numpy.ndarray
        Potential energy of the whole system and instantaneous temperature of each frame, float64 [T].
    density_g_ml : numpy.ndarray or None
        Density of the box, float64 [T]; None without a box.
    platform : str
        What ran it.
    seconds : float
        Its share of the wall-clock time of everything.
    steps_per_second : float
        Steps of all replicas that ran together, in a second of production.
    """

    positions: np.ndarray
    frame_ps: float
    potential_kcal: np.ndarray
    temperature_K: np.ndarray
    density_g_ml: np.ndarray | None
    platform: str
    seconds: float
    steps_per_second: float


OnFrame = Callable[[int, int, int], None]
"""Told (replica, frames done, frames in all)."""


class Engine(Interface):
    """What integrates replicas of a molecule."""

    default_replicas: int
    """How many replicas a run has where nobody says."""

    def check(self, platform: str) -> None:
        """InputError when the engine or its `platform` is missing here."""

    def objection(self, molecule: Molecule, protocol: Protocol) -> str:
        """Why it cannot run this molecule by this protocol, in words; empty where it can."""

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
        """Minimise, equilibrate and run `ns` nanoseconds from each start, keeping a frame every `save_ps`.

        Parameters
        ----------
        starts : float [R, n_atoms, 3]
            Å.
        seeds : sequence of int
            One a replica: equal seeds give equal trajectories on one machine.
        platform : str
            `auto`, or one that the engine knows.
        threads : int, optional
            Of the whole run; by default the engine's choice.

        Yields
        ------
        Replica or SimulationError
            In the order of the starts, each as soon as it is there: what a replica gave, or why it went wrong (the
            energy or a coordinate stopped being finite, a bond grew past 1.3 times its minimised length, or the stereo
            flipped).

        Raises
        ------
        InputError
            When `ns` holds no frame, a start is not finite or not of this molecule, a package or the platform is
            missing, or the force field lacks the molecule.
        Unsupported
            When the molecule's System has something that the engine does not do.
        """


def frame_count(ns: float, save_ps: float, protocol: Protocol) -> int:
    """Frames in a production run of `ns`; InputError when there are none."""
    if not (math.isfinite(ns) and math.isfinite(save_ps) and ns > 0 and save_ps > 0):
        raise InputError(f"ns = {ns} and save_ps = {save_ps} must both be positive numbers.")
    if save_ps * 1000.0 < protocol.timestep_fs:
        raise InputError(
            f"save_ps = {save_ps:g} is shorter than the time step of {protocol.timestep_fs:g} fs; give at "
            f"least {protocol.timestep_fs / 1000.0:g}."
        )
    n_frames = protocol.steps(ns * 1000.0) // protocol.steps(save_ps)
    if n_frames < 1:
        raise InputError(f"{ns:g} ns hold no frame at one every {save_ps:g} ps; raise ns or lower save_ps.")
    return n_frames


def check_starts(starts: np.ndarray, n_atoms: int) -> None:
    """Raise InputError when `starts` are not [R, n_atoms, 3], or not finite."""
    if starts.ndim != 3 or starts.shape[1:] != (n_atoms, 3) or not len(starts):
        raise InputError(f"Starts of shape {list(starts.shape)} do not fit; give [replicas, {n_atoms} atoms, 3] in Å.")
    if not np.isfinite(starts).all():
        raise InputError("A start has coordinates that are not finite; give a structure without gaps.")


def check_frames(molecule: Molecule, positions: np.ndarray, reference: np.ndarray) -> None:
    """Raise SimulationError when `positions` [T, n, 3] leave the graph or the stereo of the molecule."""
    broken = broken_bonds(molecule, positions, reference)
    if len(broken):
        i, j = broken[0]
        raise SimulationError(f"{molecule.smiles}: bond {i}-{j} grew past 1.3 times its minimised length.")
    kept = frame_stereo(molecule, positions)
    if not kept.all():
        raise SimulationError(f"{molecule.smiles}: the stereo flipped in frame {int(np.argmin(kept))}.")
