"""`egi plan`, and what `--dry-run` prints: which way, with which model, for how long."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from eginterpolator.cli import options as o
from eginterpolator.cli.groups import grouped

if TYPE_CHECKING:
    from eginterpolator.files.inputs import Failure
    from eginterpolator.generation.plan import Plan

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say models, warnings and expected time of each molecule, and make nothing.")
]


@grouped
def plan_command(
    source: o.Source,
    *,
    frames: Annotated[int, typer.Option(min=1, help="Frames of a trajectory.")] = 500,
    frame_ps: Annotated[float | None, typer.Option(help="Time between frames, ps; the model's by default.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Trajectories of each molecule.")] = 1,
    solvent: Annotated[
        str, typer.Option(help="implicit (OBC2 water), none (vacuum), or water (explicit, TIP3P).")
    ] = "implicit",
    temperature: Annotated[float, typer.Option(metavar="K", help="250 to 500 K.")] = 300.0,
    model: o.ModelName = "auto",
    pilot: Annotated[
        bool,
        typer.Option("--pilot/--no-pilot", help="Measure the network's speed here, some seconds; or take a table."),
    ] = True,
    job: o.JobOptions,
) -> None:
    """Say whether a network or MD gives the wanted trajectory sooner and better, with the command to run."""
    o.set_logging(False, job.quiet)
    molecules, failures = job.read(source)
    from eginterpolator.generation.plan import first_pilot, plan
    from eginterpolator.models.choice import Models

    models = Models.load(model)
    speed = first_pilot(models, molecules) if pilot else None
    plans = [
        plan(each, models, frames, frame_ps, samples, solvent, speed, temperature_K=temperature) for each in molecules
    ]
    if job.as_json:
        typer.echo(json.dumps([each.to_dict() for each in plans], indent=2))
    else:
        for each in plans:
            _print(each)
    _report(failures)


def dry_run(
    rows: Sequence[tuple[str, str, float | None, Sequence[str]]], failures: Sequence[Failure], start: float
) -> None:
    """Print what a run would do; exit 1 where a molecule would fail. `start`: seconds before the first of them.

    Rows are name, model or engine, expected seconds (None where it cannot be run), and warnings.
    """
    for name, what, seconds, warnings in rows:
        told = f"about {duration(seconds)}" if seconds is not None else "would fail"
        typer.echo(f"{name}: {what}, {told}")
        for warning in warnings:
            typer.echo(f"  warning: {warning}")
    total = start + sum(seconds or 0.0 for _, _, seconds, _ in rows)
    lost = sum(seconds is None for _, _, seconds, _ in rows)
    typer.echo(
        f"{len(rows) - lost} molecules, about {duration(total)} by a table of measured speeds; nothing was made."
    )
    _report(failures, lost)


def _report(failures: Sequence[Failure], lost: int = 0) -> None:
    for failure in failures:
        print(f"failed: {failure.name}: {failure.reason}", file=sys.stderr)
    if failures or lost:
        raise typer.Exit(1)


def _print(plan: Plan) -> None:
    typer.echo(f"{plan.molecule.name} ({plan.molecule.smiles}): {plan.best or 'no way'}, since {plan.reason}")
    for way in (plan.network, plan.simulation):
        told = f"about {duration(way.seconds)}; {way.quality}" if way.seconds is not None else f"cannot: {way.why}"
        typer.echo(f"  {way.name}: {told}")
        for warning in way.warnings:
            typer.echo(f"    warning: {warning}")
    if plan.way is not None:
        typer.echo(f"  run: {plan.way.command}")


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
