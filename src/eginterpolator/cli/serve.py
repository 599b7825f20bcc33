"""`egi serve`: a page on this machine that generates and shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eginterpolator.cli import options as o


def serve_command(
    out: Annotated[Path, typer.Option(help="Where results are kept; a folder a job, as egi generate writes them.")] = (
        Path("served")
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; 0 takes a free one.")] = 8765,
    model: o.ModelName = "auto",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page, or only print it.")] = True,
) -> None:
    """Serve a page on this machine, and to it alone, that generates trajectories and shows them; extra \\[serve]."""
    from contextlib import ExitStack

    from eginterpolator.serve.run import launcher, serve

    o.set_logging(verbose=False, quiet=False)

    def opened(address: str) -> None:
        typer.echo(f"Open {address} (Ctrl-C ends it; results are kept in {out})")
        if browser:
            typer.launch(until_the_end.enter_context(launcher(address)))

    with ExitStack() as until_the_end:
        serve(out, port, model, opened=opened)
