"""What is no Python goes into the wheel: an installation without the repository has every file of the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "eginterpolator"
BUILT = "prebuilt/*.so"
"""What wheels/prebuild.py makes, where it was run."""


def test_every_file_of_the_package_is_package_data():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = [each for each in settings["package-data"]["eginterpolator"] if each != BUILT]
    shipped = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    files = {
        path
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.match(BUILT)
    }
    assert sorted(str(path) for path in files - shipped if path.suffix != ".py") == []
    assert all(any(PACKAGE.glob(pattern)) for pattern in patterns), "a pattern without files is a slip"
