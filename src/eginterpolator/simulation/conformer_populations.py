"""Free-energy populations of conformers' clusters: thermal sampling by replica exchange, basin by basin.

Replicas start from the minima and exchange temperatures in lanes (`engines.lanes.exchange`), so that they cross
barriers when hot. Frames of all rungs, drawn by their weights at the wanted temperature (MBAR), go down into their
minima, and each counts for the cluster of the nearest known minimum. Unlike weights of minimum energies that holds the
width of a basin, and how many minima it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t

from eginterpolator.analysis.intervals import LEVEL
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.rmsd import numberings, symmetric_rmsd
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import GenerationError, InputError
from eginterpolator.simulation.engines.lanes.exchange import exchange, ladder
from eginterpolator.simulation.engines.lanes.library import widths
from eginterpolator.simulation.engines.lanes.minimise import minimise
from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes
from eginterpolator.simulation.engines.lanes.replicas import LANES
from eginterpolator.simulation.engines.lanes.system import LaneSystem
from eginterpolator.simulation.ensembles import MAX_MATCHES
from eginterpolator.simulation.refine import open_protocol
from eginterpolator.simulation.reweight import boltzmann_weights, jackknife

HOT_K, HOT_RATIO = 500.0, 1.6
"""Highest temperature, at least so many times the wanted one."""
FRAMES, FRAME_PS, EQUILIBRATION_FRAMES = 1000, 2.0, 50
"""Of each rung: 2 ns, of which the first 100 ps are left out."""
DRAWN = 800
"""Frames that go down into minima: a share of a half is known to .035 by them."""
ELSEWHERE_ANGSTROM = 0.5
"""A frame whose minimum is farther than this from all known ones is in none of the clusters."""


@dataclass(frozen=True)
class ThermalPopulations:
    """Populations of clusters.

    Attributes
    ----------
    shares : float64 [clusters, 3]
        Share of all frames, and its interval (95 %) by the jackknife over replicas.
    facts : dict
        For `meta.json`: `text` in words, temperatures, `elsewhere` (share of the frames in no known cluster).
    """

    shares: np.ndarray
    facts: dict[str, Any]


def thermal_populations(
    molecule: Molecule,
    minima: np.ndarray,
    labels: np.ndarray,
    temperature_K: float,
    solvent: str | None,
    seed: int,
    threads: int | None = None,
) -> ThermalPopulations:
    """Populations of the clusters `labels` [C] of minima [C, n_atoms, 3] (Å), by Sage.

    Raises
    ------
    InputError
        When lanes are not here or cannot run the molecule, or pymbar is missing.
    GenerationError
        When no frame keeps its stereo.
    SimulationError
        When frames cannot be weighed.
    """
    protocol = open_protocol(solvent)
    if not widths():
        raise InputError("Thermal populations need a processor with AVX2, AVX-512, SSE4.2 or NEON registers.")
    if objection := LANES.objection(molecule, protocol):
        raise InputError(f"Thermal populations come from lanes, which cannot run it: {objection}.")
    system = molecule_lanes(molecule, protocol)
    width = max(widths())
    kelvin = ladder(temperature_K, max(HOT_K, HOT_RATIO * temperature_K), width)
    made = exchange(
        system, np.resize(minima, (width, *minima.shape[1:])), kelvin, n_frames=FRAMES, stride=protocol.steps(FRAME_PS),
        seed=seed % 2**31, equilibration_frames=EQUILIBRATION_FRAMES,
    )  # fmt: skip
    weights = boltzmann_weights(made, temperature_K).ravel()
    places = (np.arange(DRAWN) + np.random.default_rng(seed).random()) / DRAWN  # systematic resampling
    drawn = np.minimum(np.searchsorted(np.cumsum(weights / weights.sum()), places), len(weights) - 1)
    frames = made.positions.reshape(-1, *minima.shape[1:])[drawn]
    apart, right = to_minima(molecule, system, frames, minima, threads)
    if not right.any():
        raise GenerationError(f"No frame of {molecule.smiles} keeps its stereo at {kelvin[-1]:.0f} K.")
    shares = counted(apart, labels, made.replicas.ravel()[drawn][right])
    elsewhere = float(max(0.0, 1.0 - shares[:, 0].sum()))
    ns, where = FRAMES * FRAME_PS / 1000, "vacuum" if solvent == "vacuum" else "OBC2 water"
    text = (
        f"{width} replicas of {ns:g} ns each by Sage in {where} exchange temperatures from {temperature_K:g} to "
        f"{kelvin[-1]:.0f} K; {DRAWN} frames drawn by their weights at the former (MBAR) were relaxed and count for "
        f"the nearest minimum; {100 * elsewhere:.1f} % are in none of the clusters. Intervals are 95 %, over replicas."
    )
    facts = {
        "text": text, "elsewhere": round(elsewhere, 4), "high_K": round(float(kelvin[-1]), 2), "replicas": width,
        "ns": ns, "round_trips": made.round_trips, "frames": int(right.sum()),
    }  # fmt: skip
    return ThermalPopulations(shares, facts)


def to_minima(
    molecule: Molecule, system: LaneSystem, frames: np.ndarray, minima: np.ndarray, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Heavy-atom RMSD (Å) of the minima below frames to known ones, and which frames have a minimum and their stereo.

    Returns
    -------
    float64 [sound frames, C], bool [frames]
    """
    found = minimise(system, frames, threads)
    right = found.still & frame_stereo(molecule, found.positions)
    ours, known = found.positions[right][:, : molecule.n_heavy], np.asarray(minima)[:, : molecule.n_heavy]
    apart = symmetric_rmsd(ours, known, numberings(molecule.heavy_mol, molecule.heavy_mol, MAX_MATCHES).atoms)
    return apart, right


def counted(apart: np.ndarray, labels: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Share of the frames in each cluster, and its interval: float64 [clusters, 3].

    Parameters
    ----------
    apart : float [frames, C]
        Of each frame's minimum to each known one, Å.
    labels : int64 [C]
        Cluster of each known minimum.
    owner : int64 [frames]
        Replica of each frame.
    """
    nearest = labels[apart.argmin(axis=1)]
    nearest = np.where(apart.min(axis=1) > ELSEWHERE_ANGSTROM, -1, nearest)
    one, (_, owner) = np.ones(len(nearest)), np.unique(owner, return_inverse=True)
    quantile = float(t.ppf((1 + LEVEL) / 2, max(1, owner.max())))
    rows = []
    for cluster in range(int(labels.max()) + 1):
        share, error = jackknife((nearest == cluster) * one, one, owner)
        rows.append([share, max(0.0, share - quantile * error), min(1.0, share + quantile * error)])
    return np.array(rows)
