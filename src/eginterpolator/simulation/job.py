"""Simulations of many molecules into one folder: what is done stays, what fails is listed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import Failure
from eginterpolator.jobs.molecules import Hooks, RunResult, run_molecules
from eginterpolator.jobs.tasks import Step, Workers
from eginterpolator.simulation.api import RunSettings, simulate_to_folder
from eginterpolator.simulation.exchange import Ladder, exchange_to_folder
from eginterpolator.simulation.export.folder import ExportSettings, export_to_folder
from eginterpolator.simulation.parameters import require_openmm, require_parameters
from eginterpolator.simulation.protocol import Protocol, protocol_named

SUMMARY = (
    "name", "smiles", "n_atoms", "n_heavy", "replicas", "n_frames", "frame_ps", "engine", "platform",
    "steps_per_second", "ns_per_day", "mean_temperature_K", "mean_density_g_ml", "seconds",
)  # fmt: skip


LEAST_STEP = 1e-3
"""Of a molecule: progress is told no more often."""


@dataclass(frozen=True)
class _Simulation:
    """The work on one molecule, which is one step."""

    out: Path
    protocol: Protocol
    settings: RunSettings
    exchange: Ladder | None
    overwrite: bool

    def finished(self, molecule: Molecule) -> dict[str, Any] | None:
        """Meta data of the molecule's folder, None where there is work to do."""
        if self.overwrite or not (self.out / molecule.name).exists():
            return None
        return self(molecule, lambda amount: None)

    def __call__(self, molecule: Molecule, step: Step) -> dict[str, Any]:
        count = 1
        if self.exchange is None:
            count = self.settings.chosen(molecule, self.protocol)[1].replicas or 1
        shares: dict[int, float] = {}
        behind = 0.0

        def report(replica: int, done: int, total: int) -> None:
            nonlocal behind
            shares[replica] = done / total
            share = sum(shares.values()) / count
            if share - behind >= LEAST_STEP or share == 1.0:
                step(share - behind)
                behind = share

        if self.exchange is not None:
            return exchange_to_folder(
                molecule, self.out, self.protocol, self.exchange, self.settings, overwrite=self.overwrite,
                progress=report,
            )  # fmt: skip
        return simulate_to_folder(
            molecule, self.out, self.protocol, overwrite=self.overwrite, progress=report, **asdict(self.settings)
        )


EXPORT_SUMMARY = ("name", "smiles", "n_atoms", "n_heavy", "n_particles", "export", "ensemble")


@dataclass(frozen=True)
class _Export:
    """The export of one molecule, which is one step."""

    out: Path
    protocol: Protocol
    settings: ExportSettings
    overwrite: bool

    def finished(self, molecule: Molecule) -> dict[str, Any] | None:
        """Meta data of the molecule's folder, None where there is work to do."""
        if self.overwrite or not (self.out / molecule.name).exists():
            return None
        return self(molecule, lambda amount: None)

    def __call__(self, molecule: Molecule, step: Step) -> dict[str, Any]:
        meta = export_to_folder(molecule, self.out, self.protocol, self.settings, overwrite=self.overwrite)
        step(1.0)
        return meta


def export_many(
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    protocol: Protocol,
    settings: ExportSettings,
    *,
    overwrite: bool = False,
    failures: Sequence[Failure] = (),
    hooks: Hooks | None = None,
    workers: Workers | None = None,
) -> RunResult:
    """Export the system of each molecule into `out/<name>/` for another engine; arguments as `simulate_many`.

    Raises
    ------
    InputError
        When a setting makes no run, a package is missing, two molecules share a name, or a folder of other settings
        is in the way.
    """
    _distinct_names(molecules)
    require_openmm()
    require_parameters(protocol)
    settings.check(protocol)
    task = _Export(Path(out).resolve(), protocol, settings, overwrite)
    return run_molecules(
        molecules, out, task, task.finished, EXPORT_SUMMARY, failures=failures, hooks=hooks, workers=workers
    )  # fmt: skip


def simulate_many(
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    protocol: Protocol | str = "implicit",
    *,
    exchange: Ladder | None = None,
    overwrite: bool = False,
    failures: Sequence[Failure] = (),
    hooks: Hooks | None = None,
    workers: Workers | None = None,
    **settings: Any,
) -> RunResult:
    """Simulate each molecule into `out/<name>/` and write `out/summary.csv` and `out/failures.csv`.

    Parameters
    ----------
    exchange : Ladder, optional
        Replica exchange instead of plain replicas; see `exchange_to_folder`.
    overwrite : bool
        As `simulate_to_folder` takes it.
    failures : sequence of Failure
        Inputs that could not be read, to be listed with the others.
    hooks : Hooks, optional
        Told of the progress, in molecules.
    workers : Workers, optional
        Who takes the molecules; this process by default. Each computes with the threads that it says.
    settings
        Fields of `RunSettings`.

    Raises
    ------
    InputError
        When a setting makes no run, a package is missing, two molecules share a name, or a folder of other settings
        is in the way.
    """
    _distinct_names(molecules)
    protocol = protocol_named(protocol) if isinstance(protocol, str) else protocol
    run = RunSettings(**settings)
    run.check(protocol)
    if workers is not None:
        run = replace(run, threads=workers.threads or (1 if workers.count else None))
    task = _Simulation(Path(out).resolve(), protocol, run, exchange, overwrite)
    return run_molecules(
        molecules, out, task, task.finished, SUMMARY, failures=failures, hooks=hooks, workers=workers
    )  # fmt: skip


def _distinct_names(molecules: Sequence[Molecule]) -> None:
    seen: set[str] = set()
    for molecule in molecules:
        if molecule.name in seen:
            raise InputError(f"Two molecules are named '{molecule.name}'; give each a name of its own.")
        if molecule.name in (".", "..") or "/" in molecule.name or molecule.name.startswith("."):
            raise InputError(f"'{molecule.name}' cannot name a folder; use letters, digits, '-' and '_'.")
        seen.add(molecule.name)
