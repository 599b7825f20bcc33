"""Simulations of many molecules into one folder: what is done stays, what fails is listed."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from eginterpolator.errors import EGIError, InputError
from eginterpolator.io import atomic_path
from eginterpolator.molecule import Molecule
from eginterpolator.simulation.api import check_settings, simulate_to_folder
from eginterpolator.simulation.protocol import Protocol, protocol_named

SUMMARY = (
    "name", "smiles", "n_atoms", "n_heavy", "replicas", "n_frames", "frame_ps", "platform",
    "steps_per_second", "mean_temperature_K", "mean_density_g_ml", "seconds",
)  # fmt: skip


@dataclass
class JobResult:
    """Rows of `summary.csv` (a molecule each) and of `failures.csv` (name, smiles, reason)."""

    summary: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)


def simulate_many(
    molecules: Iterable[Molecule],
    out: str | os.PathLike[str],
    protocol: Protocol | str = "implicit",
    *,
    replicas: int = 5,
    ns: float = 5.0,
    save_ps: float = 0.4,
    seed: int = 0,
    platform: str = "auto",
    failures: Iterable[dict[str, str]] = (),
    on_molecule: Callable[[Molecule], None] | None = None,
    **options: Any,
) -> JobResult:
    """Simulate each molecule into `out/<name>/` and write `out/summary.csv` and `out/failures.csv`.

    Parameters
    ----------
    failures : iterable of dict
        Rows (name, smiles, reason) of inputs that could not be read, to be listed with the others.
    on_molecule : callable, optional
        Called before each molecule.
    replicas, ns, save_ps, seed, platform, options
        As `simulate_to_folder` takes them.

    Raises
    ------
    InputError
        When a setting makes no run, a package is missing, or two molecules share a name.
    """
    molecules = list(molecules)
    _distinct_names(molecules)
    protocol = protocol_named(protocol) if isinstance(protocol, str) else protocol
    check_settings(protocol, replicas, ns, save_ps, seed, platform)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    result = JobResult(failures=list(failures))
    run = partial(
        simulate_to_folder, out=out, protocol=protocol, replicas=replicas, ns=ns, save_ps=save_ps, seed=seed,
        platform=platform, **options,
    )  # fmt: skip
    for molecule in molecules:
        if on_molecule is not None:
            on_molecule(molecule)
        try:
            row = run(molecule=molecule)
            result.summary.append(row)
        except EGIError as error:
            result.failures.append({"name": molecule.name, "smiles": molecule.smiles, "reason": str(error)})
        _write_table(out / "summary.csv", SUMMARY, result.summary)
    if result.failures:
        _write_table(out / "failures.csv", ("name", "smiles", "reason"), result.failures)
    else:
        (out / "failures.csv").unlink(missing_ok=True)
    return result


def _distinct_names(molecules: list[Molecule]) -> None:
    seen: set[str] = set()
    for molecule in molecules:
        if molecule.name in seen:
            raise InputError(f"Two molecules are named '{molecule.name}'; give each a name of its own.")
        if molecule.name in (".", "..") or "/" in molecule.name or molecule.name.startswith("."):
            raise InputError(f"'{molecule.name}' cannot name a folder; use letters, digits, '-' and '_'.")
        seen.add(molecule.name)


def _write_table(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    with atomic_path(path) as temporary, open(temporary, "w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
