"""Structures of one molecule at many temperatures: in implicit water, in vacuum, and relaxed.

ETKDG's structures go down into the nearest minimum, and replicas start from these by their Boltzmann weights at the
highest temperature, so that what is strained is rare. Then the lanes of one register exchange temperatures between
`low_K` and `high_K` (`engines.lanes.exchange`): a structure that is stuck behind a barrier when cold crosses it when
hot, and every rung gives structures of its temperature. The last ones go on in vacuum, and from there into minima. What
does not stay finite is run again with half the time step.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import GenerationError, InputError
from eginterpolator.simulation.allenes import hold_allenes
from eginterpolator.simulation.engines.lanes.engine import BOLTZMANN, Lanes
from eginterpolator.simulation.engines.lanes.exchange import ExchangeFrames, exchange
from eginterpolator.simulation.engines.lanes.replicas import LANES
from eginterpolator.simulation.engines.lanes.run import COLD_CAP_NM_PS, prepare
from eginterpolator.simulation.engines.lanes.system import LaneSystem, lane_system
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.protocol import ImplicitProtocol

EMBEDDED, EMBED_SECONDS, ENOUGH_SECONDS = 10, 20, 4
"""Structures that ETKDG is asked for, CPU seconds that it has, and after which one is enough: strained molecules, and
axes of chirality, which it knows little of, may need many tries."""
EMBED_TRIES = 20
QUENCH = ((1000, 1.0, 20.0), (3000, 2.0, 5.0))
"""Steps, femtoseconds and friction (1/ps) of the damped runs that end in a minimum: fast, then slow motions."""
STILL_STEPS, STILL_KJ = 500, 0.02
"""What loses more energy than this in so many further steps is in no minimum yet."""


@dataclass(frozen=True, kw_only=True)
class SpreadSettings:
    """How many structures, and how far apart.

    Attributes
    ----------
    low_K, high_K : float
        Range of the temperatures. Each molecule has its own ladder, in geometric progression, a rung a lane: the
        logarithms are drawn evenly, one from each of as many equal parts of the range.
    obc2_frames, vacuum_frames : int
        Structures of each rung; 0 leaves the vacuum out.
    frame_ps : float
        Between them.
    equilibration_ps : float
        Before the first one in OBC2; in vacuum half of it.
    minima : bool
        Relax the last structures in vacuum, where DFT's and GFN2-xTB's minima are.
    """

    low_K: float = 250.0
    high_K: float = 500.0
    obc2_frames: int = 5
    vacuum_frames: int = 3
    frame_ps: float = 8.0
    equilibration_ps: float = 16.0
    friction_per_ps: float = 1.0
    minima: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.low_K < self.high_K < 1000:
            raise InputError(f"Temperatures from {self.low_K:g} to {self.high_K:g} K make no range; give 250:500.")
        if self.obc2_frames < 1 or self.vacuum_frames < 0:
            raise InputError("Give one structure of each rung or more in OBC2, and none or more in vacuum.")
        self.protocol()

    def protocol(self) -> ImplicitProtocol:
        """The physics; InputError where a number makes no simulation."""
        protocol = ImplicitProtocol(equilibration_ps=self.equilibration_ps, friction_per_ps=self.friction_per_ps)
        if self.frame_ps * 1000 < protocol.timestep_fs:
            raise InputError(f"frame_ps = {self.frame_ps:g} is shorter than a time step; give picoseconds.")
        return protocol

    def temperatures_K(self, n: int, random: np.random.Generator) -> np.ndarray:
        """Ascending temperatures of `n` rungs, float64 [n]."""
        return np.asarray(self.low_K * (self.high_K / self.low_K) ** ((np.arange(n) + random.random()) / n))


@dataclass(frozen=True)
class Structures:
    """K structures of one molecule.

    Attributes
    ----------
    positions : float32 [K, n_atoms, 3]
        Å.
    ensembles : str [K]
        `obc2`, `vacuum` or `minimum`.
    temperatures_K : float32 [K]
        0 for minima.
    accepted : float
        Share of the swaps between neighbouring rungs that were taken, OBC2.
    """

    positions: np.ndarray
    ensembles: np.ndarray
    temperatures_K: np.ndarray
    accepted: float


def spread_structures(molecule: Molecule, settings: SpreadSettings, seed: int) -> Structures:
    """Structures of a molecule by `settings`; nothing is checked but that replicas stay finite.

    Raises
    ------
    InputError
        When lanes or the force field cannot take the molecule, or a replica does not stay finite.
    GenerationError
        When ETKDG finds no structure with its stereo.
    """
    protocol = settings.protocol()
    if objection := LANES.objection(molecule, protocol):
        raise InputError(f"Lanes cannot run it: {objection}.")
    random = np.random.default_rng(seed)
    system = build_system(molecule, np.zeros((molecule.n_atoms, 3)), protocol).system
    hold_allenes(system, molecule)
    water = lane_system(system)
    engine = Lanes(water)
    n = engine.width
    starts = _relaxed(engine, molecule, _embedded(molecule, seed), settings.high_K, random)
    kelvin = settings.temperatures_K(n, random)
    stride = protocol.steps(settings.frame_ps)

    def run(system: LaneSystem, starts: np.ndarray, frames: int, before_ps: float) -> tuple[np.ndarray, float]:
        seed = int(random.integers(2**30))

        def once(parts: int) -> ExchangeFrames:
            return exchange(
                system, starts, kelvin, n_frames=frames, stride=parts * stride, seed=seed,
                timestep_fs=protocol.timestep_fs / parts, friction_per_ps=settings.friction_per_ps, cold_steps=0,
                equilibration_frames=round(before_ps / settings.frame_ps),
            )  # fmt: skip

        try:
            made = once(1)
        except InputError:  # it did not stay finite: strained cages at 500 K
            made = once(2)
        return made.positions, float(made.accepted.mean())

    positions, accepted = run(water, starts, settings.obc2_frames, settings.equilibration_ps)
    parts = [("obc2", positions, kelvin)]
    vacuum = lane_system(system, vacuum=True)
    if settings.vacuum_frames:
        positions, _ = run(vacuum, positions[:, -1], settings.vacuum_frames, settings.equilibration_ps / 2)
        parts.append(("vacuum", positions, kelvin))
    if settings.minima:
        minima = quench(Lanes(vacuum), positions[:, -1])
        parts.append(("minimum", minima[:, None], np.zeros(len(minima))))
    return Structures(
        np.concatenate([frames.reshape(-1, molecule.n_atoms, 3) for _, frames, _ in parts]),
        np.concatenate([np.repeat(name, frames.shape[0] * frames.shape[1]) for name, frames, _ in parts]),
        np.concatenate([np.repeat(kelvin, frames.shape[1]) for _, frames, kelvin in parts]).astype(np.float32),
        accepted,
    )


def _embedded(molecule: Molecule, seed: int) -> np.ndarray:
    """Up to `EMBEDDED` structures with the molecule's stereo by ETKDGv3, float32 [K, n_atoms, 3] Å.

    One after another, from distances and from random coordinates in turn where the former fails.
    """
    from rdkit import Chem
    from rdkit.Chem import rdDistGeom

    mol = Chem.Mol(molecule.rdmol)
    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.maxIterations, parameters.timeout = EMBED_TRIES, 10 * EMBED_SECONDS
    found: list[np.ndarray] = []
    began, failed = time.process_time(), 0
    while len(found) < EMBEDDED:
        spent = time.process_time() - began
        if spent > (ENOUGH_SECONDS if found else EMBED_SECONDS) or failed >= 4 * EMBEDDED:
            break
        parameters.randomSeed = 1 + (seed + 7919 * (len(found) + failed)) % (2**31 - 2)
        parameters.useRandomCoords = failed % 2 == 1
        with contextlib.suppress(RuntimeError):  # RDKit's optimiser gives up on some strained cages
            if rdDistGeom.EmbedMolecule(mol, parameters) == 0:
                positions = mol.GetConformer().GetPositions()
                if frame_stereo(molecule, positions[None])[0]:
                    found.append(positions)
                    continue
        failed += 1
    if not found:
        raise GenerationError(f"RDKit's ETKDG finds no 3D structure for {molecule.smiles}.")
    return np.array(found, dtype=np.float32)


def _relaxed(
    engine: Lanes, molecule: Molecule, embedded: np.ndarray, kelvin: float, random: np.random.Generator
) -> np.ndarray:
    """A start for each lane from embedded structures, float32 [W, n_atoms, 3] Å: minima by their Boltzmann weights.

    Structures that change their stereo on the way down count as none.
    """
    n = engine.width
    cold = prepare(engine, embedded[[k % len(embedded) for k in range(n)]], range(n), 2000)[: len(embedded)]
    energy = engine.potential_kj[: len(embedded)]
    sound = np.isfinite(energy) & frame_stereo(molecule, cold)
    if not sound.any():
        raise GenerationError(f"No structure of {molecule.smiles} keeps its stereo when it is relaxed.")
    cold, energy = cold[sound], energy[sound]
    weight = np.exp(-(energy - energy.min()) / (BOLTZMANN * kelvin))
    places = (np.arange(n) + random.random()) / n  # systematic resampling
    chosen = np.searchsorted(np.cumsum(weight / weight.sum()), places)
    return np.asarray(cold[random.permutation(np.minimum(chosen, len(cold) - 1))])


def quench(engine: Lanes, positions: np.ndarray) -> np.ndarray:
    """The minima below structures [W, n_atoms, 3] Å, to which bonds with hydrogen stay as long as they are.

    Those that are on their way still, along a flat torsion, are left out: float32 [K <= W, n_atoms, 3].
    """
    engine.positions_nm = positions * np.float32(0.1)
    engine.settle()
    for steps, timestep_fs, friction_per_ps in QUENCH:
        engine.stop()
        engine.run(steps, 0.0, friction_per_ps, timestep_fs, COLD_CAP_NM_PS)
    before = engine.potential_kj
    engine.run(STILL_STEPS, 0.0, friction_per_ps, timestep_fs, COLD_CAP_NM_PS)
    still = before - engine.potential_kj < STILL_KJ
    return np.asarray(engine.positions_nm[still] * np.float32(10.0))
