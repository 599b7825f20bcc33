"""The typer application; command modules import what is heavy inside their functions."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Annotated

import typer

COMMANDS = (
    "generate", "conformers", "plan", "cluster", "simulate", "train", "benchmark", "view", "convert", "compare",
    "serve",
)  # fmt: skip
"""Each the function `<name>_command` of its module."""
GROUPS = {
    "data": "Build and check datasets.",
    "evaluate": "Judge trajectories against reference simulations.",
    "models": "List, show and copy models.",
}
"""Commands with commands of their own, each the `app` of its module, and what they are for."""


def app_for(word: str) -> typer.Typer:
    """The application for a command line that begins with `word`: with that command alone, so that others are not
    imported; with all of them where it is none."""
    known = (*COMMANDS, *GROUPS)
    return _made((word,) if word in known else known)


@cache
def _made(words: tuple[str, ...]) -> typer.Typer:
    made = typer.Typer(
        name="egi",
        help="Molecular-dynamics trajectories of small molecules from a generative model. "
        "--debug after any command shows the traceback of an error.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    made.callback()(_egi)
    for word in words:
        module = importlib.import_module(f"eginterpolator.cli.{word}")
        if word in GROUPS:
            made.add_typer(module.app, name=word, help=GROUPS[word])
        else:
            made.command(word)(getattr(module, f"{word}_command"))
    return made


def _version(asked: bool) -> None:
    if asked:
        import eginterpolator

        typer.echo(f"egi {eginterpolator.__version__}")
        raise typer.Exit


def _egi(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def __getattr__(name: str) -> typer.Typer:
    if name == "app":  # all of it, for help and documentation
        return app_for("")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
