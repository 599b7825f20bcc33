"""`egi data`: build, show and check datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eginterpolator.cli.structures import conformers_command, thermal_md_command

app = typer.Typer(no_args_is_help=True)
app.command("conformers")(conformers_command)
app.command("thermal-md")(thermal_md_command)

Exclude = Annotated[
    list[Path] | None,
    typer.Option(help=".smi files or molecule folders whose molecules are left out (give it once for each)."),
]
OutStore = Annotated[Path, typer.Option(help="The dataset to write, .h5.")]


@app.command("qm9")
def qm9_command(
    out: OutStore = Path("qm9.h5"),
    exclude: Exclude = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many molecules.")] = None,
) -> None:
    """All QM9 geometries of the package qm9pack."""
    from eginterpolator.data.build import build_qm9

    _echo(build_qm9(out, exclude or [], limit))


@app.command("import")
def import_command(
    folder: Annotated[Path, typer.Argument(help="Folder of molecule folders (SDF, topology and XTC).")],
    out: OutStore = Path("trajectories.h5"),
    exclude: Exclude = None,
) -> None:
    """Trajectories of molecule folders, as `egi simulate` writes them; broken replicas are named and left out."""
    from eginterpolator.data.build import build_trajectories

    _echo(build_trajectories(folder, out, exclude or []))


@app.command("thermal")
def thermal_command(
    folder: Annotated[Path, typer.Argument(help="Folder of thermal structures, as egi data thermal-md writes it.")],
    out: OutStore = Path("thermal.h5"),
    exclude: Exclude = None,
) -> None:
    """Thermal structures of short simulations."""
    from eginterpolator.data.build import build_thermal

    _echo(build_thermal(folder, out, exclude or []))


@app.command("info")
def info_command(store: Annotated[Path, typer.Argument(help="A dataset.")]) -> None:
    """What a dataset holds."""
    from eginterpolator.data.build import describe

    _echo(describe(store))


@app.command("check")
def check_command(store: Annotated[Path, typer.Argument(help="A dataset.")]) -> None:
    """Read every array and compare hashes; names what is damaged, and exits 1."""
    from eginterpolator.data.build import check

    damaged = check(store)
    for name in damaged:
        typer.echo(f"damaged: {name}")
    if damaged:
        raise typer.Exit(1)
    typer.echo("all arrays have the hashes they were written with")


def _echo(values: dict) -> None:
    typer.echo(json.dumps(values, indent=2))
