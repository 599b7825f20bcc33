"""Folders judged by the published protocol, molecule by molecule, and their summary (SPEC section 5, A)."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.basis import Basis, published_like
from eginterpolator.evaluation.distributions import bootstrap
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories
from eginterpolator.evaluation.published import published_beside
from eginterpolator.evaluation.published_protocol.judge import PublishedComparison, judge_as_published
from eginterpolator.evaluation.published_protocol.settings import (
    FRAME_PS,
    ORACLE_WINDOWS,
    REPLICAS,
    PublishedProtocol,
    protocol_of,
)
from eginterpolator.evaluation.published_protocol.windows import ShortReference, count_starts
from eginterpolator.evaluation.sources import Source, paired, trajectory_sources

if TYPE_CHECKING:
    from eginterpolator.data.readers.base import ImportOptions
    from eginterpolator.jobs.tasks import Workers

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class _Task:
    name: str
    reference: Source
    generated: Source | None
    wanted: bool


@dataclass
class _Judgement:
    name: str
    smiles: str | None = None
    generated: PublishedComparison | None = None
    oracle: PublishedComparison | None = None
    basis: Basis | None = None
    failure: str | None = None
    short: bool = False


@dataclass
class PublishedEvaluation:
    """Comparisons of many molecules by the published protocol, the MD oracle's beside, and what failed."""

    protocol: PublishedProtocol
    seed: int = 0
    generated: dict[str, PublishedComparison] = field(default_factory=dict)
    oracle: dict[str, PublishedComparison] = field(default_factory=dict)
    smiles: dict[str, str] = field(default_factory=dict)
    basis: dict[str, Basis] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, `schema_version` and `protocol` first."""
        config = {**asdict(self.protocol), "frame_ps": FRAME_PS, "oracle_windows": ORACLE_WINDOWS, "seed": self.seed}
        return {
            "schema_version": SCHEMA_VERSION,
            "protocol": self.protocol.name,
            "config": config,
            "generated": self.summary(self.generated),
            "oracle": self.summary(self.oracle),
            "molecules": {
                name: {
                    "smiles": self.smiles[name],
                    "generated": self.generated[name].to_dict() if name in self.generated else None,
                    "oracle": self.oracle[name].to_dict() if name in self.oracle else None,
                }
                for name in self.smiles
            },
            "failures": self.failures,
        }

    def summary(self, comparisons: dict[str, PublishedComparison]) -> dict[str, Any]:
        """`summarise_as_published` with the protocol's name; {} for no molecule."""
        found = summarise_as_published(comparisons)
        return {"protocol": self.protocol.name, **found} if found else {}

    def published(self) -> dict[str, dict[str, Any]]:
        """Published rows that may stand beside, by label: none for molecules or a task of another kind."""
        dataset = published_like(self.basis.values(), self.protocol.dataset)
        return published_beside(dataset) if dataset else {}


def summarise_as_published(comparisons: dict[str, PublishedComparison]) -> dict[str, Any]:
    """Mean, median and bootstrap intervals of every metric over all (molecule, feature) pairs; {} for no molecule."""
    if not comparisons:
        return {}
    each = list(comparisons.values())
    result: dict[str, Any] = {"molecules": len(each)}
    for kind in ("length", "angle", "torsion", "decorrelation"):
        known = [c.jsd[kind][np.isfinite(c.jsd[kind])] for c in each]
        known = [values for values in known if len(values)]
        if known:
            result[kind] = bootstrap(known)
    for name in ("tica_0", "tica_01", "msm"):
        known = [np.array([getattr(c, name)]) for c in each if getattr(c, name) is not None]
        if known:
            result[name] = bootstrap(known)
    result["too_rigid_for_tica"] = [name for name, c in comparisons.items() if c.tica_0 is None]
    result["without_tica_01"] = [n for n, c in comparisons.items() if c.tica_0 is not None and c.tica_01 is None]
    result["torsions_without_decorrelation"] = sum(int(np.isnan(c.jsd["decorrelation"]).sum()) for c in each)
    result["outside_range"] = {kind: sum(c.outside_range[kind] for c in each) for kind in ("length", "angle")}
    paths = [c.paths for c in each if c.paths is not None]
    for name in ("jsd", "valid", "probability"):
        known = [np.array([v]) for p in paths if (v := getattr(p, name)) is not None]
        if known:
            result.setdefault("paths", {})[name] = bootstrap(known)
    return result


