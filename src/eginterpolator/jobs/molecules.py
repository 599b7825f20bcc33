"""Jobs over many molecules: what is finished is skipped, what fails is listed, others may help (`cluster.py`)."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import remove_unfinished
from eginterpolator.files.inputs import Failure, prepare_out
from eginterpolator.files.io import write_text
from eginterpolator.files.notebook import table_html
from eginterpolator.jobs.tasks import Item, Outcome, Step, Task, Workers, attempt

SECONDS_BETWEEN_TABLES = 30.0
SHOWN = (
    "name",
    "smiles",
    "samples",
    "replicas",
    "n_frames",
    "frame_ps",
    "seconds",
    "stereo_retention",
    "valid",
    "warnings",
)
"""What a notebook shows of each molecule, where it is known."""
FAILED = ("name", "smiles", "reason")


@dataclass(frozen=True)
class Hooks:
    """What a progress display wants to know. On workers only the end of each molecule is known."""

    start: Callable[[Molecule], None] = lambda molecule: None
    step: Step = lambda amount: None
    finish: Callable[[Molecule, str], None] = lambda molecule, outcome: None


@dataclass
class RunResult:
    """What a job did, by molecule name, in the order of the input; `rows` are the lines of summary.csv."""

    out: Path
    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 when every molecule is there, 1 otherwise."""
        return 1 if self.failures else 0

    def _repr_html_(self) -> str:
        columns = [key for key in SHOWN if any(key in row for row in self.rows)]
        done = [[row.get(key) for key in columns] for row in self.rows]
        failed = table_html(FAILED, [list(asdict(each).values()) for each in self.failures]) if self.failures else ""
        return table_html(columns, done, f"In {self.out}: {len(self.done)} done, {len(self.skipped)} before.") + failed


def fan_out(
    task: Task[Item],
    items: Iterable[Item],
    workers: Workers | None = None,
    *,
    shared: Path | None = None,
    started: Callable[[int], None] = lambda index: None,
    step: Step = lambda amount: None,
) -> Iterator[Outcome]:
    """Do `task` with every item; outcomes in the order of the items here, as they come from workers.

    Parameters
    ----------
    task : callable
        `task(item, step)`. Whatever it raises is the outcome of that item, and the others go on.
    items : iterable
        Read as far ahead as the workers need.
    workers : Workers, optional
        Without it, one item after another in this process.
    shared : path, optional
        A folder that the workers must see, since they write there.
    started, step : callable
        Told of the index of an item that begins, and of the progress within it; not while workers do it.

    Raises
    ------
    InputError
        When the workers cannot be had or cannot be used.
    EGIError
        When the scheduler is lost.
    """
    if workers is not None and (workers.count or workers.scheduler):
        from eginterpolator.jobs.cluster import run_on_workers

        yield from run_on_workers(task, items, workers, shared)
        return
    for index, item in enumerate(items):
        started(index)
        value, reason = attempt(task, item, step)
        yield Outcome(index, value, reason)


