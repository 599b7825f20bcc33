"""Generated trajectories against reference simulations by our protocol (SPEC section 5, B), with the oracle beside."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.basis import Basis
from eginterpolator.evaluation.comparison import Comparison, Reference, compare
from eginterpolator.evaluation.curves import Curves, collect_curves
from eginterpolator.evaluation.leave_one_out import blocks, leave_one_out
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories
from eginterpolator.evaluation.sources import Source, paired, trajectory_sources
from eginterpolator.evaluation.summary import differences, summarise
from eginterpolator.files.notebook import Table

if TYPE_CHECKING:
    from eginterpolator.data.readers.base import ImportOptions
    from eginterpolator.jobs.tasks import Workers

log = logging.getLogger(__name__)

SCHEMA_VERSION = 3
PROTOCOL = "ours"
"""What the figures are made by, beside the published protocols; see docs/evaluation.md."""

WINDOWS = ("reference_windows", "oracle_windows")
"""Settings of windows, which this protocol does not draw."""

__all__ = ["Comparison", "Evaluation", "EvaluationConfig", "compare", "evaluate_folders", "summarise"]


@dataclass(frozen=True)
class Task:
    """One molecule to judge: its name, the source of its reference, and that of what was generated, if any."""

    name: str
    reference: Source
    generated: Source | None
    wanted: bool


@dataclass
class Judgement:
    """What became of a `Task`; `failure` says why where `generated` is missing although it was wanted."""

    name: str
    smiles: str | None = None
    generated: Comparison | None = None
    oracle: Comparison | None = None
    curves: Curves | None = None
    basis: Basis | None = None
    failure: str | None = None


@dataclass
class Evaluation:
    """Comparisons of many molecules, the oracle's beside, and what could not be compared."""

    config: EvaluationConfig
    generated: dict[str, Comparison] = field(default_factory=dict)
    oracle: dict[str, Comparison] = field(default_factory=dict)
    smiles: dict[str, str] = field(default_factory=dict)
    curves: dict[str, Curves] = field(default_factory=dict)
    basis: dict[str, Basis] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, `schema_version` first."""
        return {
            "schema_version": SCHEMA_VERSION,
            "protocol": PROTOCOL,
            "config": {key: value for key, value in asdict(self.config).items() if key not in WINDOWS},
            "generated": summarise(self.generated, self.config.seed),
            "oracle": summarise(self.oracle, self.config.seed),
            "differences": differences(self.generated, self.oracle, self.config.seed),
            "molecules": {
                name: {
                    "smiles": self.smiles[name],
                    "generated": _plain(self.generated.get(name)),
                    "oracle": _plain(self.oracle.get(name)),
                }
                for name in self.smiles
            },
            "failures": self.failures,
        }

    def _repr_html_(self) -> str:
        sources = (("generated", self.generated), ("MD oracle", self.oracle))
        rows = [
            {"name": n, "source": label, **found.headline()} for label, each in sources for n, found in each.items()
        ]
        rows += [{"name": row["name"], "source": f"failed: {row['reason']}"} for row in self.failures]
        columns = list(dict.fromkeys(key for row in rows for key in row))
        return Table(columns, rows, "JSD: 0 where both are alike, .83 where they share nothing.")._repr_html_()


def evaluate_folders(
    generated: str | os.PathLike[str] | None,
    reference: str | os.PathLike[str],
    config: EvaluationConfig | None = None,
    workers: Workers | None = None,
    files: ImportOptions | None = None,
) -> Evaluation:
    """Compare folders of molecule folders, or what else `trajectory_sources` reads, molecule by molecule.

    Parameters
    ----------
    generated : path or None
        Output of `egi generate` or of any tool in that layout; a dataset, a table of trajectories, or a trajectory
        file; None gives the MD oracle alone.
    reference : path
        Simulations, several replicas a molecule, in any of these forms.
    config : EvaluationConfig
    workers : Workers, optional
        Processes or a cluster that judge the molecules, with the same result; without it, one after another here.

    files : ImportOptions, optional
        What trajectory files do not tell themselves: topology, molecule, frame_ps.

    Raises
    ------
    InputError
        When a folder is missing or holds nothing, or energies are wanted and the packages for them are missing. A
        molecule that cannot be compared is listed in `failures`.
    """
    config = config or EvaluationConfig()
    if config.energy_frames:
        require_energies(config.xtb)
    result = Evaluation(config)
    references = trajectory_sources(reference, files)
    ours = trajectory_sources(generated, files) if generated is not None else {}
    ours, references = paired(ours, references)
    for name in sorted(set(ours) - set(references)):
        result.failures.append({"name": name, "reason": "there is no reference simulation of this name."})
    tasks = [Task(name, folder, ours.get(name), generated is not None) for name, folder in references.items()]
    for judged in _judged(tasks, config, workers):
        if judged.smiles is not None:
            result.smiles[judged.name] = judged.smiles
        if judged.generated is not None:
            result.generated[judged.name] = judged.generated
        if judged.oracle is not None:
            result.oracle[judged.name] = judged.oracle
        if judged.curves is not None:
            result.curves[judged.name] = judged.curves
        if judged.basis is not None:
            result.basis[judged.name] = judged.basis
        if judged.failure is not None:
            result.failures.append({"name": judged.name, "reason": judged.failure})
    return result


def _judged(tasks: Sequence[Task], config: EvaluationConfig, workers: Workers | None) -> Iterator[Judgement]:
    """Judgements in the order of the tasks."""
    if workers is None:
        yield from (judge_molecule(task, config) for task in tasks)
        return
    from eginterpolator.jobs.molecules import fan_out

    found = {outcome.index: outcome for outcome in fan_out(partial(_on_worker, config=config), tasks, workers)}
    for index, task in enumerate(tasks):
        outcome = found[index]
        yield outcome.value if outcome.reason is None else Judgement(task.name, failure=outcome.reason)


def _on_worker(task: Task, step: Callable[[float], None], config: EvaluationConfig) -> Judgement:
    return judge_molecule(task, config)


def judge_molecule(task: Task, config: EvaluationConfig) -> Judgement:
    """Judge one molecule; whatever goes wrong is its `failure`, and the oracle stays if it was judged before."""
    judged = Judgement(task.name)
    try:
        _judge(task, config, judged)
    except EGIError as error:
        judged.failure = str(error)
    except Exception as error:  # whatever goes wrong with one molecule, the others go on
        log.debug("%s failed", task.name, exc_info=True)
        judged.failure = f"it could not be compared, by {type(error).__name__}: {' '.join(str(error).split())}"
    return judged


def _judge(task: Task, config: EvaluationConfig, judged: Judgement) -> None:
    molecule, replicas, stride, reference_meta = load_trajectories(task.reference, config)
    reference = Reference.of(molecule, replicas, config.frame_ps, config.seed, stride)
    judged.smiles = molecule.smiles
    trajectories: list[np.ndarray] = []
    own_stride = 1
    meta: dict[str, Any] = {}
    failure: EGIError | None = None
    paths = bool(config.paths)
    if task.generated is not None:
        try:
            _, trajectories, own_stride, meta = load_trajectories(task.generated, config, molecule)
            paths = meta.get("task") == "interpolation" if config.paths is None else config.paths
        except EGIError as error:  # the oracle does not depend on it
            failure = error
    elif task.wanted:
        failure = InputError("nothing was generated for this molecule.")
    parts = blocks(len(replicas), config.oracle_replicas) if config.oracle else []
    held_out = [replicas[k] for k in parts[-1]] if len(parts) > 1 else []
    rest = replicas[: len(replicas) - len(held_out)]
    judged.basis = Basis.of(
        molecule, reference_meta, [x[::stride] for x in replicas], [x[::stride] for x in held_out],
        [x[::own_stride] for x in trajectories], meta,
    )  # fmt: skip
    field_of = _EnergyField(molecule, config, rest) if config.energy_frames and (held_out or trajectories) else None
    sources, examples = {}, {"reference": replicas[0][::stride]}
    if held_out:
        judged.oracle = leave_one_out(reference, replicas, config.oracle_replicas, config.seed, paths)
        sources["oracle"] = reference.observed.take(parts[-1])
    if trajectories:
        sources["generated"] = reference.observe(trajectories, own_stride)
        judged.generated = reference.judge(sources["generated"], trajectories, paths)
        examples["generated"] = trajectories[0][::own_stride]
    for comparison, frames in ((judged.oracle, held_out), (judged.generated, trajectories)):
        if comparison is None:
            continue
        comparison.notes += judged.basis.shortness(config.n_frames)
        if field_of is not None:
            comparison.energies = field_of.compare(frames, comparison.notes)
    if config.curves:
        judged.curves = collect_curves(reference, sources, examples)
    if failure is not None:
        raise failure


def require_energies(xtb: bool) -> None:
    """Raise InputError with the command that helps when packages for `energy_frames` are missing."""
    from eginterpolator.evaluation.energy import require_xtb
    from eginterpolator.simulation.forcefield import require_openmm

    require_openmm()
    if xtb:
        require_xtb()


class _EnergyField:
    """Energies of one molecule, those of its reference computed once."""

    def __init__(self, molecule: Molecule, config: EvaluationConfig, reference: Sequence[np.ndarray]) -> None:
        from eginterpolator.evaluation.energy import ForceField, spread_frames

        self.count, self.spread = config.energy_frames, spread_frames
        self.force_field = ForceField(molecule, config.xtb)
        self.reference = self.force_field.energies(spread_frames(reference, self.count))

    def compare(self, frames: Sequence[np.ndarray], notes: list[str]) -> dict[str, Any]:
        from eginterpolator.evaluation.energy import compare_energies

        try:
            return compare_energies(self.force_field.energies(self.spread(frames, self.count)), self.reference)
        except InputError as error:
            notes.append(f"No energies: {error}")
            return {}


def _plain(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    values = asdict(comparison)
    for name in ("jsd", "wasserstein"):
        values[name] = {kind: array.tolist() for kind, array in getattr(comparison, name).items()}
    return values
