"""`simulate`: reference trajectories of one molecule, and its folder on disk, replica by replica."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import platform as host
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.analysis.tables import write_populations
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.protonation import protonation_facts
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.validity import valid_share
from eginterpolator.errors import InputError
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.io import atomic_path
from eginterpolator.files.sdf import with_conformers
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.simulation.engines import ENGINES
from eginterpolator.simulation.engines.base import OnFrame, Replica, SimulationError, Unsupported, frame_count
from eginterpolator.simulation.engines.choice import AUTO, FALLBACK, Chosen, choose_engine
from eginterpolator.simulation.equilibrated import equilibrated_starts
from eginterpolator.simulation.parameters import require_parameters
from eginterpolator.simulation.protocol import Protocol, protocol_named
from eginterpolator.simulation.starts import start_conformers, superpose

log = logging.getLogger(__name__)

PACKAGES = {
    "eginterpolator": "eginterpolator",
    "openmm": "openmm",
    "openff-toolkit": "acellera-openff-toolkit",
    "openff-interchange": "acellera-openff-interchange",
    "openff-nagl": "acellera-openff-nagl",
    "rdkit": "rdkit",
}


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How a molecule is simulated.

    Attributes
    ----------
    replicas : int, optional
        Independent runs, each from another conformer; by default the engine's number (16 with lanes, 5 with OpenMM).
    ns, save_ps : float
        Length of production of each, and time between frames.
    seed : int
        Each replica's own seed is derived from it and the molecule, whatever the order of molecules.
    engine : str
        One of `engines.ENGINES`, or `auto`.
    platform : str
        `auto`, an OpenMM platform, or a number of lanes.
    threads : int, optional
        Of the run; by default the engine's choice.
    """

    replicas: int | None = None
    ns: float = 5.0
    save_ps: float = 0.4
    seed: int = 0
    engine: str = AUTO
    platform: str = "auto"
    threads: int | None = None

    def check(self, protocol: Protocol) -> int:
        """Frames a replica will have.

        Raises
        ------
        InputError
            When a setting makes no run, or a package is missing.
        """
        engine = ENGINES.find(FALLBACK if self.engine == AUTO else self.engine)
        if (self.replicas is not None and self.replicas < 1) or self.seed < 0:
            raise InputError(
                f"replicas = {self.replicas} and seed = {self.seed} make no run; give one replica or more and a seed "
                "of 0 or more."
            )
        n_frames = frame_count(self.ns, self.save_ps, protocol)
        engine.check(self.platform)
        require_parameters(protocol)
        return n_frames

    def chosen(self, molecule: Molecule, protocol: Protocol) -> tuple[Chosen, RunSettings]:
        """The engine for a molecule, and these settings with a number of replicas; InputError as `choose_engine`."""
        chosen = choose_engine(self.engine, molecule, protocol, self.platform)
        count = chosen.engine.default_replicas if self.replicas is None else self.replicas
        return chosen, replace(self, replicas=count)


def simulate(
    molecule: Molecule | str,
    protocol: Protocol | str = "implicit",
    *,
    progress: OnFrame | None = None,
    **settings: Any,
) -> list[Trajectory]:
    """Simulate a molecule, each replica from another of its conformers.

    Parameters
    ----------
    molecule : Molecule or str
        A Molecule or a SMILES with its stereo defined.
    protocol : Protocol or {"implicit", "vacuum", "explicit"}
    progress : callable, optional
        Called with (replica, frames done, frames in all).
    settings
        Fields of `RunSettings`: replicas, ns, save_ps, seed, engine, platform, threads.

    Returns
    -------
    list of Trajectory
        One a replica: all atoms of the solute, superposed on its first frame, Å.

    Raises
    ------
    InputError
        When a setting makes no sense, a package is missing, or the force field lacks the molecule.
    SimulationError
        When a replica blows up, breaks a bond or loses its stereo.
    """
    molecule = Molecule.from_smiles(molecule) if isinstance(molecule, str) else molecule
    protocol = protocol_named(protocol) if isinstance(protocol, str) else protocol
    run = RunSettings(**settings)
    return _trajectories(molecule, protocol, run_replicas(molecule, protocol, run, progress), run.seed)


