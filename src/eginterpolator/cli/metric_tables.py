"""How commands print tables of metrics: mean / median in every cell."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


def print_table(title: str, columns: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Print one line for each of `rows`, label -> metric -> {mean, median} or number; `columns` are metric -> head."""
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
    if isinstance(value, dict):
        return f"{value['mean']:.3f} / {value['median']:.3f}"
    return f"{value:.3f}"
