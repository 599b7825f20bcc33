"""Code of README and docs: Python and `egi` blocks run with tiny models and sizes; options that are named exist."""

from __future__ import annotations

import collections
import re
import shlex
import tomllib
from dataclasses import replace
from typing import Any

import pytest
import yaml
from typer.main import get_command

from eginterpolator.benchmark import config as studies
from eginterpolator.benchmark.config import StudyConfig, load_study
from eginterpolator.cli.app import app
from eginterpolator.jobs.cluster import CLUSTER_KEYS
from eginterpolator.models import choice
from eginterpolator.models.registry import load_model
from eginterpolator.training.config import load_config
from tests.builders import ROOT
from tests.builders.docs import BLOCKS, NAMES, PAGES, Block, cheap, given_files
from tests.builders.simulation import MISSING
from tests.builders.study import write_study
from tests.builders.tiny_model import write_tiny_model

NOT_RUN = {
    "README.md": 1, "benchmark.md": 5, "cluster.md": 1, "conformers.md": 1, "data.md": 1, "ensembles.md": 2,
    "extend.md": 1, "fine_tune.md": 3, "install.md": 1, "own_md.md": 1, "results.md": 3, "serve.md": 1,
    "simulation.md": 1, "training.md": 13,
}  # fmt: skip
"""Blocks of a page that say `<!-- not run: reason -->`: they need a cluster, hours, or data that is not here."""
SLOW = {"gallery.md", "long_times.md"}
"""Pages whose blocks run with the slow tests: further molecules by commands that other pages run as well."""
SHELL = [block for block in BLOCKS if block.language == "sh"]
INLINE = re.compile(r"`(egi [^`]+)`")


def named(language: str, run: bool = True) -> list[Any]:
    return [
        pytest.param(block, id=block.name, marks=[pytest.mark.slow] * (block.page.name in SLOW))
        for block in BLOCKS
        if block.language == language and run == (not block.reason)
    ]


def leaf(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words name, and what is left of them; `list|show` stands for each of the two."""
    command, rest = get_command(app), words[1:]
    while hasattr(command, "commands"):
        if not rest or rest[0].startswith(("-", "…")):
            return command, rest
        for name in rest[0].split("|"):
            assert name in command.commands, f"egi has no command '{name}'"
        command, rest = command.commands[rest[0].split("|")[0]], rest[1:]
    return command, rest


def check_options(text: str) -> None:
    command, rest = leaf(re.sub(r"[\[\]]", " ", text.replace("\\|", "|")).split())
    commands = [command, *getattr(command, "commands", {}).values()]  # of a group, what any of its commands has
    known = {name for each in commands for option in each.params for name in (*option.opts, *option.secondary_opts)}
    for word in rest:
        option = word.split("=")[0]
        assert not option.startswith("--") or option in {*known, "--help", "--debug"}, f"{text}: there is no {option}"


def test_every_block_that_is_not_run_says_why():
    counts = collections.Counter(block.page.name for block in BLOCKS if block.reason)
    assert dict(counts) == NOT_RUN, "a block was added or marked: run it, or count it here"
    assert all(page.read_text().count("<!-- not run:") == counts[page.name] for page in PAGES), "a mark without a block"


@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in BLOCKS if not block.language])
def test_blocks_without_a_language_hold_no_code(block: Block):
    assert not re.search(r"^\s*(egi|python|pip|make|import|from) \S", block.source, re.M), "name its language"


@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in SHELL])
def test_commands_are_those_of_the_program(block: Block):
    """What `egi` lines say can be parsed as it stands; of synopses and loops, every option exists."""
    for line in block.commands():
        words = line.split()
        for name in re.findall(r"\b(?:configs|benchmarks)/\S+\.(?:yaml|py|csv)", line):
            assert (ROOT / name).is_file(), name
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M), line
        elif words[0] == "python":
            script = (ROOT / words[1]).read_text()
            for option in re.findall(r" (--[\w-]+)", line):
                assert f'"{option}"' in script, f"{words[1]} has no {option}"
        elif words[0] == "egi" and re.search(r"\s\[|[|$…]", line):
            check_options(line)
        elif words[0] == "egi":
            command, rest = leaf(shlex.split(line))
            command.make_context(words[1], rest)


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_options_in_the_text_exist(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for line in INLINE.findall(text):
        check_options(line)


@pytest.mark.parametrize("block", named("sh"))
def test_commands_run(block: Block, egi, tmp_path, tiny_folder, monkeypatch):
    # without the extra [md] nothing can simulate; `make test` installs it, so there these blocks run
    if MISSING and re.search(r"simulate|thermal-md", block.source):
        pytest.skip(MISSING)
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", lambda address: opened.append(address))
    given_files(block.page, tmp_path, tiny_folder)
    for line in block.commands():
        assert line.startswith("egi "), f"'{line}' is no command of egi: mark the block as not run"
        larger = ["--force"] * (block.page.name == "gallery.md" and " generate " in line)  # than the tiny model takes
        result = egi(*cheap(line)[1:], *larger)
        assert result.code == 0, (line, result.err)
    assert len(opened) == block.source.count("egi view")


@pytest.mark.usefixtures("no_lanes")  # frames in the network's order
@pytest.mark.parametrize("block", named("python"))
def test_python_runs(block: Block, tmp_path, monkeypatch):
    """With the tiny model for any other, and RDKit's conformers of a small study for any study."""
    model = write_tiny_model(tmp_path / "tiny")
    monkeypatch.setattr(choice, "load_model", lambda name, device="cpu": load_model(model, device))

    def small_study(path: str) -> StudyConfig:
        assert (ROOT / path).is_file(), path
        study = load_study(write_study(tmp_path))
        return replace(study, systems=study.systems[:1], unconditional=None, forward=None)

    monkeypatch.setattr(studies, "load_study", small_study)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__", "out": tmp_path / "out", **NAMES.get(block.page.name, dict)()}
    exec(compile("\n" * (block.line - 1) + block.source, str(block.page), "exec"), names)


@pytest.mark.parametrize("block", named("yaml"))
def test_settings_are_those_that_are_read(block: Block, tmp_path):
    described = yaml.safe_load(block.source)
    if "settings" in described:
        assert set(described) <= set(CLUSTER_KEYS) and {"cores", "memory"} <= set(described["settings"])
    else:
        (tmp_path / "run.yaml").write_text(block.source)
        assert load_config(tmp_path / "run.yaml").model == described["model"]


@pytest.mark.parametrize("block", named("toml"))
def test_entry_points_are_groups_that_are_looked_up(block: Block):
    for group in tomllib.loads(block.source)["project"]["entry-points"]:
        assert any(f'"{group}"' in path.read_text() for path in (ROOT / "src").rglob("*.py")), group


def test_languages_are_those_that_are_tested():
    assert {block.language for block in BLOCKS} == {"", "sh", "python", "yaml", "toml"}
