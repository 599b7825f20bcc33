"""Tables and lists that others wrote: commas, semicolons or tabs, headers in any case, comments, any encoding."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator

from eginterpolator.chemistry.text import read_text
from eginterpolator.errors import InputError

DELIMITERS = (",", ";", "\t", "|")


def table_rows(path: str | os.PathLike[str], needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV with a header, as (number, values by column in small letters), the header being row 1.

    The delimiter is the one that finds most of the columns `needed` in the header. Rows that begin with # are
    comments; those and rows of empty cells are counted and left out, empty lines are not counted.

    Raises
    ------
    InputError
        When the file cannot be read, or lacks a column.
    """
    text = read_text(path)
    best: list[str] = []
    rows: list[list[str]] = []
    for delimiter in DELIMITERS:
        found = _parsed(text, delimiter, path)
        start = next((k for k, row in enumerate(found) if not _skipped(row)), len(found))
        header = [cell.strip().lower() for cell in found[start]] if start < len(found) else []
        if not rows or len(set(needed) & set(header)) > len(set(needed) & set(best)):
            best, rows = header, found[start + 1 :]
    if missing := [column for column in needed if column not in best]:
        known = ", ".join(name for name in best if name)[:200]
        raise InputError(
            f"'{path}' has no column '{missing[0]}'; its first line must name the columns"
            + (f" (found: {known})." if known else ".")
        )
    for number, row in enumerate(rows, 2):
        if not _skipped(row):
            yield number, dict(zip(best, [cell.strip() for cell in row], strict=False))


def smiles_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str, str]]:
    """Lines of a SMILES file as (number, SMILES, name or ''): without comments (#) and without a header.

    A header of several columns makes it a table; the name is then in the column `name`, or in the only other one.
    """
    lines = re.split(r"\r\n|\r|\n", read_text(path))
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    for delimiter in DELIMITERS:
        columns = [cell.strip().lower() for cell in next(csv.reader([first], delimiter=delimiter), [])]
        if len(columns) > 1 and "smiles" in columns:
            others = [column for column in columns if column != "smiles"]
            named = "name" if "name" in others or len(others) > 1 else others[0]
            for number, row in table_rows(path, ("smiles",)):
                yield number, row.get("smiles", ""), row.get(named, "")
            return
    headed = _HEADER.fullmatch(first.split(maxsplit=1)[0]) if first else None
    for number, line in enumerate(lines, 1):
        words = line.split(maxsplit=1)
        if words and not words[0].startswith("#") and not (headed and line is first):
            yield number, words[0], words[1].strip() if len(words) > 1 else ""


_HEADER = re.compile(r"\W*(\w+[ _-])?smiles\W*", re.IGNORECASE)


def _skipped(row: list[str]) -> bool:
    return row[0].lstrip().startswith("#") or not any(cell.strip() for cell in row)


def _parsed(text: str, delimiter: str, path: str | os.PathLike[str]) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise InputError(f"'{path}' is no table that can be read ({error}); save it as CSV.") from error
