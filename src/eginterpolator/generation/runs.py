"""Generation of many molecules into one folder: trajectories, conformers, and RDKit's conformers."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors.torch import save

from eginterpolator.analysis.tables import write_populations
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.protonation import protonation_facts
from eginterpolator.errors import InputError
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.files.folder import write_conformer_folder, write_molecule_folder
from eginterpolator.files.inputs import Failure
from eginterpolator.files.io import write_text
from eginterpolator.generation.conformers import etkdg_ensemble, finished_ensemble
from eginterpolator.generation.quality import nothing_usable, quality_warnings
from eginterpolator.generation.schedule import FITTED, sampler_config
from eginterpolator.generation.tasks import (
    GenerationConfig,
    check_task,
    generate_conformers,
    generate_trajectories,
    resolve_device,
)
from eginterpolator.jobs.molecules import Hooks, RunResult, run_molecules
from eginterpolator.jobs.tasks import Step, Workers
from eginterpolator.machine.provenance import versions
from eginterpolator.models.choice import Choice, Models
from eginterpolator.models.registry import Model
from eginterpolator.simulation.conformers import RankSettings

__all__ = ["Hooks", "RunResult", "run_conformers", "run_etkdg", "run_generation"]

log = logging.getLogger(__name__)

SHOWN = 20
"""Molecules whose warnings are shown before a run begins; all of them are in the tables."""

SUMMARY = (
    "name",
    "smiles",
    "n_heavy",
    "model",
    "n_frames",
    "frame_ps",
    "samples",
    "seconds",
    "stereo_retention",
    "valid",
    "warnings",
)


NEVER_CHOSEN = (
    ("thermalise_ps", 0.0), ("thermalise_ps", None), ("temperature_K", 300.0), ("clock", "network"),
    ("clock_seconds", None), ("frame_ps", None), ("ranking", None),
)  # fmt: skip


def run_generation(
    model: Model | Models,
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    config: GenerationConfig,
    failures: Sequence[Failure] = (),
    start: Endpoint | None = None,
    end: Endpoint | None = None,
    force: bool = False,
    overwrite: bool = False,
    hooks: Hooks | None = None,
    workers: Workers | None = None,
) -> RunResult:
    """Generate trajectories of all molecules into `out` (DESIGN section 3), each by the model that it fits.

    A molecule folder whose meta.json names the same settings is finished and skipped; one with other settings is
    refused unless `overwrite`. A molecule that fails is listed in failures.csv, the others go on. With `workers`
    each of them gets the model as it is here, and computes on the device of `config` that it has itself.

    Raises
    ------
    InputError
        When the output folder cannot be used, the task lacks its given frames, or the only molecule does not fit.
    """
    models = Models.of(model).under(config.ensemble, config.temperature_K, config.independent)
    for each in models.used(molecules, force):
        check_task(each, config, start, end)
    _check_ahead(models, molecules, failures, force)
    settings = {**asdict(config), "start": _endpoint_hash(start), "end": _endpoint_hash(end)}
    task = _Generation(Path(out).resolve(), settings, overwrite, models, config, force, start, end)
    return _run(molecules, out, task, failures, hooks, workers)


def run_conformers(
    model: Model | Models,
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    n_conformers: int,
    config: GenerationConfig,
    failures: Sequence[Failure] = (),
    force: bool = False,
    overwrite: bool = False,
    hooks: Hooks | None = None,
    workers: Workers | None = None,
    ranking: RankSettings | None = None,
) -> RunResult:
    """Generate conformers of all molecules into `out`: `<name>/conformers.sdf` and `meta.json`.

    With a `ranking` that does something the ensemble is what `ranked` makes of them, and its tables are there as well.

    Raises
    ------
    InputError
        When the output folder cannot be used, or the only molecule does not fit.
    """
    models = Models.of(model).under(config.ensemble, config.temperature_K, independent=True)
    _check_ahead(models, molecules, failures, force)
    ranking = ranking or RankSettings()
    settings = {**asdict(config), "n_conformers": n_conformers, "ranking": ranking.to_dict()}
    task = _Conformers(Path(out).resolve(), settings, overwrite, models, config, force, n_conformers, ranking)
    return _run(molecules, out, task, failures, hooks, workers)


def run_etkdg(
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    n_conformers: int,
    seed: int,
    hydrogens: bool = True,
    failures: Sequence[Failure] = (),
    overwrite: bool = False,
    hooks: Hooks | None = None,
    workers: Workers | None = None,
    ranking: RankSettings | None = None,
) -> RunResult:
    """RDKit's ETKDG conformers of all molecules, in the same files as `run_conformers` writes.

    Raises
    ------
    InputError
        When the output folder cannot be used.
    """
    ranking = ranking or RankSettings()
    settings = {
        "model": "etkdg", "n_conformers": n_conformers, "seed": seed, "hydrogens": hydrogens,
        "ranking": ranking.to_dict(),
    }  # fmt: skip
    task = _Etkdg(Path(out).resolve(), settings, overwrite, n_conformers, seed, hydrogens, ranking)
    return _run(molecules, out, task, failures, hooks, workers)


@dataclass(frozen=True)
class _FolderTask(ABC):
    """What makes one molecule's folder in `out`; `settings` are those that meta.json must name to count as finished."""

    out: Path
    settings: dict[str, Any]
    overwrite: bool

    def __call__(self, molecule: Molecule, step: Step) -> dict[str, Any]:
        """Make the folder, unless another process finished it meanwhile; returns its meta data."""
        meta = self.finished(molecule)
        return self.make(molecule, self.out / molecule.name, step) if meta is None else meta

    def finished(self, molecule: Molecule) -> dict[str, Any] | None:
        """Meta data of a molecule that needs no work, None where it is to be made."""
        settings = self.settings_of(molecule)
        if self.overwrite or settings is None:
            return None
        return _finished(self.out / molecule.name, molecule, settings)

    def settings_of(self, molecule: Molecule) -> dict[str, Any] | None:
        """What meta.json must name; None for a molecule that cannot be made."""
        return self.settings

    @abstractmethod
    def make(self, molecule: Molecule, folder: Path, step: Step) -> dict[str, Any]:
        """Make the folder; returns its meta data."""