def run_molecules(
    molecules: Iterable[Molecule],
    out: str | os.PathLike[str],
    task: Task[Molecule],
    finished: Callable[[Molecule], dict[str, Any] | None],
    columns: Sequence[str],
    *,
    failures: Sequence[Failure] = (),
    verdict: Callable[[dict[str, Any]], str | None] = lambda meta: None,
    hooks: Hooks | None = None,
    workers: Workers | None = None,
) -> RunResult:
    """Do `task` with every molecule that is not finished, and write `out/summary.csv` and `out/failures.csv`.

    Both tables are written now and then while the job runs, and at its end. A molecule that failed is tried again
    when the job is.

    Parameters
    ----------
    task : callable
        `task(molecule, step)` makes `out/<name>` and returns its meta data.
    finished : callable
        Meta data of a molecule that needs no work, else None; what it raises ends the job, but for an error of the
        system (a name that no folder can have), which `task` meets again. A molecule that is being
        worked on already (by workers that outlived an earlier job) is the concern of `task`, which looks again.
    columns : sequence of str
        Of summary.csv.
    failures : sequence of Failure
        Inputs that could not be read, listed with the others.
    verdict : callable
        Why the result that some meta data tell of is of no use, else None: its molecule is then listed among the
        failures, and what was made of it stays.

    Raises
    ------
    InputError, EGIError
        As `fan_out`; also when the output folder cannot be used.
    """
    hooks = hooks or Hooks()
    done: dict[int, str] = {}
    failed: dict[int, Failure] = {}
    result = RunResult(prepare_out(out), failures=list(failures))
    if isinstance(molecules, Sequence):
        remove_unfinished(result.out, {molecule.name for molecule in molecules})
    rows: dict[int, dict[str, Any]] = {}
    open_molecules: list[tuple[int, Molecule]] = []  # number in the input; index here is that of the outcome
    ahead = _finished_first(molecules, finished)

    def conclude(number: int, molecule: Molecule, meta: dict[str, Any], outcome: str) -> None:
        rows[number] = _row(molecule, meta)
        reason = verdict(meta)
        if reason is not None:
            failed[number] = Failure(molecule.name, molecule.smiles, reason)
        elif outcome == "done":
            done[number] = molecule.name
        else:
            result.skipped.append(molecule.name)
        hooks.finish(molecule, outcome if reason is None else f"failed: {reason}")

    def unfinished() -> Iterator[Molecule]:
        for number, (molecule, meta) in enumerate(ahead):
            if meta is None:
                open_molecules.append((number, molecule))
                yield molecule
            else:
                conclude(number, molecule, meta, "finished before")

    def write_tables() -> None:
        result.done = [done[number] for number in sorted(done)]
        result.failures = [*failures, *(failed[number] for number in sorted(failed))]
        _write_tables(result, rows, columns)

    written = time.monotonic()
    outcomes = fan_out(
        task, unfinished(), workers, shared=result.out.resolve(), step=hooks.step,
        started=lambda index: hooks.start(open_molecules[index][1]),
    )  # fmt: skip
    for outcome in outcomes:
        number, molecule = open_molecules[outcome.index]
        if outcome.reason is not None:
            failed[number] = Failure(molecule.name, molecule.smiles, outcome.reason)
            hooks.finish(molecule, f"failed: {outcome.reason}")
        else:
            conclude(number, molecule, outcome.value, "done")
        if time.monotonic() - written > SECONDS_BETWEEN_TABLES:
            write_tables()
            written = time.monotonic()
    write_tables()
    return result


def _finished_first(
    molecules: Iterable[Molecule], finished: Callable[[Molecule], dict[str, Any] | None]
) -> Iterable[tuple[Molecule, dict[str, Any] | None]]:
    """Of a list all are looked at before the first is worked on, so that what is in the way is known at once."""

    def looked_at(molecule: Molecule) -> dict[str, Any] | None:
        try:
            return finished(molecule)
        except (OSError, UnicodeError):  # its own concern: a name that no folder can have
            return None

    pairs = ((molecule, looked_at(molecule)) for molecule in molecules)
    return list(pairs) if isinstance(molecules, Sequence) else pairs


def _row(molecule: Molecule, meta: dict[str, Any]) -> dict[str, Any]:
    row = {"name": molecule.name, "smiles": molecule.smiles, "n_heavy": molecule.n_heavy, **meta}
    return {**row, "warnings": " ".join(meta.get("warnings", ()))}


def _write_tables(result: RunResult, rows: dict[int, dict[str, Any]], columns: Sequence[str]) -> None:
    result.rows = [rows[number] for number in sorted(rows)]
    write_table(result.out / "summary.csv", columns, result.rows)
    write_table(result.out / "failures.csv", FAILED, [asdict(f) for f in result.failures])


def write_table(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Write a CSV of `columns`, whole or not at all; other keys of a row are left out."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, buffer.getvalue())
