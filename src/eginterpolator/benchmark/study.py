"""A study from its config to its tables: data, training, sampling, judging, one row at a time; resumes."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from eginterpolator.benchmark import sampling
from eginterpolator.benchmark.config import ConformerTask, StudyConfig, SystemConfig, TrajectoryTask
from eginterpolator.benchmark.data import (
    Target,
    conformer_molecules,
    data_hashes,
    make_data,
    reference_folder,
    simulation_folder,
    trajectory_molecules,
)
from eginterpolator.benchmark.learning import learning_curves
from eginterpolator.benchmark.tables import write_tables
from eginterpolator.benchmark.training import Trained, Trainer, slug
from eginterpolator.evaluation.conformers import evaluate_conformer_folders
from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
from eginterpolator.machine.provenance import machine, versions
from eginterpolator.training.config import SourceConfig

SCHEMA_VERSION = 1
DRY_STEPS = 2
DRY_LIMITS = {
    "max_steps": DRY_STEPS, "validate_every": DRY_STEPS, "compile": False, "devices": 1, "precision": "fp32",
    "accelerator": "auto", "data.batch_size": 1, "data.validation_share": 0.0,
}  # fmt: skip
"""What a dry run sets in every training run."""
DRY_FRAMES = 3
"""Of a trajectory in a dry run: few, since an untrained network that continues its own frames flies apart."""
Say = Callable[[str], None]


@dataclass
class Row:
    """One system, one seed, one table.

    Attributes
    ----------
    system : str
    table : str
        `conformers`, `unconditional` or `forward`.
    seed : int
    delta : float or None
        Of a conformer table, Å.
    metrics : dict
        Summary of the evaluation: {mean, median, mean_95} by metric, and shares.
    cost : dict
        As `Trained.cost`, empty for tools; and `sample_seconds`, `samples`: of all molecules together.
    failures : dict
        Reasons by molecule.
    molecules : int
        That were judged.
    note : str
    """

    system: str
    table: str
    seed: int
    delta: float | None
    metrics: dict[str, Any]
    cost: dict[str, Any]
    failures: dict[str, str]
    molecules: int
    note: str = ""


@dataclass
class Study:
    """Runs a study into `out`; the same call goes on where an earlier one stopped.

    Parameters
    ----------
    config : StudyConfig
    out : Path
    say : callable
        Told what is being done.
    dry_run : bool
        Two updates of each training run, two molecules, two samples and two sampling steps: everything is built and
        goes through, and no figure means anything.
    only : sequence of str
        Names of the systems to run; all by default. Those that they need are trained.
    """

    config: StudyConfig
    out: Path
    say: Say = print
    dry_run: bool = False
    only: Sequence[str] = ()
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.only = [self.config.system(name).name for name in self.only]
        limits: dict[str, Any] = {}
        if self.dry_run:
            limits = dict(DRY_LIMITS)
            if self.config.stand_in is not None:
                store = str(self.made_folder(self.out) / "train.h5")
                limits |= {"data.sources": (SourceConfig((store,)),), "data.strides": (1,)}
            self.config = dry(self.config, self.made_folder(self.out))
        self.trainer = Trainer(self.config, self.out / "systems", self.say, limits)
        self._seconds: dict[tuple[str, str], dict[str, float]] = {}
        self._oracles: dict[str, dict[str, Any]] = {}
        self._curves: list[dict[str, Any]] = []

    def run(self, command: str) -> dict[str, Any]:
        """Make data, train, sample, judge; write `<out>/tables.{json,md,csv,html}` after every row.

        `command` is what was typed, for the record. Returns what the JSON holds.

        Raises
        ------
        InputError
            When data, a store or a setting cannot be used. A molecule that fails is listed in its row.
        """
        self._command, self._machine = command, machine()
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        if self.config.made is not None:
            make_data(self.config.made, self.made_folder(self.out), self.say)
        self._hashes = data_hashes(self.config)
        for table, task in self.config.tasks().items():
            if isinstance(task, ConformerTask):
                self._conformer_table(task)
            else:
                self._trajectory_table(table, task)
        self._curves = learning_curves(self._trained_here(), self.config.curve, self.out, self.say)
        return self._written()

    def _trained_here(self) -> list[tuple[SystemConfig, int, Trained]]:
        """Systems of the study's tables that it trains itself, by seed."""
        chosen = {
            (system.name, seed): (system, seed, self.trainer.trained(system, seed))
            for table in self.config.tasks()
            for system, seed in self._systems(table)
            if system.train is not None
        }
        return list(chosen.values())

    def _written(self) -> dict[str, Any]:
        """Write the tables of the rows that there are."""
        result = {
            "schema_version": SCHEMA_VERSION,
            "study": self.config.name,
            "dataset": self.config.dataset,
            "scale": self.config.scale,
            "dry_run": self.dry_run,
            "command": self._command,
            "fairness": self.config.fairness,
            "seeds": list(self.config.seeds),
            "machine": self._machine,
            "versions": versions(),
            "references_sha256": {_short(path): value for path, value in self._hashes.items()},
            "stores_sha256": {_short(path): value for path, value in self.trainer.store_hashes.items()},
            "tasks": {name: _task(task) for name, task in self.config.tasks().items()},
            "rows": [asdict(row) for row in self.rows],
            "curves": self._curves,
        }
        write_tables(result, self.out)
        return result

    @staticmethod
    def made_folder(out: Path) -> Path:
        """Where a study keeps the data that it makes itself."""
        return out / "data"

    def _systems(self, table: str) -> list[tuple[SystemConfig, int]]:
        """Systems of a table with their seeds; tools know one seed."""
        chosen = [s for s in self.config.systems if table in s.tables and (not self.only or s.name in self.only)]
        seeds = self.config.seeds
        return [(s, seed) for s in chosen for seed in (seeds if s.tool is None else seeds[:1])]

    def _folder(self, table: str, system: SystemConfig, seed: int, settings: Any) -> Path:
        """Where a row's samples are kept: another for every setting, weight or target that they follow from."""
        text = json.dumps([table, seed, settings], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return self.out / "samples" / table / f"{slug(system.name)}_seed{seed}_{digest}"

    def _conformer_table(self, shared: ConformerTask) -> None:
        reference = reference_folder(shared, self.out / "references")
        targets = conformer_molecules(reference)
        for system, seed in self._systems("conformers"):
            trained = self.trainer.trained(system, seed) if system.tool is None else None
            task = replace(shared, ensemble=system.ensemble or shared.ensemble)
            chosen = sampling.Chosen(system.energies, system.spread)
            more = [] if chosen == sampling.Chosen() else [asdict(chosen)]
            settings = [reference.name, asdict(task), self.config.hydrogens, *self._identity(trained), *more]
            folder = self._folder("conformers", system, seed, settings)
            self.say(f"conformers: {system.name}, seed {seed}: sampling")
            if trained is None:
                made = sampling.etkdg(targets, task, folder, seed, system.tool == "etkdg_mmff", chosen)
            else:
                hydrogens = self.config.hydrogens or system.energies != "none"  # what is relaxed needs them
                made = sampling.model_conformers(trained.model, targets, task, folder, seed, hydrogens, chosen)
            self.rows += judge_conformers(system, seed, task, made, reference, targets, trained)
            self._written()

    def _trajectory_table(self, table: str, task: TrajectoryTask) -> None:
        reference = simulation_folder(task, self.out / "references")
        targets = trajectory_molecules(reference)
        forward = table == "forward"
        for system, seed in self._systems(table):
            trained = self.trainer.trained(system, seed) if system.tool is None else None
            settings = [asdict(task), self._hashes[task.reference], system.strength, *self._identity(trained)]
            self.say(f"{table}: {system.name}, seed {seed}: sampling")
            if trained is None:
                equal = self._seconds.get((table, str(system.seconds_of)), {})
                folder = self._folder(table, system, seed, [*settings, equal])
                made = sampling.short_md(targets, task, folder, seed, equal, forward)
            else:
                folder = self._folder(table, system, seed, [*settings, self.config.hydrogens])
                made = sampling.model_trajectories(
                    trained.model, targets, task, folder, seed, system.strength, forward, self.config.hydrogens
                )
                each = {name: meta["seconds"] / task.samples for name, meta in made.metas.items()}
                self._seconds.setdefault((table, system.name), each)
            self.say(f"{table}: {system.name}, seed {seed}: judging")
            self._judge_trajectories(table, system, seed, made, task, reference, trained)
            self._written()
        if table in self._oracles:
            speed = [t.md_seconds_per_ns for t in targets if t.md_seconds_per_ns is not None]
            cost = {"sample_seconds_each": statistics.mean(speed) * length_ns(task)} if speed else {}
            metrics = self._oracles[table]
            note = "the reference's replicas against each other; seconds by its meta.json" if speed else ""
            self.rows.append(Row("MD oracle", table, 0, None, metrics, cost, {}, metrics["molecules"], note))

    def _judge_trajectories(
        self, table: str, system: SystemConfig, seed: int, made: sampling.Made, task: TrajectoryTask, reference: Path,
        trained: Trained | None,
    ) -> None:  # fmt: skip
        failures = dict(made.failures)
        metrics: dict[str, Any] = {}
        if made.metas:
            config = EvaluationConfig(task.frame_ps, task.n_frames, oracle=table not in self._oracles)
            judged = evaluate_folders(made.folder, reference, config).to_dict()
            metrics = judged["generated"]
            if judged["oracle"]:
                self._oracles[table] = judged["oracle"]
            failures = {**{each["name"]: each["reason"] for each in judged["failures"]}, **failures}
        cost = {
            **(trained.cost if trained else {}),
            "sample_seconds": made.seconds(),
            "samples": task.samples * len(made.metas),
        }
        if made.metas:
            cost["sample_seconds_each"] = cost["sample_seconds"] / cost["samples"]
            cost["ns_each"] = statistics.mean(m["n_frames"] * m["frame_ps"] / 1000 for m in made.metas.values())
        count = metrics.get("molecules", 0)
        notes = [system.note, sampling.md_note(made, task) if system.tool == "md" else ""]
        note = "; ".join(filter(None, notes))
        self.rows.append(Row(system.name, table, seed, None, metrics, cost, failures, count, note))

    @staticmethod
    def _identity(trained: Trained | None) -> list[Any]:
        if trained is None:
            return []
        return [trained.key, trained.model.config["sampler"], trained.model.config["window"]]


def judge_conformers(
    system: SystemConfig, seed: int, task: ConformerTask, made: sampling.Made, reference: Path,
    targets: Sequence[Target], trained: Trained | None,
) -> list[Row]:  # fmt: skip
    """Coverage and matching, a row for each threshold of the task; failed molecules have coverage 0."""
    judged = evaluate_conformer_folders(made.folder, reference, task.deltas)
    with_stereo = {t.molecule.name for t in targets if t.molecule.has_stereo}
    shares = {"stereo_retention": made.share("stereo_retention", with_stereo), "valid": made.share("valid")}
    samples = sum(task.per_reference * t.n_references for t in targets if t.molecule.name in made.metas)
    cost = {**(trained.cost if trained else {}), "sample_seconds": made.seconds(), "samples": samples}
    if samples:
        cost["sample_seconds_each"] = cost["sample_seconds"] / samples
    failures = {**{each["name"]: each["reason"] for each in judged.failures}, **made.failures}
    count, table = len(made.metas), "conformers"
    return [
        Row(system.name, table, seed, delta, {**judged.summary(delta), **shares}, cost, failures, count, system.note)
        for delta in task.deltas
    ]


def dry(config: StudyConfig, made: Path) -> StudyConfig:
    """The study with two molecules, two samples and two sampling steps a system; networks and windows as they are.

    Where the study names a stand-in, that is made in `made` and compared with, at the spacing of its frames; models
    that exist have another one, and are left out.
    """

    def few(task: Any, **changes: Any) -> Any:
        if task is None:
            return None
        if config.stand_in is not None:
            part = "conformers" if isinstance(task, ConformerTask) else "test"
            changes["reference"] = str(made / part)
            if isinstance(task, TrajectoryTask):
                changes["frame_ps"] = config.stand_in.save_ps
            else:
                changes["ensemble"] = "thermal"  # what the stand-in is samples of
        return replace(task, limit=2, **changes)

    def short(system: SystemConfig) -> SystemConfig:
        sampler = {**system.sampler, "steps": DRY_STEPS} if system.sampler else {}
        if sampler.get("name") == "annealed_langevin":
            sampler["options"] = {**sampler.get("options", {}), "inner": 1}
        return replace(system, sampler=sampler)

    return replace(
        config,
        made=config.stand_in or config.made,
        seeds=config.seeds[:1],
        systems=tuple(short(system) for system in config.systems if not (config.stand_in and system.weights)),
        conformers=few(config.conformers, max_references=2),
        unconditional=few(config.unconditional, samples=2, n_frames=min(_frames(config.unconditional), DRY_FRAMES)),
        forward=few(config.forward, samples=2, n_frames=min(_frames(config.forward), DRY_FRAMES)),
        curve=few(config.curve, samples=2, n_frames=min(_frames(config.curve), DRY_FRAMES)),
    )


def _frames(task: TrajectoryTask | None) -> int:
    return task.n_frames if task else 0


def length_ns(task: TrajectoryTask) -> float:
    """Length of a trajectory, ns."""
    return task.n_frames * task.frame_ps / 1000


def _short(path: str) -> str:
    """A path without where this machine keeps it."""
    return "/".join(Path(path).parts[-2:])


def _task(task: ConformerTask | TrajectoryTask) -> dict[str, Any]:
    return {**asdict(task), "reference": _short(task.reference)}