def evaluate_as_published(
    generated: str | os.PathLike[str] | None,
    reference: str | os.PathLike[str],
    dataset: str,
    seed: int = 0,
    paths: bool | None = None,
    workers: Workers | None = None,
    files: ImportOptions | None = None,
) -> PublishedEvaluation:
    """Judge what `trajectory_sources` reads by the published protocol of `dataset`, `qm9` or `drugs`.

    Parameters
    ----------
    generated : path or None
        None gives the MD oracle alone.
    reference : path
        Simulations, five replicas of 5 ns a molecule.
    dataset : str
    seed : int
    paths : bool or None
        Whether generated trajectories are paths between two frames; None: where their meta.json says so.
    workers : Workers, optional
    files : ImportOptions, optional
        What trajectory files do not tell themselves.

    Raises
    ------
    InputError
        When a folder is missing or holds nothing, or every reference is too short (`ShortReference`). Another molecule
        that cannot be compared is listed in `failures`.
    """
    protocol = protocol_of(dataset)
    result = PublishedEvaluation(protocol, seed)
    references = trajectory_sources(reference, files)
    ours = trajectory_sources(generated, files) if generated is not None else {}
    ours, references = paired(ours, references)
    for name in sorted(set(ours) - set(references)):
        result.failures.append({"name": name, "reason": "there is no reference simulation of this name."})
    tasks = [_Task(name, source, ours.get(name), generated is not None) for name, source in references.items()]
    short = []
    for judged in _judged(tasks, protocol, seed, paths, workers):
        if judged.failure is not None:
            result.failures.append({"name": judged.name, "reason": judged.failure})
            short += [judged.failure] * judged.short
        if judged.smiles is not None and judged.oracle is not None and judged.basis is not None:
            result.smiles[judged.name], result.basis[judged.name] = judged.smiles, judged.basis
            result.oracle[judged.name] = judged.oracle
            if judged.generated is not None:
                result.generated[judged.name] = judged.generated
    if short and len(short) == len(tasks):
        raise ShortReference(short[0])
    return result


def _judged(
    tasks: Sequence[_Task], protocol: PublishedProtocol, seed: int, paths: bool | None, workers: Workers | None
) -> Iterator[_Judgement]:
    """Judgements in the order of the tasks."""
    if workers is None:
        yield from (_judge(task, protocol, seed, paths) for task in tasks)
        return
    from eginterpolator.jobs.molecules import fan_out

    work = partial(_on_worker, protocol=protocol, seed=seed, paths=paths)
    found = {outcome.index: outcome for outcome in fan_out(work, tasks, workers)}
    for index, task in enumerate(tasks):
        outcome = found[index]
        yield outcome.value if outcome.reason is None else _Judgement(task.name, failure=outcome.reason)


def _on_worker(
    task: _Task, step: Callable[[float], None], protocol: PublishedProtocol, seed: int, paths: bool | None
) -> _Judgement:
    return _judge(task, protocol, seed, paths)


def _judge(task: _Task, protocol: PublishedProtocol, seed: int, paths: bool | None) -> _Judgement:
    """One molecule; whatever goes wrong is its `failure`, and the oracle stays where only its generated side failed."""
    judged = _Judgement(task.name)
    try:
        _compare(task, protocol, seed, paths, judged)
    except ShortReference as error:
        judged.failure, judged.short = str(error), True
    except EGIError as error:
        judged.failure = str(error)
    except Exception as error:  # whatever goes wrong with one molecule, the others go on
        log.debug("%s failed", task.name, exc_info=True)
        judged.failure = f"it could not be compared, by {type(error).__name__}: {' '.join(str(error).split())}"
    return judged


def _compare(task: _Task, protocol: PublishedProtocol, seed: int, paths: bool | None, judged: _Judgement) -> None:
    config = EvaluationConfig(frame_ps=FRAME_PS)
    molecule, replicas, stride, reference_meta = load_trajectories(task.reference, config)
    judged.smiles = molecule.smiles
    trajectories: list[np.ndarray] = []
    meta: dict[str, Any] = {}
    failure: EGIError | None = None
    if task.generated is not None:
        try:
            _, stored, own_stride, meta = load_trajectories(task.generated, config, molecule)
            trajectories = [x[::own_stride] for x in stored]
        except EGIError as error:  # the oracle does not depend on it
            failure = error
    elif task.wanted:
        failure = InputError("nothing was generated for this molecule.")
    are_paths = meta.get("task") == "interpolation" if paths is None else paths
    what = f"'{task.reference}'"

    def judge(ours: Sequence[np.ndarray]) -> None:
        found = judge_as_published(molecule, ours, replicas, stride, protocol, seed, are_paths, what)
        judged.oracle, judged.generated = found.oracle, found.generated

    try:
        judge(trajectories)
    except ShortReference:
        raise
    except InputError as error:
        failure, trajectories = error, []
        judge([])
    places = [count_starts(len(x), stride, protocol.n_frames) for x in replicas[: REPLICAS - 1]]
    windows = sum(min(protocol.windows, fits) for fits in places)
    held_out = judged.oracle.n_trajectories if judged.oracle else 0
    judged.basis = replace(
        Basis.of(molecule, reference_meta, [], [], trajectories, meta),
        reference=(protocol.n_frames,) * windows,
        oracle=(protocol.n_frames,) * held_out,
    )
    if failure is not None:
        raise failure
