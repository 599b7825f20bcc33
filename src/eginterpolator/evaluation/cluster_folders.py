"""Clusters of folders, datasets and trajectory files: `clusters.csv`, `clusters.sdf` and `cluster_frames.csv`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.analysis.clusters import METRICS, Clusters, ClusterSettings, find_clusters
from eginterpolator.analysis.tables import write_representatives
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.readers.base import ImportOptions
from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.sources import Source, read_source, trajectory_sources
from eginterpolator.files.inputs import Failure
from eginterpolator.files.io import write_text
from eginterpolator.files.notebook import Table
from eginterpolator.files.sdf import sdf_molecule
from eginterpolator.files.trajectory import Trajectory

COLUMNS = (
    "cluster", "population", "population_low", "population_high", "frames", "spread", "unit", "sample", "frame",
    "time_ps", "metric", "method", "frames_compared", "frames_assigned", "frames_in_all", "interval_from",
)  # fmt: skip


@dataclass(frozen=True)
class Clustered:
    """What became of a molecule: the table of `clusters.csv`, and the folder that it is in."""

    name: str
    folder: Path
    table: Table
    clusters: Clusters


def cluster_sources(path: str | os.PathLike[str], options: ImportOptions | None = None) -> dict[str, Source | Path]:
    """Name -> what there is to cluster in a path.

    A molecule folder, a folder of them, one of `conformers.sdf`, a dataset, a table, or a trajectory file (as
    `trajectory_sources` takes them).

    Raises
    ------
    InputError
        When there is nothing.
    """
    root = Path(path)
    if root.is_dir():
        if (root / "molecule.sdf").is_file() or (root / "conformers.sdf").is_file():
            return {root.resolve().name: root}
        ensembles = sorted(file.parent for file in root.glob("[!.]*/conformers.sdf"))
        if ensembles and not any(root.glob("*/molecule.sdf")):
            return {folder.name: folder for folder in ensembles}
    return dict(trajectory_sources(root, options))


def cluster_folders(
    path: str | os.PathLike[str],
    settings: ClusterSettings | None = None,
    out: str | os.PathLike[str] | None = None,
    options: ImportOptions | None = None,
) -> Iterator[Clustered | Failure]:
    """Cluster each molecule of a path, and write its files.

    Parameters
    ----------
    path : path
        As `cluster_sources` takes it.
    settings : ClusterSettings, optional
    out : path, optional
        Where `NAME/clusters.csv` ... go; by default the molecule's own folder, and `clusters` for other sources.
    options : ImportOptions, optional
        What a trajectory file does not tell: `topology`, `frame_ps`.

    Yields
    ------
    Clustered or Failure
        One a molecule, as they are done.

    Raises
    ------
    InputError
        When there is nothing to cluster.
    """
    settings = settings or ClusterSettings()
    for name, source in cluster_sources(path, options).items():
        own = source if isinstance(source, Path) and out is None else Path(out or "clusters") / name
        try:
            molecule, trajectories, timed = _read(source)
            found = find_clusters(molecule, [x.positions for x in trajectories], settings)
        except EGIError as error:
            yield Failure(name, "", str(error))
            continue
        yield Clustered(name, own, _write(own, trajectories, found, settings, timed), found)


def _read(source: Source | Path) -> tuple[Molecule, list[Trajectory], bool]:
    """Molecule, trajectories, and whether their frames have times; conformers are one trajectory without."""
    if isinstance(source, Path) and not (source / "molecule.sdf").is_file():
        molecule = sdf_molecule(source / "conformers.sdf")[0]
        positions = np.stack([c.GetPositions() for c in molecule.rdmol.GetConformers()])
        return molecule, [Trajectory(Molecule(molecule.rdmol, source.resolve().name), positions, 1.0)], False
    molecule, trajectories, _ = read_source(source)
    for trajectory in trajectories:
        if not np.isfinite(trajectory.positions).all():
            raise InputError(f"'{source}' has coordinates that are not finite.")
    return molecule, trajectories, True


def _write(
    folder: Path, trajectories: list[Trajectory], found: Clusters, settings: ClusterSettings, timed: bool
) -> Table:
    rows: list[dict[str, Any]] = []
    for k, (share, low, high) in enumerate(found.population.tolist()):
        row: dict[str, Any] = {
            "cluster": f"C{k + 1}", "population": share, "population_low": low, "population_high": high,
            "frames": int(found.frames[k]), "unit": METRICS[settings.metric][0], "metric": settings.metric,
            "method": found.method, "frames_compared": found.compared, "frames_assigned": len(found.where),
            "frames_in_all": found.total, "interval_from": found.groups,
        }  # fmt: skip
        if k < len(found.representatives):
            sample, frame = found.representatives[k].tolist()
            time = frame * trajectories[sample].frame_ps if timed else None
            row |= {"spread": float(found.spread[k]), "sample": sample, "frame": frame, "time_ps": time}
        else:
            row["cluster"] = "rest"
        rows.append(row)
    table = Table(COLUMNS, rows, f"{found.method}; {found.compared} of {found.total} frames compared with each other.")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "clusters.csv", table.to_csv())
    shown = [row for row in table.rows if row["sample"] is not None]
    write_representatives(folder / "clusters.sdf", trajectories, shown, "cluster")
    names = [row["cluster"] for row in rows]
    lines = [f"{s},{f},{names[c]}\n" for (s, f), c in zip(found.where.tolist(), found.of_frames.tolist(), strict=True)]
    write_text(folder / "cluster_frames.csv", "sample,frame,cluster\n" + "".join(lines))
    return table
