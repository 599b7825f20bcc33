"""Runs over many molecules: what is finished is skipped, what fails is listed, the report is written at the end."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from safetensors.torch import save

from eginterpolator.errors import EGIError, InputError
from eginterpolator.etkdg import etkdg_conformers
from eginterpolator.evaluation.stereo import stereo_retention
from eginterpolator.evaluation.validity import valid_share
from eginterpolator.folder import remove_unfinished, write_conformer_folder, write_molecule_folder
from eginterpolator.generation import (
    Endpoint,
    GenerationConfig,
    check_molecule,
    check_task,
    generate_conformers,
    generate_trajectories,
)
from eginterpolator.inputs import Failure, prepare_out
from eginterpolator.io import write_text
from eginterpolator.models.registry import Model
from eginterpolator.molecule import Molecule
from eginterpolator.trajectory import ConformerEnsemble

log = logging.getLogger(__name__)

SUMMARY = ("name", "smiles", "n_heavy", "n_frames", "frame_ps", "samples", "seconds", "stereo_retention", "valid")


@dataclass
class RunResult:
    """What a run did, by molecule name."""

    out: Path
    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 when every molecule is there, 1 otherwise."""
        return 1 if self.failures else 0


@dataclass(frozen=True)
class Hooks:
    """What a progress display wants to know."""

    start: Callable[[Molecule], None] = lambda molecule: None
    step: Callable[[int], None] = lambda calls: None
    finish: Callable[[Molecule, str], None] = lambda molecule, outcome: None


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    found = {"python": platform.python_version()}
    for package in ("eginterpolator", "torch", "rdkit", "numpy", "mdtraj"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def run_generation(
    model: Model,
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    config: GenerationConfig,
    failures: Sequence[Failure] = (),
    start: Endpoint | None = None,
    end: Endpoint | None = None,
    force: bool = False,
    overwrite: bool = False,
    hooks: Hooks | None = None,
) -> RunResult:
    """Generate trajectories of all molecules into `out` (DESIGN section 3).

    A molecule folder whose meta.json names the same settings is finished and skipped; one with other settings is
    refused unless `overwrite`. A molecule that fails is listed in failures.csv, the others go on.

    Raises
    ------
    InputError
        When the output folder cannot be used, the task lacks its given frames, or the only molecule does not fit.
    """
    check_task(model, config, start, end)
    _check_single(model, molecules, failures, force)
    settings = {**asdict(config), **_source(model), "start": _endpoint_hash(start), "end": _endpoint_hash(end)}

    def make(molecule: Molecule, folder: Path, hooks: Hooks) -> dict[str, Any]:
        warnings = _warn(model, molecule, force)
        trajectories = generate_trajectories(model, molecule, config, start, end, hooks.step)
        meta = _molecule_meta(molecule, [t.meta for t in trajectories], settings, warnings)
        write_molecule_folder(folder, molecule, trajectories, meta)
        return meta

    return _run(molecules, out, settings, make, failures, overwrite, hooks or Hooks())


def run_conformers(
    model: Model,
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    n_conformers: int,
    config: GenerationConfig,
    failures: Sequence[Failure] = (),
    force: bool = False,
    overwrite: bool = False,
    hooks: Hooks | None = None,
) -> RunResult:
    """Generate conformers of all molecules into `out`: `<name>/conformers.sdf` and `meta.json`.

    Raises
    ------
    InputError
        When the output folder cannot be used, or the only molecule does not fit.
    """
    _check_single(model, molecules, failures, force)
    settings = {**asdict(config), **_source(model), "n_conformers": n_conformers}

    def make(molecule: Molecule, folder: Path, hooks: Hooks) -> dict[str, Any]:
        warnings = _warn(model, molecule, force)
        ensemble = generate_conformers(model, molecule, n_conformers, config, hooks.step)
        meta = _molecule_meta(molecule, [ensemble.meta], settings, warnings)
        write_conformer_folder(folder, ensemble, meta)
        return meta

    return _run(molecules, out, settings, make, failures, overwrite, hooks or Hooks())


def run_etkdg(
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    n_conformers: int,
    seed: int,
    hydrogens: bool = True,
    failures: Sequence[Failure] = (),
    overwrite: bool = False,
    hooks: Hooks | None = None,
) -> RunResult:
    """RDKit's ETKDG conformers of all molecules, in the same files as `run_conformers` writes.

    Raises
    ------
    InputError
        When the output folder cannot be used.
    """
    settings = {"model": "etkdg", "n_conformers": n_conformers, "seed": seed, "hydrogens": hydrogens}

    def make(molecule: Molecule, folder: Path, hooks: Hooks) -> dict[str, Any]:
        began = time.perf_counter()
        ensemble = etkdg_conformers(molecule, n_conformers, seed)
        if not hydrogens:
            ensemble = ConformerEnsemble(molecule, ensemble.heavy)
        facts = {
            "model": "etkdg",
            "task": "conformers",
            "seed": seed,
            "n_frames": n_conformers,
            "seconds": time.perf_counter() - began,
            "stereo_retention": stereo_retention(molecule, ensemble.positions),
            "valid": valid_share(molecule, ensemble.positions),
        }
        meta = _molecule_meta(molecule, [facts], settings, [])
        write_conformer_folder(folder, ensemble, meta)
        return meta

    return _run(molecules, out, settings, make, failures, overwrite, hooks or Hooks())


def _run(
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    settings: dict[str, Any],
    make: Callable[[Molecule, Path, Hooks], dict[str, Any]],
    failures: Sequence[Failure],
    overwrite: bool,
    hooks: Hooks,
) -> RunResult:
    result = RunResult(prepare_out(out), failures=list(failures))
    remove_unfinished(result.out, {molecule.name for molecule in molecules})
    finished = {m.name: _finished(result.out / m.name, m, settings, overwrite) for m in molecules}
    rows = []
    for molecule in molecules:
        folder = result.out / molecule.name
        meta = finished[molecule.name]
        if meta is not None:
            result.skipped.append(molecule.name)
            hooks.finish(molecule, "finished before")
        else:
            hooks.start(molecule)
            try:
                meta = make(molecule, folder, hooks)
            except Exception as error:  # whatever goes wrong with one molecule, the others go on
                log.info("%s failed", molecule.name, exc_info=True)
                kind = "" if isinstance(error, EGIError) else f"{type(error).__name__}: "
                reason = kind + " ".join(str(error).split())
                result.failures.append(Failure(molecule.name, molecule.smiles, reason))
                hooks.finish(molecule, f"failed: {reason}")
                continue
            result.done.append(molecule.name)
            hooks.finish(molecule, "done")
        rows.append({"name": molecule.name, "n_heavy": molecule.n_heavy, **meta})
    _write_csv(result.out / "summary.csv", SUMMARY, rows)
    _write_csv(result.out / "failures.csv", ("name", "smiles", "reason"), [asdict(f) for f in result.failures])
    return result


def _check_single(model: Model, molecules: Sequence[Molecule], failures: Sequence[Failure], force: bool) -> None:
    """With nothing else to go on with, a molecule that does not fit is an error of the input."""
    if len(molecules) == 1 and not failures:
        check_molecule(model, molecules[0], force)


def _warn(model: Model, molecule: Molecule, force: bool) -> list[str]:
    warnings = check_molecule(model, molecule, force)
    for warning in warnings:
        log.warning(warning)
    return warnings


def _source(model: Model) -> dict[str, str]:
    """The model in the settings: its name, and hashes of its weights and of its own way of sampling."""
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.denoiser.network.state_dict().items()}
    sampling = {key: model.config.get(key) for key in ("sampler", "window", "frame_ps")}
    own = json.dumps({**sampling, "process": model.process.config()}, sort_keys=True).encode()
    return {
        "model": model.name,
        "weights": hashlib.sha256(save(weights)).hexdigest()[:16],
        "sampling": hashlib.sha256(own).hexdigest()[:16],
    }


