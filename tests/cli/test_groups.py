"""Options of the command line: those of shared dataclasses reach the command, and no option or default has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from eginterpolator.cli.app import app
from eginterpolator.cli.groups import grouped

FROZEN: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("frozen_options.json").read_text())
"""Command -> option -> default: written down from the code as it was before options were put together, and since then
changed on purpose only."""


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Full name and object of every command below a group."""
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, child in command.commands.items():
        yield from commands(child, (*path, name))


def options(command: Any) -> dict[str, str]:
    """Name of each option and argument, with its default."""
    found = {}
    for each in command.params:
        option = each.param_type_name == "option"
        name = "/".join([*each.opts, *each.secondary_opts]) if option else (each.metavar or each.name).upper()
        default = each.default() if callable(each.default) else each.default
        found[name] = "required" if each.required else str(getattr(default, "value", default))
    return found


@pytest.mark.parametrize("name", FROZEN)
def test_options_and_defaults_of_a_command_stay(name):
    """An option that is added on purpose is added to frozen_options.json as well."""
    assert options(dict(commands(get_command(app)))[name]) == FROZEN[name]


def test_arguments_stand_in_their_order():
    for name, command in commands(get_command(app)):
        if name in FROZEN:
            found, wanted = (
                [each for each in of if not each.startswith("-")] for of in (options(command), FROZEN[name])
            )
            assert found == wanted, name


@dataclass(frozen=True)
class Loudness:
    level: Annotated[int, typer.Option("--level", "-l", max=11, help="How loud.")] = 3
    mute: Annotated[bool, typer.Option("--mute")] = False


@dataclass(frozen=True)
class Choir(Loudness):
    voices: Annotated[list[str] | None, typer.Option()] = None
    level: Annotated[int, typer.Option(help="How loud all of them are.")] = 5


def program(heard: list[tuple[str, Loudness, bool]], kind: type[Loudness] = Loudness) -> typer.Typer:
    result = typer.Typer()

    def sing(song: str, *, loud: Loudness, twice: bool = False) -> None:
        heard.append((song, loud, twice))

    sing.__annotations__["loud"] = kind
    result.command()(grouped(sing))
    return result


def test_a_command_gets_the_dataclass():
    heard: list[tuple[str, Loudness, bool]] = []
    assert CliRunner().invoke(program(heard), ["la", "-l", "7", "--twice"]).exit_code == 0
    assert CliRunner().invoke(program(heard), ["la", "--mute"]).exit_code == 0
    assert heard == [("la", Loudness(7, False), True), ("la", Loudness(3, True), False)]
    assert CliRunner().invoke(program(heard), ["la", "--level", "12"]).exit_code == 2, "the bounds hold"


def test_a_subclass_changes_an_option_and_keeps_the_others():
    heard: list[tuple[str, Loudness, bool]] = []
    assert CliRunner().invoke(program(heard, Choir), ["la", "--voices", "a", "--voices", "b"]).exit_code == 0
    assert heard == [("la", Choir(5, False, ["a", "b"]), False)]
    assert CliRunner().invoke(program(heard, Choir), ["la", "-l", "7"]).exit_code == 2, "its own --level has no -l"
    assert "How loud all of them are" in CliRunner().invoke(program(heard, Choir), ["--help"]).output


def test_two_options_of_one_name_are_refused():
    def twice(*, loud: Loudness, choir: Choir) -> None:
        """Both have a level."""

    twice.__annotations__ |= {"loud": Loudness, "choir": Choir}
    with pytest.raises(ValueError, match="duplicate parameter name: 'level'"):
        grouped(twice)
