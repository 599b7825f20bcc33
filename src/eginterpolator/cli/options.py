"""Options that several commands share, and what they print at the end. Imports nothing heavy."""

from __future__ import annotations

import json
import logging
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eginterpolator.jobs.molecules import RunResult
    from eginterpolator.jobs.tasks import Workers


class StereoMode(StrEnum):
    """What happens to a SMILES whose stereo is open."""

    ask = "ask"
    enumerate = "enumerate"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Precision(StrEnum):
    """Arithmetic of the networks."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


Source = Annotated[str, typer.Argument(metavar="INPUT", help="A SMILES, a .smi, .csv or .sdf file, or a folder.")]
ModelName = Annotated[
    str, typer.Option("--model", help="A shipped model (egi models list), a checkpoint folder, or auto.")
]
Out = Annotated[Path, typer.Option(help="Output folder; a sub-folder a molecule.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the run; each molecule and sample derives its own.")]
Steps = Annotated[int | None, typer.Option(help="Steps of the sampler; the model's own by default.")]
SamplerName = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        help="ddim, ancestral, heun, stochastic, sde or annealed_langevin; the model's own by default.",
    ),
]
DeviceOption = Annotated[Device, typer.Option(help="Where to compute.")]
PrecisionOption = Annotated[
    Precision,
    typer.Option(help="Arithmetic of the networks; auto is bf16 where the hardware multiplies it, else fp32."),
]
BatchOption = Annotated[str, typer.Option("--batch", help="Samples in one pass: auto, or a number.")]
Stereo = Annotated[StereoMode, typer.Option(help="Open stereo: ask (refuse and name the isomers) or enumerate.")]
Overwrite = Annotated[bool, typer.Option("--overwrite/--resume", help="Make finished molecules again, or keep them.")]
Force = Annotated[bool, typer.Option("--force", help="Take molecules that the model was not trained for.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens.")]
Hydrogens = Annotated[bool, typer.Option("--hydrogens/--no-hydrogens", help="Put the hydrogens back, or leave them.")]
WorkerCount = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes of this machine, each with a molecule of its own.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", "--cluster", metavar="ADDRESS|FILE.yaml",
        help="A running Dask scheduler (tcp://host:8786), or a YAML of a batch system such as SLURM.",
    ),
]  # fmt: skip
Threads = Annotated[int | None, typer.Option(min=1, help="Compute threads of each worker; 1 by default.")]


def chosen_workers(count: int | None, scheduler: str | None, threads: int | None) -> Workers | None:
    """Who works on the molecules; None is this process.

    Raises
    ------
    InputError
        When both local processes and a cluster are asked for, or the file of a cluster is missing.
    """
    from eginterpolator.errors import InputError
    from eginterpolator.jobs.tasks import Workers

    if count and scheduler:
        raise InputError("Give local processes (--workers) or a cluster (--scheduler), not both.")
    if scheduler and "://" not in scheduler and not Path(scheduler).is_file():
        raise InputError(
            f"--scheduler is '{scheduler}'; give an address such as tcp://host:8786, or a YAML file that exists."
        )
    return Workers(count=count, scheduler=scheduler, threads=threads) if count or scheduler else None


def parse_batch(text: str) -> int | None:
    """`auto` is None; otherwise a positive number.

    Raises
    ------
    InputError
        For anything else.
    """
    from eginterpolator.errors import InputError

    if text == "auto":
        return None
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"--batch is '{text}'; it must be 'auto' or a positive number.")
    return int(text)


def set_logging(verbose: bool, quiet: bool) -> None:
    """Warnings by default, everything with -v, errors only with -q."""
    level = logging.INFO if verbose else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(level=level, format="%(name)s: %(message)s", stream=sys.stderr)


def finish(result: RunResult, as_json: bool) -> None:
    """Print what a run did; exit 1 when a molecule failed."""
    if as_json:
        summary = {
            "out": str(result.out),
            "done": result.done,
            "skipped": result.skipped,
            "failures": [vars(failure) for failure in result.failures],
        }
        typer.echo(json.dumps(summary, indent=2))
    else:
        before = f", {len(result.skipped)} finished before" if result.skipped else ""
        failed = f", {len(result.failures)} failed (see {result.out / 'failures.csv'})" if result.failures else ""
        typer.echo(f"{len(result.done)} done{before}{failed}; results in {result.out}")
    for failure in result.failures:
        print(f"failed: {failure.name}: {failure.reason}", file=sys.stderr)
    if result.exit_code:
        raise typer.Exit(result.exit_code)