def _endpoint_hash(endpoint: Endpoint | None) -> str | None:
    return None if endpoint is None else hashlib.sha256(endpoint.positions.tobytes()).hexdigest()[:16]


def _finished(folder: Path, molecule: Molecule, settings: dict[str, Any], overwrite: bool) -> dict[str, Any] | None:
    """meta.json of a finished folder, None where there is work to do."""
    path = folder / "meta.json"
    if overwrite or not path.is_file():
        return None
    try:
        meta: dict[str, Any] = json.loads(path.read_text())
    except json.JSONDecodeError:
        return None
    same = json.loads(json.dumps(_identity(settings)))
    if meta.get("smiles") == molecule.smiles and _identity(meta.get("settings", {})) == same:
        return meta
    raise InputError(
        f"'{folder}' holds a result of other settings or another molecule; pass --overwrite to replace it, "
        "or choose another --out."
    )


def _identity(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that decide what comes out: the batch size does not."""
    return {key: value for key, value in settings.items() if key != "batch"}


def _molecule_meta(
    molecule: Molecule, samples: Sequence[dict[str, Any]], settings: dict[str, Any], warnings: Sequence[str]
) -> dict[str, Any]:
    first = samples[0]
    shared = ("frame_ps", "n_frames", "seed", "model", "task", "strength", "sampler", "steps", "precision", "device")
    return {
        "smiles": molecule.smiles,
        **{key: first[key] for key in shared if key in first},
        "samples": len(samples),
        "seconds": round(sum(s["seconds"] for s in samples), 3),
        "stereo_retention": sum(s["stereo_retention"] for s in samples) / len(samples),
        "valid": sum(s["valid"] for s in samples) / len(samples),
        "warnings": list(warnings),
        "versions": versions(),
        "settings": settings,
    }


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, buffer.getvalue())
