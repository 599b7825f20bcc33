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

if TYPE_CHECKING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.generation.tasks import GenerationConfig
    from eginterpolator.jobs.molecules import RunResult

LONG_SECONDS = 30.0
"""A run that took longer is told how it could have been shorter."""


class Task(StrEnum):
    """What is given, and what is made."""

    unconditional = "unconditional"
    forward = "forward"
    interpolation = "interpolation"


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
        float,
        typer.Option(metavar="PS", help="Picoseconds of MD from each frame, .5 for example, at most 1; extra \\[md]."),
    ] = 0.0,
    sampling: o.SamplingOptions,
    ph: Ph = None,
    name: o.Name = None,
    out: o.Out = Path("trajectories"),
    overwrite: o.Overwrite = False,
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
    from eginterpolator.generation.runs import run_generation
    from eginterpolator.generation.tasks import could_be_compiled, network_calls, resolve_device
    from eginterpolator.models.choice import Models

    config = sampling.config(
        task=task.value, n_frames=frames, n_samples=samples, seed=job.seed, strength=strength,
        thermalise_ps=thermalise,
    )  # fmt: skip
    if thermalise:
        from eginterpolator.generation.thermalise import require_lanes

        require_lanes()
    if (start or end) and len(molecules) != 1:
        raise InputError(f"--start and --end belong to one molecule, and INPUT holds {len(molecules)}.")
    first, last = (read_given(text, molecules[0], topology) if text else None for text in (start, end))
    prepare_out(out)
    loaded = Models.load(model, "cpu" if helpers else resolve_device(config.device))
    calls = max(network_calls(each, config) for each in loaded.models)
    began = time.monotonic()
    with Progress(calls * len(molecules), job.quiet) as progress:
        hooks = progress.hooks(calls)
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
    from eginterpolator.simulation.engines.lanes.speed import PREPARE_SECONDS, estimated_seconds

    spent = {row["name"]: row["seconds"] for row in result.rows if row["name"] in result.done}
    frame_ps = max((row.get("frame_ps", 0.0) for row in result.rows), default=0.0)
    if not frame_ps:
        return  # folders that do not say it
    ns = config.n_frames * frame_ps / 1000
    total = estimate = 0.0
    for molecule in molecules:
        if molecule.name in spent:
            needed = estimated_seconds(molecule.n_atoms, config.n_samples, ns)
            if needed is None:
                return
            total += spent[molecule.name]
            estimate += needed - (PREPARE_SECONDS - 1.0 if estimate else 0.0)
    if total > estimate > 0:
        typer.echo(
            f"MD in implicit solvent gives as many frames sooner (about {estimate:.0f} s, not {total:.0f}): "
            f"egi simulate INPUT --replicas {config.n_samples} --ns {ns:g} --save-ps {frame_ps:g}",
            err=True,
        )
