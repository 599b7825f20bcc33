"""Replica exchange: the lanes of one register at as many temperatures (Sugita and Okamoto 1999).

Neighbouring temperatures try to swap now and then, even and odd pairs in turn. A swap of replicas i and j at inverse
temperatures b_i, b_j is taken with probability min(1, exp((b_i - b_j) (U_i - U_j))), velocities scaled by the root of
the ratio of temperatures. What crosses a barrier when hot is found again when cold.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from eginterpolator.errors import InputError
from eginterpolator.simulation.engines.base import check_starts
from eginterpolator.simulation.engines.lanes.engine import BOLTZMANN, Lanes
from eginterpolator.simulation.engines.lanes.run import COLD_STEPS, OnFrame, prepare
from eginterpolator.simulation.engines.lanes.system import LaneSystem

SWAP_PS = 1.0


@dataclass(frozen=True)
class ExchangeFrames:
    """What an exchange gave, by rung: the first is the coldest.

    Attributes
    ----------
    temperatures_K : float64 [W]
    positions : float32 [W, T, n_atoms, 3]
        Å; frames of a rung are of whatever replica was there.
    potential_kj : float64 [W, T]
    replicas : int64 [W, T]
        Which replica was on the rung.
    accepted : float64 [W - 1]
        Share of the swaps between a rung and the next that were taken.
    round_trips : int
        Replicas that went from the coldest rung to the hottest and back, or the other way round.
    cold : float32 [W, n_atoms, 3]
        Starts of the replicas after the damped run, Å.
    seconds : float
    """

    temperatures_K: np.ndarray
    positions: np.ndarray
    potential_kj: np.ndarray
    replicas: np.ndarray
    accepted: np.ndarray
    round_trips: int
    cold: np.ndarray
    seconds: float


def ladder(low_K: float, high_K: float, n: int) -> np.ndarray:
    """`n` temperatures in geometric progression, float64 [n].

    Raises
    ------
    InputError
        When they are not positive and ascending.
    """
    if not 0 < low_K < high_K < 2000:
        raise InputError(f"Temperatures from {low_K:g} to {high_K:g} K make no ladder; give for example 300:600.")
    return np.geomspace(low_K, high_K, n)


def exchange(
    system: LaneSystem,
    starts: np.ndarray,
    temperatures_K: np.ndarray,
    *,
    n_frames: int,
    stride: int,
    seed: int,
    timestep_fs: float = 4.0,
    friction_per_ps: float = 1.0,
    equilibration_frames: int = 10,
    swap_ps: float = SWAP_PS,
    cold_steps: int = COLD_STEPS,
    width: int | None = None,
    on_frame: OnFrame | None = None,
) -> ExchangeFrames:
    """Run replica exchange from the starts [W, n_atoms, 3] Å, one a lane, at ascending temperatures [W].

    Parameters
    ----------
    n_frames, stride : int
        Frames of each rung, and steps from one to the next.
    equilibration_frames : int
        Left out at the start; swaps go on in them.
    swap_ps : float
        Time between tries.
    cold_steps : int
        Steps of the damped run at the start; 0 where the starts are relaxed already.

    Raises
    ------
    InputError
        When the number of starts or temperatures is not that of the lanes, a start is not finite, or a replica does not
        stay finite.
    """
    engine = Lanes(system, width)
    n, every = engine.width, max(1, round(swap_ps * 1000 / timestep_fs))
    kelvin = np.asarray(temperatures_K, dtype=np.float64)
    if len(kelvin) != n or len(starts) != n or (np.diff(kelvin) <= 0).any():
        raise InputError(
            f"Exchange needs {n} starts and {n} ascending temperatures; there are {len(starts)}, {len(kelvin)}."
        )
    check_starts(np.asarray(starts), system.n_atoms)
    began = time.perf_counter()
    random = np.random.default_rng(seed)
    seeds = [int(word) for word in np.random.SeedSequence(seed).generate_state(n, np.uint64)]
    cold = prepare(engine, np.asarray(starts, dtype=np.float32), seeds, cold_steps)
    rung = random.permutation(n)  # of each lane
    engine.draw_velocities(kelvin[rung])
    tried, taken = np.zeros((2, n - 1))
    frames = np.empty((n, n_frames, system.n_atoms, 3), dtype=np.float32)
    potential, replicas = np.empty((n, n_frames)), np.empty((n, n_frames), dtype=np.int64)
    step = parity = 0
    for t in range(-equilibration_frames, n_frames):
        if t == 0:
            tried[:] = taken[:] = 0
        end = step + stride
        while step < end:
            length = min(every - step % every, end - step)
            engine.run(length, kelvin[rung], friction_per_ps, timestep_fs)
            step += length
            if step % every == 0:
                _swap(engine, rung, kelvin, parity, random, tried, taken)
                parity = 1 - parity
        if not np.isfinite(engine.potential_kj).all():
            raise InputError(
                f"A replica did not stay finite below {kelvin[-1]:g} K; choose a lower highest temperature."
            )
        if t >= 0:
            lane = np.argsort(rung)
            frames[:, t] = engine.positions_nm[lane] * np.float32(10.0)
            potential[:, t], replicas[:, t] = engine.potential_kj[lane], lane
            if on_frame is not None:
                on_frame(t + 1, n_frames)
    seconds = time.perf_counter() - began
    return ExchangeFrames(
        kelvin, frames, potential, replicas, taken / np.maximum(tried, 1), round_trips(replicas), cold, seconds
    )


def round_trips(replicas: np.ndarray) -> int:
    """Round trips of replicas between the ends of the ladder, from who was on which rung [W, T]."""
    trips, (n, _) = 0, replicas.shape
    for replica in range(n):
        rungs = np.argmax(replicas == replica, axis=0)
        ends = rungs[(rungs == 0) | (rungs == n - 1)]
        trips += int((np.diff(ends) != 0).sum()) // 2
    return trips


def _swap(
    engine: Lanes,
    rung: np.ndarray,
    kelvin: np.ndarray,
    parity: int,
    random: np.random.Generator,
    tried: np.ndarray,
    taken: np.ndarray,
) -> None:
    """Try every second pair of neighbours; changes `rung`, the counts, and the velocities of those that swap."""
    lane, energy = np.argsort(rung), engine.potential_kj
    beta = 1 / (BOLTZMANN * kelvin)
    factor = np.ones(len(rung))
    for low in range(parity, len(rung) - 1, 2):
        a, b = lane[low], lane[low + 1]
        tried[low] += 1
        if np.log(random.random()) < (beta[low] - beta[low + 1]) * (energy[a] - energy[b]):
            taken[low] += 1
            rung[a], rung[b] = low + 1, low
            factor[a], factor[b] = (kelvin[low + 1] / kelvin[low]) ** 0.5, (kelvin[low] / kelvin[low + 1]) ** 0.5
    engine.scale_velocities(factor)
