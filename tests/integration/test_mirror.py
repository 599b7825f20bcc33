"""The tests mirror the package: a module with public functions has a test file of its name in the room of its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.builders import ROOT

PACKAGE, TESTS = ROOT / "src" / "eginterpolator", ROOT / "tests"
SHARED = {
    "cli/dataset_tables.py": "the tables that `egi data info` and `egi data import` print: cli/test_data.py",
    "evaluation/metrics.py": "fields of a Comparison, judged through a Reference: evaluation/test_comparison.py",
}
"""Modules whose functions are tested through another module's file, and why."""
OF_SEVERAL = {
    "models/baselines/test_symmetries.py": "what all baselines share",
    "models/baselines/test_learning.py": "each baseline learns the same two molecules",
    "simulation/engines/lanes/test_replicas.py": "the engine as its users meet it",
    "simulation/engines/lanes/test_run.py": "runs against distributions that are known",
}
"""Test files that stand for all modules of their room."""
APART = {"builders", "integration"}
"""Folders of tests that stand for no room of the package."""


def public(module: Path) -> list[str]:
    """Functions of a module that others may call."""
    body = ast.parse(module.read_text()).body
    return [node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def files_of(module: Path) -> list[Path]:
    """Test files that stand for a module: `test_<module>.py` and `test_<module>_<topic>.py` in its room."""
    room = TESTS / module.relative_to(PACKAGE).parent
    return [*room.glob(f"test_{module.stem}.py"), *room.glob(f"test_{module.stem}_*.py")]


MODULES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"}


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if public(path) and name not in SHARED])
def test_a_module_has_its_test_file(name: str):
    assert files_of(MODULES[name]), (
        f"{name} has {', '.join(public(MODULES[name]))} and no tests/{name}: add its test file"
    )


def test_modules_without_a_file_are_still_there_and_still_without():
    for name in SHARED:
        assert name in MODULES and public(MODULES[name]) and not files_of(MODULES[name]), f"{name} needs no exception"


def test_every_test_file_stands_for_a_module():
    """No room of tests that the package does not have, and no file that stands for nothing."""
    for path in TESTS.rglob("test_*.py"):
        folder = path.relative_to(TESTS).parent
        if folder.parts and folder.parts[0] in APART or str(path.relative_to(TESTS)) in OF_SEVERAL:
            continue
        stems = {module.stem for module in (PACKAGE / folder).glob("*.py")}
        name = path.stem.removeprefix("test_")
        assert any(name == stem or name.startswith(f"{stem}_") for stem in stems), f"{path}: of which module?"


def test_files_stay_short():
    for path in TESTS.rglob("*.py"):
        assert len(path.read_text().splitlines()) < 400, path
