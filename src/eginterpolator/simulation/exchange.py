"""Replica exchange of one molecule into a folder: the coldest rung as its trajectory, all rungs beside it."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.analysis.tables import write_populations
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.protonation import protonation_facts
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import EGIError, InputError
from eginterpolator.files.folder import read_molecule_folder, write_molecule_folder
from eginterpolator.files.io import atomic_path
from eginterpolator.files.sdf import with_conformers
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.simulation.api import RunSettings, finished_folder, package_versions, replica_seed
from eginterpolator.simulation.engines.base import OnFrame, check_frames, frame_count
from eginterpolator.simulation.engines.lanes.exchange import ExchangeFrames, exchange, ladder
from eginterpolator.simulation.engines.lanes.library import library, widths
from eginterpolator.simulation.engines.lanes.parametrised import molecule_lanes
from eginterpolator.simulation.engines.lanes.replicas import KCAL, LANES
from eginterpolator.simulation.protocol import OpenProtocol, Protocol
from eginterpolator.simulation.reweight import TorsionWell, torsion_populations, write_reweighted
from eginterpolator.simulation.starts import start_conformers, superpose

log = logging.getLogger(__name__)

RESOLUTION_ANGSTROM = 0.002
"""Of the positions in exchange.npz, which are whole multiples of it."""


@dataclass(frozen=True)
class Ladder:
    """Temperatures of an exchange, K."""

    low_K: float
    high_K: float

    @classmethod
    def parse(cls, text: str) -> Ladder:
        """`300:600`; InputError for anything else."""
        try:
            low, high = (float(part) for part in text.split(":"))
        except ValueError as error:
            raise InputError(f"'{text}' is no range of temperatures; write for example --exchange 300:600.") from error
        ladder(low, high, 2)
        return cls(low, high)


def exchange_to_folder(
    molecule: Molecule,
    out: str | os.PathLike[str],
    protocol: Protocol,
    rungs: Ladder,
    settings: RunSettings,
    *,
    overwrite: bool = False,
    progress: OnFrame | None = None,
) -> dict[str, Any]:
    """Exchange replicas of `molecule` into `out/<name>/`; a finished folder is not made again.

    `trajectory_000.xtc` is the coldest rung, superposed on its first frame. `exchange.npz` holds all rungs: positions
    int16 [W, T, n_atoms, 3] in multiples of `resolution` Å, temperatures_K [W], potential_kcal and replicas [W, T].
    `populations.csv` holds the wells of torsions at the lowest temperature, by all rungs (`reweight`).

    Returns
    -------
    dict
        The folder's meta data, with `resumed` true when nothing had to be run.

    Raises
    ------
    InputError
        When lanes cannot run the molecule or the protocol or are missing here, or a folder of other settings is in the
        way.
    SimulationError
        When a frame of the coldest rung breaks a bond or has another stereo.
    """
    if not isinstance(protocol, OpenProtocol):
        raise InputError("Replica exchange runs in lanes, which have no box; use the protocol implicit or vacuum.")
    if objection := LANES.objection(molecule, protocol):
        raise InputError(f"Replica exchange runs in lanes, which cannot run it: {objection}.")
    wanted = {
        "smiles": molecule.smiles, "protocol": protocol.to_dict(), "exchange": asdict(rungs), "ns": settings.ns,
        "save_ps": settings.save_ps, "seed": settings.seed, "engine": "lanes",
    }  # fmt: skip
    folder = Path(out) / molecule.name
    if not overwrite and (before := finished_folder(folder, molecule, wanted)) is not None:
        return {**before, "resumed": True}
    width = max(widths(), default=4)
    library(width)
    stride = protocol.steps(settings.save_ps)
    n_frames = frame_count(settings.ns, settings.save_ps, protocol)
    starts = start_conformers(molecule, width, replica_seed(molecule, settings.seed, 0))
    before_first = -(-round(1000 * protocol.equilibration_ps / protocol.timestep_fs) // stride)
    made = exchange(
        molecule_lanes(molecule, protocol),
        starts,
        ladder(rungs.low_K, rungs.high_K, width),
        n_frames=n_frames,
        stride=stride,
        seed=replica_seed(molecule, settings.seed, 1),
        timestep_fs=protocol.timestep_fs,
        friction_per_ps=protocol.friction_per_ps,
        equilibration_frames=before_first,
        on_frame=None if progress is None else lambda done, total: progress(0, done, total),
    )
    check_frames(molecule, made.positions[0], made.cold[0])
    frame_ps = stride * protocol.timestep_fs / 1000
    cold = Trajectory(
        molecule,
        superpose(made.positions[0], molecule.n_heavy),
        frame_ps,
        {"source": "simulation", **protocol.conditions.to_meta()},
    )
    meta = {
        **wanted, **protocol.conditions.to_meta(), **protonation_facts(molecule),
        "name": molecule.name, "n_atoms": molecule.n_atoms, "n_heavy": molecule.n_heavy, "replicas": 1,
        "frame_ps": frame_ps, "n_frames": n_frames, "platform": f"{width} lanes",
        "temperatures_K": made.temperatures_K.round(3).tolist(), "accepted": made.accepted.round(3).tolist(),
        "round_trips": made.round_trips, "seconds": round(made.seconds, 2),
        "stereo_retention": float(frame_stereo(molecule, cold.positions).mean()), "valid": 1.0,
        "versions": package_versions(),
    }  # fmt: skip

    wells = _populations(molecule, made)

    def tables(building: Path) -> None:
        write_populations(building, [cold])
        if wells:
            write_reweighted(building / "populations.csv", wells)
        with atomic_path(building / "exchange.npz") as temporary:
            np.savez_compressed(
                temporary, positions=np.rint(made.positions / RESOLUTION_ANGSTROM).astype(np.int16),
                resolution=RESOLUTION_ANGSTROM, temperatures_K=made.temperatures_K, frame_ps=frame_ps,
                potential_kcal=made.potential_kj / KCAL, replicas=made.replicas,
            )  # fmt: skip

    known = Molecule(with_conformers(molecule.rdmol, starts), molecule.name)
    write_molecule_folder(folder, known, [cold], meta, tables)
    return {**meta, "resumed": False}


def read_exchange(folder: str | os.PathLike[str]) -> tuple[Molecule, ExchangeFrames]:
    """Molecule and rungs of a folder that `exchange_to_folder` has written.

    Raises
    ------
    InputError
        When there is none.
    """
    path = Path(folder) / "exchange.npz"
    if not path.is_file():
        raise InputError(f"'{folder}' holds no replica exchange; make one with egi simulate --exchange 300:600.")
    molecule, _, meta = read_molecule_folder(folder)
    with np.load(path) as data:
        rungs = ExchangeFrames(
            data["temperatures_K"], data["positions"] * np.float32(data["resolution"]), data["potential_kcal"] * KCAL,
            data["replicas"], np.array(meta["accepted"]), meta["round_trips"],
            np.stack([conformer.GetPositions() for conformer in molecule.rdmol.GetConformers()]).astype(np.float32),
            meta["seconds"],
        )  # fmt: skip
    return molecule, rungs


def _populations(molecule: Molecule, made: ExchangeFrames) -> list[TorsionWell]:
    """Wells of torsions; none, with the reason in the log, where the rungs cannot be reweighted: frames are kept."""
    try:
        return torsion_populations(molecule, made)
    except EGIError as error:
        log.warning("%s: no populations: %s", molecule.name, error)
        return []
