"""What `egi data import` was given, and the reader for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eginterpolator.data.readers.base import ImportOptions, Reader
from eginterpolator.data.readers.confgf import GraphPickles
from eginterpolator.data.readers.folders import MoleculeFolders, ThermalFolders
from eginterpolator.data.readers.geom import Geom, find_summaries
from eginterpolator.data.readers.md_import import TrajectoryFiles, one_simulation
from eginterpolator.data.readers.published import LAYOUT, PublishedSimulations, find_replicas
from eginterpolator.errors import InputError

FORMATS = ("folders", "thermal", "geom", "confgf", "published", "table", "trajectory")
PICKLES = (".pkl", ".pickle")


def open_source(paths: Sequence[Path], kind: str | None = None, options: ImportOptions | None = None) -> Reader:
    """The reader of what lies at `paths`, recognised unless `kind` (one of `FORMATS`) names it.

    Raises
    ------
    InputError
        When a path is missing, its kind is not recognised or unknown, or what a reader needs was not given.
    """
    options = options or ImportOptions()
    if not paths:
        raise InputError("Name what to import: a folder, pickles, or trajectory files.")
    for path in paths:
        if not path.exists():
            raise InputError(f"There is no file or folder '{path}'.")
    if kind is not None and kind not in FORMATS:
        raise InputError(f"'{kind}' is no format; use one of {', '.join(FORMATS)}.")
    kind = kind or recognise(paths)
    if kind not in ("confgf", "trajectory") and len(paths) > 1:
        raise InputError(f"Give one source at a time of the format '{kind}'; there are {len(paths)}.")
    source, stride = paths[0], options.stride
    if stride < 1:
        raise InputError(f"A stride of {stride} is impossible; give 1 for every frame, 2 for every second one.")
    match kind:
        case "folders":
            return MoleculeFolders.open(source, stride)
        case "thermal":
            return ThermalFolders.open(source)
        case "geom":
            return Geom.open(source, options.subset, options.most)
        case "confgf":
            return GraphPickles.open(paths, options.most)
        case "published":
            return PublishedSimulations.open(source, options.split, stride, options.frame_ps)
        case "table":
            return TrajectoryFiles.of_table(source, stride)
    if options.topology is None:
        raise InputError(f"'{source}' needs a topology: give a PDB, SDF or MOL2 file with --topology.")
    return one_simulation(
        paths, options.topology, name=options.name, molecule=options.molecule, residue=options.residue,
        charge=options.charge, frame_ps=options.frame_ps, stride=stride,
    )  # fmt: skip


def recognise(paths: Sequence[Path]) -> str:
    """One of `FORMATS`, by what the first path is or holds.

    Raises
    ------
    InputError
        When a folder holds nothing that is known.
    """
    path = paths[0]
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix in PICKLES:
            return "confgf"
        if suffix == ".json":
            return "geom"
        return "table" if suffix == ".csv" else "trajectory"
    if find_summaries(path):
        return "geom"
    if next(path.glob("[!.]*/frames.npz"), None):
        return "thermal"
    if next(path.glob("[!.]*/molecule.sdf"), None):
        return "folders"
    if find_replicas(path):
        return "published"
    raise InputError(
        f"'{path}' holds nothing that can be imported: no molecule folders (<name>/molecule.sdf), no summary_*.json of "
        f"GEOM, no published simulations ({LAYOUT}); name the files themselves."
    )
