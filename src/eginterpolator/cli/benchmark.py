"""`egi benchmark`: every system trained, sampled and judged side by side."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from eginterpolator.cli import options as o


class Dataset(StrEnum):
    """Which molecules."""

    qm9 = "qm9"
    drugs = "drugs"


class Scale(StrEnum):
    """How much: a few minutes for CI, hours of this machine, or the published setting."""

    tiny = "tiny"
    cpu = "cpu"
    hours = "hours"
    paper = "paper"


def benchmark_command(
    dataset: Annotated[Dataset, typer.Argument(help="Molecules of the size of QM9, or drug-like ones.")],
    scale: Annotated[
        Scale,
        typer.Option(help="tiny: minutes; cpu: minutes of each system; hours: hours of each; paper: as published."),
    ] = Scale.tiny,
    config: Annotated[
        Path | None, typer.Option(help="A study of your own; configs/benchmark/DATASET_SCALE.yaml by default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Weights, samples and tables; resumed. benchmark/NAME by default.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="A system to run, by its name or a part that no other has; may be given again."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build everything and do two steps of each: figures mean nothing.")
    ] = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Train what is missing, sample, judge, and write tables.md, .csv, .json and .html; the same command resumes."""
    o.set_logging(verbose, quiet)
    from eginterpolator.benchmark.config import find_config, load_study
    from eginterpolator.errors import InputError
    from eginterpolator.files.inputs import prepare_out

    path = config or find_config(dataset.value, scale.value)
    study = load_study(path)
    if study.dataset != dataset.value:
        raise InputError(f"'{path}' is a study of {study.dataset}, not of {dataset.value}.")
    target = prepare_out(out or Path("benchmark") / (study.name + ("-dry" if dry_run else "")))
    from eginterpolator.benchmark.study import Study

    study = load_study(path, Study.made_folder(target))
    command = f"egi benchmark {dataset.value} --scale {scale.value}"
    command += f" --config {path.name}" if config else ""
    command += " --dry-run" if dry_run else ""
    command += "".join(f" --only '{name}'" for name in only or ())

    def say(text: str) -> None:
        if not quiet:
            typer.echo(text, err=True)

    result = Study(study, target, say, dry_run, tuple(only or ())).run(command)
    typer.echo(f"{len(result['rows'])} rows; tables in {target / 'tables.md'}")
    failed = [f"{row['system']}: {name}" for row in result["rows"] for name in row["failures"]]
    if failed:
        typer.echo(f"{len(failed)} molecules of rows failed; their reasons are below the tables", err=True)
        raise typer.Exit(1)
