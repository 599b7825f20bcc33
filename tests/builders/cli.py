"""What the tests of the command line share: results, tables, and the form of an error."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

GOOD = "CCO first\nCC=O second\nCC#N third\nCOC fourth\n"
FIVE = "CCO first\nCC=O second\nC( third\nCC#N fourth\nCOC fifth\n"


class Result(NamedTuple):
    code: int
    out: str
    err: str


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def sentence(result: Result, message: str, code: int = 2) -> None:
    """One line on stderr that holds `message`, and the exit code of bad input."""
    assert result.code == code, result.err
    assert result.err.startswith("egi: ") and result.err.count("\n") == 1 and result.err.endswith(".\n"), result.err
    assert message in result.err and "Traceback" not in result.err


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.glob("[!.]*/*")}