@dataclass(frozen=True)
class _ModelTask(_FolderTask):
    models: Models
    config: GenerationConfig
    force: bool
    sources: dict[str, dict[str, str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """`_source` of each model by its name: its weights are hashed once."""

    def settings_of(self, molecule: Molecule) -> dict[str, Any] | None:
        choice = self.models.choose_or_none(molecule, self.force)
        return self._with_source(choice) if choice else None

    def choice(self, molecule: Molecule) -> tuple[Choice, dict[str, Any]]:
        """The molecule's model, on the kind of device that `config` asks for in this process, and the settings."""
        choice = self.models.choose(molecule, self.force)
        log.info("%s: %s (%s)", molecule.name, choice.model.name, choice.reason)
        settings, device = self._with_source(choice), resolve_device(self.config.device)
        if next(choice.model.denoiser.parameters()).device.type != device:
            moved = replace(choice.model, denoiser=choice.model.denoiser.to(device))
            choice = replace(choice, model=moved)
        return choice, settings

    def _with_source(self, choice: Choice) -> dict[str, Any]:
        name = choice.model.name
        if name not in self.sources:
            self.sources[name] = _source(choice.model, self.config)
        return {**self.settings, **self.sources[name]}


@dataclass(frozen=True)
class _Generation(_ModelTask):
    start: Endpoint | None
    end: Endpoint | None

    def make(self, molecule: Molecule, folder: Path, step: Step) -> dict[str, Any]:
        choice, settings = self.choice(molecule)
        trajectories = generate_trajectories(choice.model, molecule, self.config, self.start, self.end, step)
        meta = _molecule_meta(molecule, [t.meta for t in trajectories], settings, choice)
        warm = [t for t in trajectories if "potential_kcal" in t.meta]
        if warm:
            from eginterpolator.generation.thermalise import thermalised_facts

            known = [t.meta["thermalised"] for t in warm if "thermalised" in t.meta]
            meta |= {"thermalised": thermalised_facts(known)} if known else {}

        def tables(building: Path) -> None:
            for k, trajectory in enumerate(warm):
                from eginterpolator.generation.thermalise import energy_table

                write_text(building / f"energies_{k:03d}.csv", energy_table(trajectory))
            write_populations(building, trajectories)

        write_molecule_folder(folder, molecule, trajectories, meta, tables)
        return meta


@dataclass(frozen=True)
class _Conformers(_ModelTask):
    n_conformers: int
    ranking: RankSettings

    def make(self, molecule: Molecule, folder: Path, step: Step) -> dict[str, Any]:
        choice, settings = self.choice(molecule)
        made = generate_conformers(choice.model, molecule, self.n_conformers, self.config, step)
        ensemble = finished_ensemble(made, self.ranking, self.config.seed)
        meta = _molecule_meta(molecule, [ensemble.meta], settings, choice)
        write_conformer_folder(folder, ensemble, meta)
        return meta


@dataclass(frozen=True)
class _Etkdg(_FolderTask):
    n_conformers: int
    seed: int
    hydrogens: bool
    ranking: RankSettings

    def make(self, molecule: Molecule, folder: Path, step: Step) -> dict[str, Any]:
        made = etkdg_ensemble(molecule, self.n_conformers, self.seed, self.hydrogens)
        ensemble = finished_ensemble(made, self.ranking, self.seed)
        meta = _molecule_meta(molecule, [ensemble.meta], self.settings)
        write_conformer_folder(folder, ensemble, meta)
        return meta


def _run(
    molecules: Sequence[Molecule],
    out: str | os.PathLike[str],
    task: _FolderTask,
    failures: Sequence[Failure],
    hooks: Hooks | None,
    workers: Workers | None,
) -> RunResult:
    return run_molecules(
        molecules, out, task, task.finished, SUMMARY, failures=failures, verdict=nothing_usable, hooks=hooks,
        workers=workers,
    )  # fmt: skip


def _check_ahead(models: Models, molecules: Sequence[Molecule], failures: Sequence[Failure], force: bool) -> None:
    """Say what of the molecules is outside of the training data, before any of them is made.

    With nothing else to go on with, a molecule that does not fit is an error of the input.
    """
    if len(molecules) == 1 and not failures:
        models.choose(molecules[0], force)
    unlike = 0
    for molecule in molecules:
        choice = models.choose_or_none(molecule, force)
        if choice is None or not choice.warnings:
            continue
        unlike += 1
        if unlike <= SHOWN:
            log.warning("%s: %s", molecule.name, " ".join(choice.warnings))
    if unlike > SHOWN:
        log.warning("%d more molecules have warnings: see summary.csv.", unlike - SHOWN)


def _source(model: Model, config: GenerationConfig) -> dict[str, str]:
    """The model in the settings: its name, and hashes of its weights and of its own way of sampling.

    A schedule fitted to the model counts where the run takes it.
    """
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.denoiser.network.state_dict().items()}
    sampling = {key: model.config.get(key) for key in ("sampler", "window", "frame_ps")}
    if sampling["sampler"] and FITTED in sampling["sampler"]:
        used = sampler_config(model, config)
        plain = {key: value for key, value in sampling["sampler"].items() if key != FITTED}
        sampling["sampler"] = {**plain, FITTED: asdict(used)} if used.name == FITTED else plain
    own = json.dumps({**sampling, "process": model.process.config()}, sort_keys=True).encode()
    return {
        "model": model.name,
        "weights": hashlib.sha256(save(weights)).hexdigest()[:16],
        "sampling": hashlib.sha256(own).hexdigest()[:16],
    }


def _endpoint_hash(endpoint: Endpoint | None) -> str | None:
    return None if endpoint is None else hashlib.sha256(endpoint.positions.tobytes()).hexdigest()[:16]


def _finished(folder: Path, molecule: Molecule, settings: dict[str, Any]) -> dict[str, Any] | None:
    """meta.json of a finished folder, None where there is work to do."""
    path = folder / "meta.json"
    if not path.is_file():
        return None
    try:
        meta: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # no JSON, or no text at all
        return None
    same = json.loads(json.dumps(_identity(settings)))
    if molecule.is_named_by(meta) and _identity(meta.get("settings", {})) == same:
        return meta
    raise InputError(
        f"'{folder}' holds a result of other settings or another molecule; pass --overwrite to replace it, "
        "or choose another --out."
    )


def _identity(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that decide what comes out: the batch size does not, nor does what is as it was before it could be
    chosen, so that older folders are still finished."""
    return {key: value for key, value in settings.items() if key != "batch" and (key, value) not in NEVER_CHOSEN}


def _molecule_meta(
    molecule: Molecule, samples: Sequence[dict[str, Any]], settings: dict[str, Any], choice: Choice | None = None
) -> dict[str, Any]:
    first = samples[0]
    run = ("frame_ps", "n_frames", "seed", "model", "task", "strength")
    shared = (*run, "ensemble", "temperature_K", "sampler", "steps", "precision", "device", "compiled", "kernels")
    failed: dict[str, float] = {}
    for sample in samples:
        for name, share in sample.get("failed_checks", {}).items():
            failed[name] = failed.get(name, 0.0) + share / len(samples)
    shares = {key: sum(s[key] for s in samples) / len(samples) for key in ("stereo_retention", "valid")}
    more: dict[str, Any] = {key: first[key] for key in ("clock", "ranking") if key in first}
    quality: dict[str, Any] = {**shares, "failed_checks": failed, **more}
    return {
        **molecule.named,
        **protonation_facts(molecule),
        **{key: first[key] for key in shared if key in first},
        "samples": len(samples),
        "seconds": round(sum(s["seconds"] for s in samples), 3),
        **quality,
        **({"model_choice": choice.reason} if choice else {}),
        "warnings": [*(choice.warnings if choice else []), *quality_warnings(quality)],
        "versions": versions(),
        "settings": settings,
    }
