"""`egi train`: a training run from its YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train_command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The run; see configs/.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[key=value ...]", help="Changed settings.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do a few steps, say what the run will take, and write nothing.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose/--quiet", "-v/-q", help="Log what happens.")] = True,
) -> None:
    """Train a model, or go on with a run that was interrupted; the same command does both."""
    from eginterpolator.cli.options import set_logging

    set_logging(verbose, not verbose)
    from eginterpolator.training.config import load_config

    run = load_config(config, overrides or [])
    if dry_run:
        from eginterpolator.training.plan import plan

        for line in plan(run).lines():
            typer.echo(line)
        return
    from eginterpolator.training.run import train

    typer.echo(f"weights in {train(run)}")
