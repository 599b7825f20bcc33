"""`egi cluster`: representative structures of trajectories and conformers, with populations."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from eginterpolator.cli import options as o


class Metric(StrEnum):
    """Distances between frames."""

    rmsd = "rmsd"
    torsion = "torsion"


def cluster_command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="An output folder, a molecule folder, conformers, a dataset, or a trajectory file.",
        ),
    ],
    metric: Annotated[
        Metric, typer.Option(help="Heavy-atom RMSD over symmetry, Å; or root mean square of torsions, degrees.")
    ] = Metric.rmsd,
    cutoff: Annotated[
        float | None, typer.Option(help="Butina's clusters of that radius; 1 Å or 30 degrees by default.")
    ] = None,
    clusters: Annotated[
        int | None, typer.Option(help="So many clusters of average linkage instead, at most 50.")
    ] = None,
    topology: o.Topology = None,
    frame_ps: Annotated[
        float | None, typer.Option("--frame-ps", help="Time between frames, where a file does not tell it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where NAME/clusters.csv go; by default the molecule's own folder.")
    ] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html anew.")] = True,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Cluster the frames of each molecule of DIR: clusters.csv, clusters.sdf (representatives), cluster_frames.csv."""
    from eginterpolator.analysis.clusters import ClusterSettings
    from eginterpolator.data.readers.base import ImportOptions
    from eginterpolator.evaluation.cluster_folders import Clustered, cluster_folders

    settings = ClusterSettings(metric.value, cutoff, clusters)
    failed, done = [], {}
    for found in cluster_folders(source, settings, out, ImportOptions(topology=topology, frame_ps=frame_ps)):
        if not isinstance(found, Clustered):
            failed.append(found)
            continue
        done[found.name] = found.table.rows
        if not (as_json or quiet):
            typer.echo(_lines(found))
    if done and report and out is None and source.is_dir():
        _rewrite(source)
    if as_json:
        failures = [{"name": each.name, "reason": each.reason} for each in failed]
        typer.echo(json.dumps({"clusters": done, "failures": failures}, indent=2))
    for each in failed:
        print(f"failed: {each.name}: {each.reason}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _lines(found) -> str:  # type: ignore[no-untyped-def]  # Clustered, which is imported late
    """A line on how, one on each of the five largest clusters, one on where they are."""
    each = found.clusters
    unit = found.table.rows[0]["unit"]
    lines = [
        f"{found.name}: {len(each.representatives)} clusters ({each.method}); {each.compared} of {each.total} frames "
        f"compared with each other, {len(each.where)} assigned to the nearest representative"
    ]
    for row in found.table.rows[:5]:
        interval = f" ({100 * row['population_low']:.3g} to {100 * row['population_high']:.3g})"
        known = interval if row["population_low"] == row["population_low"] else ""
        place = "" if row["sample"] is None else (
            f", {row['spread']:.2f} {unit} around sample {row['sample']}, frame {row['frame']}"
        )  # fmt: skip
        lines.append(f"  {row['cluster']}: {100 * row['population']:.3g} %{known}{place}")
    return "\n".join([*lines, f"  {found.folder / 'clusters.sdf'}"])


def _rewrite(folder: Path) -> None:
    """The page of a folder of trajectories; of a single molecule folder the page above it, where there is one."""
    from eginterpolator.report import write_folder_report

    if (folder / "molecule.sdf").is_file() and (folder.resolve().parent / "report.html").is_file():
        folder = folder.resolve().parent
    if (folder / "molecule.sdf").is_file() or any(folder.glob("*/molecule.sdf")):
        write_folder_report(folder)
