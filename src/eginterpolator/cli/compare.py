"""`egi compare`: two runs or models side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eginterpolator.cli import options as o
from eginterpolator.cli.metric_tables import print_table

if TYPE_CHECKING:
    from eginterpolator.evaluation.side_by_side import Pair
    from eginterpolator.evaluation.two_runs import SideBySide

COLUMNS = {"length": "length", "angle": "angle", "torsion": "torsion", "tica_0": "TICA 0", "tica_01": "TICA 0,1"}
DETAILED = 3
"""Up to so many molecules the torsions of each are printed."""
WHAT = "a molecule folder, a folder of these, a dataset (.h5), a table of trajectories (.csv), or a trajectory file"


def compare_command(
    a: Annotated[Path, typer.Argument(metavar="A", help=f"One run: {WHAT}.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The other, in the same forms.")],
    out: Annotated[Path, typer.Option(help="Folder for compare.json and compare.html.")] = Path("comparison"),
    frame_ps: Annotated[
        float | None, typer.Option(help="Frame spacing at which times and TICA are compared; the coarser of both.")
    ] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write compare.html.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="Seed of intervals.")] = 0,
    topology: o.Topology = None,
    molecule: Annotated[
        str | None, typer.Option(help="Of a trajectory file: SMILES or SDF, for bond orders that its PDB lacks.")
    ] = None,
    file_frame_ps: Annotated[
        float | None, typer.Option(help="Of a trajectory file: time between its frames, ps; goes before what it says.")
    ] = None,
    verbose: o.Verbose = False,
) -> None:
    """Compare two runs or models without calling either the truth: distributions, populations of wells, times."""
    o.set_logging(verbose, False)
    from eginterpolator.data.readers.base import ImportOptions
    from eginterpolator.evaluation.two_runs import PairConfig, compare_side_by_side
    from eginterpolator.files.io import write_json

    files = ImportOptions(topology=topology, molecule=molecule, frame_ps=file_frame_ps)
    result = compare_side_by_side(a, b, PairConfig(frame_ps, seed), files)
    write_json(out / "compare.json", result.to_dict())
    if report:
        from eginterpolator.report.compare_page import write_comparison_page

        write_comparison_page(out / "compare.html", result)
    _print(result)
    typer.echo(f"results in {out}")
    for failure in result.failures:
        print(f"failed: {failure['name']}: {failure['reason']}", file=sys.stderr)
    if result.failures:
        raise typer.Exit(1)


def _print(result: SideBySide) -> None:
    a, b = result.labels.values()
    summary = result.summary()
    rows = {f"A against B, {len(result.pairs)} molecules": summary.get("between", {})}
    rows |= {f"two halves of {side.upper()}": summary.get(f"halves_{side}", {}) for side in result.labels}
    title = f"A is {a}, B is {b}: Jensen-Shannon distance, mean / median; 0 is equal, 0.83 nothing in common"
    print_table(title, COLUMNS, rows)
    if len(result.pairs) > DETAILED:
        _print_molecules(result)
    else:
        for name, pair in result.pairs.items():
            _print_torsions(name, pair)
    for note in dict.fromkeys(note for pair in result.pairs.values() for note in pair.notes):
        print(f"note: {note}", file=sys.stderr)


def _table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(str, row))
    Console(width=None if sys.stdout.isatty() else 170).print(table)


def _print_molecules(result: SideBySide) -> None:
    from eginterpolator.report.compare_page import times_alike

    rows = []
    for name, pair in result.pairs.items():
        wells = [well for each in pair.wells for well in zip(*each.shares, each.apart(), strict=True)]
        shift = max((abs(x - y) for x, y, _ in wells), default=0.0)
        torsion = f"{pair.jsd['torsion'].mean():.3f}" if len(pair.jsd["torsion"]) else "-"
        rows.append(
            [name, torsion, f"{shift:.2f}", f"{sum(bool(w[2]) for w in wells)} of {len(wells)}", times_alike(pair)]
        )
    columns = ["", "torsion JSD", "largest shift of a population", "wells apart", "times within x2, of those measured"]
    _table("Molecules", columns, rows)


def _print_torsions(name: str, pair: Pair) -> None:
    from eginterpolator.report.compare_page import torsion_rows

    if not pair.wells:
        return
    columns = ["torsion", "wells", "A, %", "B, %", "time A, ps", "time B, ps", "JSD"]
    rows = [[row[key] for key in ("label", "wells", "a", "b", "time_a", "time_b", "jsd")] for row in torsion_rows(pair)]
    _table(f"{name}: populations of the wells, and how long each torsion remembers (95 %)", columns, rows)
