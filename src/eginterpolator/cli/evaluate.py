"""`egi evaluate`: trajectories against reference simulations, conformers against reference ensembles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from eginterpolator.evaluation.conformers import ConformerEvaluation
    from eginterpolator.evaluation.trajectories import Evaluation

app = typer.Typer(no_args_is_help=True)


def _published(length: str, angle: str, torsion: str, tica_0: str, tica_01: str) -> dict[str, Any]:
    """A row of the paper's table: 'mean/median' of each column."""
    texts = {"length": length, "angle": angle, "torsion": torsion, "tica_0": tica_0, "tica_01": tica_01}
    return {
        kind: dict(zip(("mean", "median"), (float(part) for part in text.split("/")), strict=True))
        for kind, text in texts.items()
    }


PUBLISHED = {
    "EGInterpolator, arXiv 2604.03911, QM9": _published(
        ".210/.188", ".305/.292", ".363/.380", ".417/.406", ".636/.642"
    ),
    "its MD oracle, in explicit water": _published(".032/.031", ".042/.028", ".192/.134", ".318/.291", ".413/.394"),
}
COLUMNS = {
    "length": "length", "angle": "angle", "torsion": "torsion", "decorrelation": "decorr.", "tica_0": "TICA 0",
    "tica_01": "TICA 0,1", "msm": "MSM", "stereo_retention": "stereo", "valid": "valid",
}  # fmt: skip


@app.callback()
def _group() -> None:
    """Judge trajectories against reference simulations, and conformers against reference ensembles."""


@app.command("trajectories")
def trajectories_command(
    generated: Annotated[Path, typer.Argument(metavar="GENERATED", help="Folder of molecule folders to judge.")],
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="Simulations with several replicas each.")],
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every number there.")] = None,
    oracle_replicas: Annotated[
        int, typer.Option(min=0, help="Replicas held out of the reference as MD oracle (the last ones).")
    ] = 1,
    oracle: Annotated[
        bool, typer.Option("--oracle/--no-oracle", help="Judge the held-out replicas as well, or only hold them out.")
    ] = True,
    frames: Annotated[int, typer.Option(min=2, help="Frames of a reference window.")] = 500,
    frame_ps: Annotated[float, typer.Option(help="Frame spacing at which all are compared.")] = 5.2,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the reference windows.")] = 0,
) -> None:
    """Jensen-Shannon distances, stereo and validity of GENERATED, with the MD oracle of REFERENCE beside."""
    from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
    from eginterpolator.io import write_json

    config = EvaluationConfig(
        frame_ps=frame_ps, n_frames=frames, oracle_replicas=oracle_replicas, oracle=oracle, seed=seed
    )
    result = evaluate_folders(generated, reference, config)
    if json_file is not None:
        write_json(json_file, result.to_dict())
    _print(result)
    _report(result.failures)


@app.command("conformers")
def conformers_command(
    generated: Annotated[Path, typer.Argument(metavar="GENERATED", help="Folder of <name>/conformers.sdf to judge.")],
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="Reference ensembles in the same layout.")],
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every number there.")] = None,
    delta: Annotated[float, typer.Option(help="Coverage threshold in Å: 0.5 for QM9, 1.25 or 0.75 for Drugs.")] = 0.5,
) -> None:
    """Coverage and matching (COV, MAT) of GENERATED; a failed molecule counts with coverage 0 and is listed."""
    from eginterpolator.evaluation.conformers import evaluate_conformer_folders
    from eginterpolator.io import write_json

    result = evaluate_conformer_folders(generated, reference, delta)
    if json_file is not None:
        write_json(json_file, result.to_dict())
    _print_conformers(result)
    for note in result.notes:
        print(f"note: {note}", file=sys.stderr)
    _report(result.failures)


def _report(failures: list[dict[str, str]]) -> None:
    for failure in failures:
        print(f"failed: {failure['name']}: {failure['reason']}", file=sys.stderr)
    if failures:
        raise typer.Exit(1)


def _print(result: Evaluation) -> None:
    values = result.to_dict()
    rows: dict[str, dict[str, Any]] = {}
    if result.generated or not result.oracle:
        rows[f"generated, {len(result.generated)} molecules"] = values["generated"]
    if result.oracle:
        rows[f"MD oracle, {len(result.oracle)} molecules"] = values["oracle"]
    _table("Jensen-Shannon distance to the reference, mean / median", COLUMNS, {**rows, **PUBLISHED})
    for label, row in rows.items():
        if row:
            print(f"{label}: stereo over the {row['molecules_with_stereo']} with stereo", end="")
            rigid = row["too_rigid_for_tica"]
            print(f"; too rigid for TICA: {', '.join(rigid)}" if rigid else "")


def _print_conformers(result: ConformerEvaluation) -> None:
    columns = {"cov_r": "COV-R", "mat_r": "MAT-R, Å", "cov_p": "COV-P", "mat_p": "MAT-P, Å"}
    title = f"Coverage within {result.delta} Å (shares) and matching, mean / median"
    _table(title, columns, {f"{len(result.molecules)} molecules": result.summary()})


def _table(title: str, columns: dict[str, str], rows: dict[str, dict[str, Any]]) -> None:
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
