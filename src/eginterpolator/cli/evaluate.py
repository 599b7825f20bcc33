"""`egi evaluate`: trajectories against reference simulations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from eginterpolator.evaluation.trajectories import Evaluation

app = typer.Typer(no_args_is_help=True)

PUBLISHED = {
    "EGInterpolator (arXiv 2604.03911, QM9)": {"length": 0.210, "angle": 0.305, "torsion": 0.363, "tica_0": 0.417},
    "its MD oracle, in explicit water": {"length": 0.032, "angle": 0.042, "torsion": 0.192, "tica_0": 0.318},
}
COLUMNS = {
    "length": "length", "angle": "angle", "torsion": "torsion", "decorrelation": "decorr.", "tica_0": "TICA 0",
    "tica_01": "TICA 0,1", "stereo_retention": "stereo", "valid": "valid",
}  # fmt: skip


@app.callback()
def _group() -> None:
    """Judge trajectories against reference simulations."""


@app.command("trajectories")
def trajectories_command(
    generated: Annotated[Path, typer.Argument(metavar="GENERATED", help="Folder of molecule folders to judge.")],
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="Simulations with several replicas each.")],
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every number there.")] = None,
    oracle_replicas: Annotated[
        int, typer.Option(min=0, help="Replicas held out of the reference as MD oracle (the last ones).")
    ] = 1,
    frames: Annotated[int, typer.Option(min=2, help="Frames of a reference window.")] = 500,
    frame_ps: Annotated[float, typer.Option(help="Frame spacing at which all are compared.")] = 5.2,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the reference windows.")] = 0,
) -> None:
    """Jensen-Shannon distances, stereo and validity of GENERATED, with the MD oracle of REFERENCE beside."""
    from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
    from eginterpolator.io import write_json

    config = EvaluationConfig(frame_ps=frame_ps, n_frames=frames, oracle_replicas=oracle_replicas, seed=seed)
    result = evaluate_folders(generated, reference, config)
    if json_file is not None:
        write_json(json_file, result.to_dict())
    _print(result)
    for failure in result.failures:
        print(f"failed: {failure['name']}: {failure['reason']}", file=sys.stderr)
    if result.failures:
        raise typer.Exit(1)


def _print(result: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    values = result.to_dict()
    table = Table(title="Jensen-Shannon distance to the reference, mean / median")
    table.add_column("")
    for label in COLUMNS.values():
        table.add_column(label)
    rows: dict[str, dict[str, Any]] = {
        f"generated, {len(result.generated)} molecules": values["generated"],
        f"MD oracle, {len(result.oracle)} molecules": values["oracle"],
        **PUBLISHED,
    }
    for label, row in rows.items():
        table.add_row(label, *(_cell(row.get(column)) for column in COLUMNS))
    Console(width=None if sys.stdout.isatty() else 150).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return f"{value['mean']:.3f} / {value['median']:.3f}"
    return f"{value:.3f}"
