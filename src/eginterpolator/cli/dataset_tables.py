"""Datasets on the terminal: what was kept and dropped, what a store holds, bars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

BAR = 40
"""Characters of the longest bar."""


def print_manifest(manifest: dict[str, Any], out: Path) -> None:
    """What was kept and, by reason, what was left out."""
    table = Table(
        "", "molecules", "conformers or replicas", "for example", title=escape(str(out)), title_justify="left"
    )
    table.add_row("kept", f"{manifest['molecules']:,}", f"{manifest['frames']:,} structures", "")
    names = manifest["dropped_names"]
    for reason in dict.fromkeys((*manifest["dropped"], *manifest["dropped_structures"])):
        molecules, structures = (manifest[key].get(reason) for key in ("dropped", "dropped_structures"))
        counts = (f"{count:,}" if count else "" for count in (molecules, structures))
        table.add_row(f"dropped: {escape(reason)}", *counts, escape(", ".join(names.get(reason, [])[:2])))
    if manifest["failures"]:
        table.add_row(
            "not readable", f"{len(manifest['failures']):,}", "", escape(", ".join([*manifest["failures"]][:2]))
        )
    Console().print(table)


def print_facts(facts: dict[str, Any], store: Path) -> None:
    """Counts, origin and distributions of a store."""
    from eginterpolator.data.info import PANELS

    console = Console()
    table = Table(show_header=False, title=escape(str(store)), title_justify="left")
    for key in ("molecules", "conformers", "trajectory_frames"):
        table.add_row(key.replace("_", " "), f"{facts[key]:,}")
    for key, label in (("molecules_by_conditions", "ensemble"), ("molecules_by_source", "source")):
        table.add_row(label, escape("\n".join(f"{_short(name)} ({count:,})" for name, count in facts[key].items())))
    manifest = facts["manifest"] or {}
    for key in ("source", "command", "sha256"):
        if key in manifest:
            table.add_row({"source": "built from"}.get(key, key), escape(str(manifest[key])))
    for key in ("dropped", "dropped_structures"):
        for reason, count in manifest.get(key, {}).items():
            table.add_row(key.replace("_", " "), escape(f"{count:,}: {reason}"))
    if not manifest:
        table.add_row("manifest", "none")
    console.print(table)
    for key, label, counted in PANELS:
        if facts[key]:
            console.print(f"\n{counted} by {label}")
            _bars(console, facts[key])


def _bars(console: Console, counts: dict[Any, int]) -> None:
    most = max(counts.values())
    width = max(len(str(name)) for name in counts)
    for name, count in counts.items():
        bar = "█" * max(1, round(BAR * count / most))
        console.print(f"  {name!s:>{width}} {bar} {count:,}", markup=False, highlight=False)


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
