"""`egi train`: a training run from its YAML, or from a model's weights and data of one's own."""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eginterpolator.training.config import TrainConfig


class Stage(StrEnum):
    """Which network of a model is trained."""

    structure = "structure"
    time = "time"


def train_command(
    config: Annotated[
        str | None, typer.Argument(metavar="[CONFIG.yaml]", help="The run; see configs/. None with --from.")
    ] = None,
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[key=value ...]", help="Changed settings.")] = None,
    base: Annotated[
        str | None, typer.Option("--from", metavar="MODEL", help="Go on from a model's weights, without a YAML.")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="With --from: molecule folders, or what else egi data import reads, or a dataset (.h5)."),
    ] = None,
    out: Annotated[Path, typer.Option(help="With --from: folder of the run; its config.yaml goes there too.")] = Path(
        "tuned"
    ),
    minutes: Annotated[
        float, typer.Option(help="With --from: how long, by the speed of some steps now; or max_steps=N.")
    ] = 10.0,
    stage: Annotated[
        Stage, typer.Option(help="With --from: the structure network, or the temporal one on it.")
    ] = Stage.structure,
    with_held_out: Annotated[
        bool,
        typer.Option("--with-held-out", help="With --from: train on molecules of the test and held-out lists too."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do a few steps, say what the run will take, and write nothing.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose/--quiet", "-v/-q", help="Log what happens.")] = True,
) -> None:
    """Train a model, or go on with a run that was interrupted; the same command does both.

    egi train CONFIG.yaml trains by a config; egi train --from qm9-obc2 --data md fine-tunes a model on data of one's
    own in minutes.
    """
    from eginterpolator.cli.options import set_logging
    from eginterpolator.errors import InputError

    set_logging(verbose, not verbose)
    from eginterpolator.training.config import load_config

    if base is None:
        if config is None or data:
            raise InputError("Give a config to train by, or a model with --from and data with --data.")
        _run(load_config(config, overrides or []), dry_run)
        return
    from eginterpolator.training.tuning import REHEARSED, tuning_run

    settings = [*([config] if config else []), *(overrides or [])]
    if config and "=" not in config:
        raise InputError(f"--from needs no config; leave '{config}' away, or train by it alone.")
    with tempfile.TemporaryDirectory() as hidden:
        where = Path(hidden) if dry_run else out
        run = tuning_run(base, data or [], where, stage.value, minutes, settings, with_held_out)
        if dry_run:
            typer.echo((where / "config.yaml").read_text().replace(hidden, str(out)))
        else:
            typer.echo(f"settings in {out / 'config.yaml'}, {run.max_steps} steps")
        _run(run, dry_run)
    typer.echo(REHEARSED.format(base=base), err=True)


def _run(run: TrainConfig, dry_run: bool) -> None:
    if dry_run:
        from eginterpolator.training.plan import plan

        for line in plan(run).lines():
            typer.echo(line)
        return
    from eginterpolator.training.run import train

    typer.echo(f"weights in {train(run)}")
