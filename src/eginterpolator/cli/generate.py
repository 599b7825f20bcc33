"""`egi generate`: trajectories of the molecules of INPUT."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eginterpolator.cli import options as o
from eginterpolator.cli.charges import Ph, read_at_ph
from eginterpolator.cli.groups import grouped
from eginterpolator.cli.plan import DryRun, dry_run

if TYPE_CHECKING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.generation.tasks import GenerationConfig
    from eginterpolator.jobs.molecules import RunResult
    from eginterpolator.models.choice import Models

NO_CLOCK = (
    "Times of torsions are the network's guesses: a clock that is measured on the molecule needs the extra [md] "
    "(pip install 'eginterpolator[md]')."
)
LONG_SECONDS = 30.0
"""A run that took longer is told how it could have been shorter."""
PROBED_SECONDS = 5.0
"""Before a run that the table expects to take longer, it is measured how many cores are free, which takes a while."""


class Task(StrEnum):
    """What is given, and what is made."""

    unconditional = "unconditional"
    forward = "forward"
    interpolation = "interpolation"


class Clock(StrEnum):
    """What puts frames in order."""

    auto = "auto"
    network = "network"
    measured = "measured"


@grouped
def generate_command(
    source: o.Source,
    *,
    task: Annotated[Task, typer.Option(help="forward needs --start, interpolation --start and --end.")] = (
        Task.unconditional
    ),
    frames: Annotated[int, typer.Option(help="Frames of a trajectory, given ones included.")] = 500,
    samples: Annotated[int, typer.Option(help="Trajectories of each molecule.")] = 1,
    start: Annotated[
        str | None, typer.Option(help="First frame: FILE or FILE#k of any program, or of a dataset (.h5).")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Last frame, in the same way.")] = None,
    topology: o.Topology = None,
    model: o.ModelName = "auto",
    strength: Annotated[
        float, typer.Option(help="lambda: 0 the structure model alone, 1 the trained interpolator.")
    ] = 1.0,
    thermalise: Annotated[
        float | None,
        typer.Option(
            metavar="PS",
            help="MD of each frame in ps, at most 1; extra \\[md] (default .5 with a measured clock, else 0).",
        ),
    ] = None,
    clock: Annotated[
        Clock,
        typer.Option(
            help="What times frames: the network, or seconds of MD of the molecule itself (extra \\[md]); auto takes "
            "these where that is installed, for unconditional frames."
        ),
    ] = Clock.auto,
    clock_seconds: Annotated[
        float | None,
        typer.Option(help="MD that measures a clock, in seconds of one core (default 3 to 20, by size)."),
    ] = None,
    frame_ps: Annotated[
        float | None, typer.Option(help="Spacing of frames, free with a measured clock (default the model's).")
    ] = None,
    friction: Annotated[
        str | None,
        typer.Option(metavar="NUMBER|water", help="Pace of a measured clock: friction of its MD, 1/ps (default 1)."),
    ] = None,
    sampling: o.SamplingOptions,
    conditions: o.ConditionOptions,
    ph: Ph = None,
    name: o.Name = None,
    out: o.Out = Path("trajectories"),
    overwrite: o.Overwrite = False,
    dry: DryRun = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    job: o.LoggedJobOptions,
) -> None:
    """Generate all-atom trajectories of INPUT, a folder a molecule, with a report to look at."""
    helpers = job.begin()
    molecules, failures = read_at_ph(job, source, name, ph)  # before anything that takes seconds to import
    from eginterpolator.cli.progress import Progress
    from eginterpolator.data.given import read_given
    from eginterpolator.errors import InputError
    from eginterpolator.files.inputs import prepare_out
    from eginterpolator.generation.plan import expected
    from eginterpolator.generation.runs import run_generation
    from eginterpolator.generation.speed import START_SECONDS, seconds_of_clock
    from eginterpolator.generation.tasks import could_be_compiled, network_calls, resolve_device
    from eginterpolator.machine.cores import free_cores
    from eginterpolator.models.choice import Models
    from eginterpolator.simulation.protocol import friction_named

    config = sampling.config(
        task=task.value, n_frames=frames, n_samples=samples, seed=job.seed, strength=strength,
        thermalise_ps=thermalise, clock=clock.value, clock_seconds=clock_seconds,
        frame_ps=frame_ps, temperature_K=conditions.temperature,
        friction_per_ps=None if friction is None else friction_named(friction),
    )  # fmt: skip
    if thermalise or clock is Clock.measured:
        from eginterpolator.generation.thermalise import require_lanes

        require_lanes()
    if clock is Clock.auto and config.wants_clock and config.clock == "network" and not job.quiet:
        typer.echo(NO_CLOCK, err=True)
    if (start or end) and len(molecules) != 1:
        raise InputError(f"--start and --end belong to one molecule, and INPUT holds {len(molecules)}.")
    first, last = (read_given(text, molecules[0], topology) if text else None for text in (start, end))
    loaded = Models.load(model, "cpu" if helpers or dry else resolve_device(config.device))
    config, loaded = conditions.asked(config, loaded)
    cores = None
    seconds = expected(loaded, molecules, config, sampling.force)
    if dry or sum(seconds.values()) > PROBED_SECONDS:
        cores = free_cores()
        seconds = expected(loaded, molecules, config, sampling.force, cores)
    if dry:
        dry_run(_rows(loaded, molecules, seconds, sampling.force), failures, START_SECONDS * max(1.0, 1 / (cores or 1)))
        return
    prepare_out(out)
    total = sum(seconds.values())
    clocks = sum(seconds_of_clock(config, each.n_atoms) for each in molecules if seconds[each.name])
    calls = max(network_calls(each, config) for each in loaded.models) * max(total, 1e-3) / max(total - clocks, 1e-3)
    began = time.monotonic()
    with Progress(max(1e-3, total), job.quiet, START_SECONDS, in_seconds=True) as progress:
        hooks = progress.hooks(calls, seconds)
        result = run_generation(
            loaded, molecules, out, config, failures, first, last, sampling.force, overwrite, hooks, helpers
        )  # fmt: skip
    if time.monotonic() - began > LONG_SECONDS and not job.quiet:
        slow = [each.name for each in loaded.models if could_be_compiled(each, config.precision)]
        if slow:
            which = slow[0] if model == "auto" else model
            which += "" if config.precision == "auto" else f" --precision {config.precision}"
            typer.echo(f"Twice as fast next time: egi models compile {which}, once for this machine.", err=True)
    if not job.quiet and task is Task.unconditional:
        _say_which_is_sooner(molecules, result, config)
    if report and result.rows:
        from eginterpolator.report import write_folder_report

        write_folder_report(out)
    o.finish(result, job.as_json)


def _say_which_is_sooner(molecules: list[Molecule], result: RunResult, config: GenerationConfig) -> None:
    """A line where MD in implicit solvent would have given as many frames in less time: it is what models imitate."""
    from eginterpolator.generation.plan import sooner_by_md

    spent = {row["name"]: row["seconds"] for row in result.rows if row["name"] in result.done}
    frame_ps = max((row.get("frame_ps", 0.0) for row in result.rows), default=0.0)
    line = sooner_by_md(molecules, spent, config, frame_ps) if frame_ps else None  # of folders that do not say it
    if line:
        typer.echo(line, err=True)


def _rows(
    models: Models, molecules: list[Molecule], seconds: dict[str, float], force: bool
) -> list[tuple[str, str, float | None, list[str]]]:
    """What `--dry-run` says of each molecule."""
    from eginterpolator.errors import InputError

    rows: list[tuple[str, str, float | None, list[str]]] = []
    for molecule in molecules:
        try:
            choice = models.choose(molecule, force)
            rows.append((molecule.name, choice.model.name, seconds[molecule.name], choice.warnings))
        except InputError as error:
            rows.append((molecule.name, "no model", None, [str(error)]))
    return rows
