"""All rungs of a replica exchange weighed for one temperature, and the populations of torsions' wells that follow."""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.wells import well_ends, well_indices
from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path
from eginterpolator.simulation.engines.base import SimulationError
from eginterpolator.simulation.engines.lanes.engine import BOLTZMANN
from eginterpolator.simulation.engines.lanes.exchange import ExchangeFrames

MOST_FRAMES = 5000
"""Of a rung that the equations of MBAR are solved with; all frames get weights."""
DRAWN = 5000
"""Frames, drawn by their weights, in which wells are looked for."""


@dataclass(frozen=True)
class TorsionWell:
    """A well of a torsion and how often it is taken.

    Attributes
    ----------
    atoms : tuple of int
        The torsion's four, in the molecule's order, from 0.
    start_degrees, end_degrees : float
        The well is what lies between them, going up; past 180 it goes on at -180.
    share, error : float
        By all rungs, with a standard error by the jackknife over replicas.
    cold_share : float
        By the frames of the coldest rung alone.
    """

    atoms: tuple[int, ...]
    start_degrees: float
    end_degrees: float
    share: float
    error: float
    cold_share: float


def boltzmann_weights(made: ExchangeFrames, temperature_K: float) -> np.ndarray:
    """Weight of every frame of every rung at one temperature, float64 [W, T], summing to one.

    By the multistate Bennett acceptance ratio (Shirts and Chodera 2008), through pymbar: with reduced energies
    u_k = U / RT_k, N frames of each rung and the free energies f_k that pymbar finds,

        w ~ exp(-u) / sum over k of N exp(f_k - u_k)

    Raises
    ------
    InputError
        When pymbar is not installed.
    SimulationError
        When the equations have no solution.
    """
    logging.getLogger("pymbar").setLevel(logging.ERROR)  # importing it says that JAX is missing
    try:
        from pymbar import MBAR
    except ImportError as error:
        raise InputError("Reweighting needs pymbar; install it with: pip install 'eginterpolator[md]'.") from error
    energies = made.potential_kj - made.potential_kj.mean()
    beta = 1 / (BOLTZMANN * made.temperatures_K)
    some = energies[:, :: -(-energies.shape[1] // MOST_FRAMES)]
    try:
        free = MBAR(np.outer(beta, some.ravel()), np.full(len(beta), some.shape[1])).f_k
    except Exception as error:  # pymbar has errors of its own
        raise SimulationError(f"The rungs cannot be reweighted: {' '.join(str(error).split())}.") from error
    mixture = logsumexp([f - b * energies for f, b in zip(free, beta, strict=True)], axis=0)
    logarithms = -energies / (BOLTZMANN * temperature_K) - mixture
    return np.asarray(np.exp(logarithms - logsumexp(logarithms)))


def torsion_populations(
    molecule: Molecule, made: ExchangeFrames, temperature_K: float | None = None, weights: np.ndarray | None = None
) -> list[TorsionWell]:
    """How often each well of each torsion is taken at a temperature, by default the coldest rung's.

    Wells are those of the reweighted distribution. The errors are of the jackknife over replicas, each with the frames
    of all rungs that it was on: replicas that stay in different wells all the time make them large, where blocks of
    time would see nothing. Of replicas that all stay in one well no error tells.

    Parameters
    ----------
    weights : float [W, T], optional
        From `boltzmann_weights`, where they are known already.

    Raises
    ------
    InputError, SimulationError
        As `boltzmann_weights`.
    """
    quadruples = torsion_quadruples(molecule)
    if not len(quadruples):
        return []
    if weights is None:
        weights = boltzmann_weights(made, float(temperature_K or made.temperatures_K[0]))
    flat, frames = weights.ravel(), made.positions.reshape(-1, *made.positions.shape[2:])
    drawn = np.random.default_rng(0).choice(len(flat), min(DRAWN, len(flat)), p=flat / flat.sum())
    n_cold, found = weights.shape[1], []
    for quadruple in quadruples:
        angles = torsions(frames, quadruple[None])[:, 0]
        ends = well_ends(angles[drawn])
        ends = ends if len(ends) > 1 else np.array([np.pi])
        wells = well_indices(angles, ends)
        for well in range(len(ends)):
            share, error = jackknife(flat * (wells == well), flat, made.replicas.ravel())
            start, end = np.degrees([ends[well - 1] if len(ends) > 1 else -np.pi, ends[well]]).tolist()
            cold_share = float((wells[:n_cold] == well).mean())
            found.append(TorsionWell(tuple(quadruple.tolist()), start, end, share, error, cold_share))
    return found


def jackknife(above: np.ndarray, below: np.ndarray, owner: np.ndarray) -> tuple[float, float]:
    """Ratio of two sums over frames [n], and its standard error when each owner's frames are left out in turn."""
    top, bottom = (np.bincount(owner, values) for values in (above, below))
    n = len(top)
    ratio = float(top.sum() / bottom.sum())
    if n < 2:
        return ratio, float("nan")
    without = (top.sum() - top) / (bottom.sum() - bottom)
    return ratio, float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))


def write_reweighted(path: str | os.PathLike[str], wells: Sequence[TorsionWell]) -> None:
    """A CSV, a row a well: atoms as `0-1-2-3`."""
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["atoms", "start_degrees", "end_degrees", "share", "error", "cold_share"])
        for well in wells:
            numbers = (well.share, well.error, well.cold_share)
            row = ["-".join(map(str, well.atoms)), f"{well.start_degrees:.1f}", f"{well.end_degrees:.1f}"]
            writer.writerow([*row, *(f"{number:.5f}" for number in numbers)])