def simulate_to_folder(
    molecule: Molecule,
    out: str | os.PathLike[str],
    protocol: Protocol | str = "implicit",
    *,
    overwrite: bool = False,
    progress: OnFrame | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Simulate `molecule` into `out/<name>/`; a finished folder or replica is never run again.

    The folder is that of DESIGN §3 plus `energies_000.csv` ... (time, potential energy, temperature,
    density of each frame) and the tables of `analysis.tables.write_populations`. It appears when all is done; finished
    replicas wait in a hidden folder beside it.

    Parameters
    ----------
    settings
        Fields of `RunSettings`.

    Returns
    -------
    dict
        The folder's meta data, with `resumed` true when nothing had to be run.

    Raises
    ------
    InputError, SimulationError
        As `simulate`; also InputError when a folder of other settings is in the way.
    """
    protocol = protocol_named(protocol) if isinstance(protocol, str) else protocol
    chosen, run = RunSettings(**settings).chosen(molecule, protocol)
    named = {} if chosen.replaceable else {"engine": chosen.name}
    wanted = {
        **molecule.named, "protocol": protocol.to_dict(), "replicas": run.replicas, "ns": run.ns,
        "save_ps": run.save_ps, "seed": run.seed, **named,
    }  # fmt: skip
    folder = Path(out) / molecule.name
    partial = Path(out) / f".{molecule.name}.replicas-{_digest({**wanted, 'platform': run.platform})}"
    if not overwrite and (finished := finished_folder(folder, molecule, wanted)) is not None:
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed between the two
        return {**finished, "resumed": True}
    results = run_replicas(molecule, protocol, run, progress, partial)
    molecule = Molecule(with_conformers(molecule.rdmol, _starts(molecule, len(results), run.seed)), molecule.name)
    trajectories = _trajectories(molecule, protocol, results, run.seed)
    used = "lanes" if results[0].platform.endswith("lanes") else chosen.name
    meta = {
        **wanted,
        "engine": used,
        **protocol.conditions.to_meta(),
        **protonation_facts(molecule),
        **_summary(molecule, results, protocol.timestep_fs),
    }

    def tables(building: Path) -> None:
        for k, result in enumerate(results):
            _write_energies(building / f"energies_{k:03d}.csv", result)
        write_populations(building, trajectories)

    write_molecule_folder(folder, molecule, trajectories, meta, tables)
    shutil.rmtree(partial, ignore_errors=True)
    return {**meta, "resumed": False}


def run_replicas(
    molecule: Molecule,
    protocol: Protocol,
    settings: RunSettings,
    progress: OnFrame | None = None,
    keep: Path | None = None,
) -> list[Replica]:
    """Run independent replicas, each from its own conformer.

    `keep` names a folder where each finished replica is stored and looked for, so that an interrupted run goes on with
    those that are missing. Errors are those of `simulate`.
    """
    n_frames = settings.check(protocol)
    chosen, settings = settings.chosen(molecule, protocol)
    count = settings.replicas or chosen.engine.default_replicas
    paths = [None if keep is None else keep / f"replica_{k:03d}.npz" for k in range(count)]
    found = {k: r for k, path in enumerate(paths) if path and (r := _load_replica(path, n_frames, molecule.n_atoms))}
    missing = [k for k in range(count) if k not in found]
    if missing:
        seeds = [replica_seed(molecule, settings.seed, k + 1) for k in range(count)]
        conformers = _starts(molecule, count, settings.seed)
        all_starts, origins = equilibrated_starts(molecule, conformers, protocol, seeds, settings.threads)
        starts, seeds, origins = all_starts[missing], [seeds[k] for k in missing], [origins[k] for k in missing]
        folders = None if keep is None else [keep / f"replica_{k:03d}" for k in missing]

        def told(replica: int, done: int, total: int) -> None:
            if progress is not None:
                progress(missing[replica], done, total)

        made = engine_replicas(chosen, molecule, protocol, starts, seeds, settings, told, folders)
        for k, result, origin in zip(missing, made, origins, strict=True):
            if isinstance(result, SimulationError):
                raise result
            found[k] = replace(result, start=origin)
            if (path := paths[k]) is not None:
                _save_replica(path, found[k])
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
    return [found[k] for k in range(count)]


def engine_replicas(
    chosen: Chosen,
    molecule: Molecule,
    protocol: Protocol,
    starts: np.ndarray,
    seeds: list[int],
    settings: RunSettings,
    told: OnFrame = lambda replica, done, total: None,
    folders: list[Path] | None = None,
) -> Iterator[Replica | SimulationError]:
    """Replicas of the chosen engine, as `Engine.replicas`; of the fallback where that meets what it does not do.

    `folders`, one a replica, are where an engine that can leaves unfinished work.
    """
    options: dict[str, Any] = {
        "ns": settings.ns, "save_ps": settings.save_ps, "platform": settings.platform, "threads": settings.threads,
        "on_frame": told,
    }  # fmt: skip
    kept: dict[str, Any] = {"folders": folders} if getattr(chosen.engine, "resumes", False) else {}
    try:
        yield from chosen.engine.replicas(molecule, protocol, starts, seeds, **options, **kept)
    except Unsupported as error:  # it says so before the first replica
        if not chosen.replaceable:
            raise InputError(f"The engine '{chosen.name}' cannot run '{molecule.name}': {error}; use auto.") from error
        log.warning("%s: OpenMM takes it, since %s cannot: %s.", molecule.name, chosen.name, error)
        yield from ENGINES[FALLBACK].replicas(molecule, protocol, starts, seeds, **options)


def replica_seed(molecule: Molecule, seed: int, replica: int) -> int:
    """Seed below 2^30 of one replica, from the run's seed and the isomer alone."""
    key = int.from_bytes(hashlib.sha256(molecule.smiles.encode()).digest()[:8], "little")
    return int(np.random.default_rng([seed, key, replica]).integers(2**30))


def _starts(molecule: Molecule, replicas: int, seed: int) -> np.ndarray:
    return start_conformers(molecule, replicas, replica_seed(molecule, seed, 0))


def _trajectories(molecule: Molecule, protocol: Protocol, results: list[Replica], seed: int) -> list[Trajectory]:
    return [
        Trajectory(
            molecule=molecule,
            positions=superpose(result.positions, molecule.n_heavy),
            frame_ps=result.frame_ps,
            meta={
                "source": "simulation",
                "protocol": protocol.name,
                **protocol.conditions.to_meta(),
                "replica": k,
                "seed": seed,
                "platform": result.platform,
                "steps_per_second": round(result.steps_per_second),
            },
        )  # fmt: skip
        for k, result in enumerate(results)
    ]


def _summary(molecule: Molecule, results: list[Replica], timestep_fs: float) -> dict[str, Any]:
    speed = float(np.mean([result.steps_per_second for result in results]))
    density = [float(result.density_g_ml.mean()) for result in results if result.density_g_ml is not None]
    kept = np.concatenate([frame_stereo(molecule, result.positions) for result in results])
    return {
        "name": molecule.name,
        "n_atoms": molecule.n_atoms,
        "n_heavy": molecule.n_heavy,
        "frame_ps": results[0].frame_ps,
        "n_frames": len(results[0].positions),
        "platform": results[0].platform,
        "starts": list(dict.fromkeys(result.start for result in results)),
        "steps_per_second": round(speed),
        "ns_per_day": round(speed * timestep_fs * 86400e-6, 1),
        "mean_temperature_K": round(float(np.mean([result.temperature_K.mean() for result in results])), 2),
        "mean_potential_kcal": round(float(np.mean([result.potential_kcal.mean() for result in results])), 3),
        "mean_density_g_ml": round(float(np.mean(density)), 4) if density else None,
        "seconds": round(sum(result.seconds for result in results), 2),
        "stereo_retention": float(kept.mean()),
        "valid": float(np.mean([valid_share(molecule, result.positions) for result in results])),
        "versions": package_versions(),
    }


def package_versions() -> dict[str, str]:
    """Versions of Python and of what a simulation depends on."""
    found = {"python": host.python_version()}
    for label, distribution in PACKAGES.items():
        for candidate in (distribution, label):
            try:
                found[label] = version(candidate)
                break
            except PackageNotFoundError:
                continue
    return found


def finished_folder(folder: Path, molecule: Molecule, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Meta data of a finished folder, None when there is none; InputError when something else is in its place."""
    if not folder.exists():
        return None
    try:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{folder}' is in the way and has no readable meta.json; remove it or pass --overwrite."
        ) from error
    meta.setdefault("engine", "openmm")  # there was no other when it was not written down
    named = {} if molecule.is_named_by(meta) else {"smiles": molecule.smiles}
    others = {key: value for key, value in settings.items() if key not in molecule.named}
    differing = [*named, *(key for key, value in others.items() if meta.get(key) != json.loads(json.dumps(value)))]
    if differing:
        raise InputError(
            f"'{folder}' holds a simulation with another {' and '.join(differing)}; "
            "choose another --out, or pass --overwrite."
        )
    return meta


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _save_replica(path: Path, result: Replica) -> None:
    values = {key: value for key, value in asdict(result).items() if value is not None}
    with atomic_path(path) as temporary:
        np.savez(temporary, **values)


def _load_replica(path: Path, n_frames: int, n_atoms: int) -> Replica | None:
    """A stored replica, or None when there is none or it is unreadable (it is then run again)."""
    try:
        with np.load(path, allow_pickle=False) as data:
            values = {item.name: data[item.name] if item.name in data else None for item in fields(Replica)}
    except (OSError, ValueError, KeyError, EOFError):
        return None
    if values["positions"] is None or values["positions"].shape != (n_frames, n_atoms, 3):
        return None
    values["start"] = np.array("") if values["start"] is None else values["start"]
    arrays: Any = {
        key: value.item() if value is not None and value.ndim == 0 else value for key, value in values.items()
    }
    return Replica(**arrays)


def _write_energies(path: Path, result: Replica) -> None:
    density = result.density_g_ml
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["time_ps", "potential_kcal", "temperature_K", "density_g_ml"])
        for k in range(len(result.positions)):
            row = [(k + 1) * result.frame_ps, result.potential_kcal[k], result.temperature_K[k]]
            last = "" if density is None else f"{density[k]:.5f}"
            writer.writerow([*(f"{value:.4f}" for value in row), last])
