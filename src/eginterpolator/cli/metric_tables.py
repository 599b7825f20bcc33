"""How commands print tables of metrics: mean / median in a cell, or mean (interval)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


def print_table(title: str, columns: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Print one line for each of `rows`, label -> metric -> value; `columns` are metric -> head.

    A value is a number, a statistic {mean, median}, or, without median or with `at_oracle`, {mean, mean_95}, which is
    shown with its interval; None in a statistic is without bound.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    table.add_column("")
    for label in columns.values():
        table.add_column(label)
    for label, row in rows.items():
        table.add_row(label, *(_cell(row.get(column)) for column in columns))
    Console(width=None if sys.stdout.isatty() else 170).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if not isinstance(value, Mapping):
        return f"{value:.3f}"
    if "median" in value and "at_oracle" not in value:
        return f"{_number(value['mean'])} / {value['median']:.3f}"
    ends = " to ".join(_number(end) for end in value["mean_95"])
    return f"{_number(value['mean'])} ({ends})"


def _number(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:.3f}"
