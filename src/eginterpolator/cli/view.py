"""`egi view`: open the report of an output folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def view_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="An output folder of egi generate, egi simulate or egi conformers.")
    ],
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it, or only write it.")] = True,
) -> None:
    """Write DIR/report.html anew where it is missing or older than its data, and open it in the browser."""
    from eginterpolator.report import write_folder_report

    page = folder / "report.html"
    shown = (
        path
        for name in ("*.xtc", "conformers.sdf", "clusters.csv", "energies_*.csv")
        for path in folder.glob(f"**/{name}")
    )
    newest = max((path.stat().st_mtime for path in shown), default=0.0) if folder.is_dir() else 0.0
    if not page.is_file() or page.stat().st_mtime < newest:
        page = write_folder_report(folder)
    typer.echo(str(page))
    if browser:
        typer.launch(page.resolve().as_uri())
