"""`egi convert`: trajectories in the formats of other programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from eginterpolator.cli import options as o


def convert_command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="A molecule folder, a folder of these or of conformers, a dataset (.h5), a table of trajectories "
            "(.csv), or a trajectory file.",
        ),
    ],
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to", help="sdf, pdb (models), dcd, xtc, npz, h5, gro or xyz; pdb by default. Give it once for each."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Output folder, a sub-folder a molecule; or a file such as movie.pdb.")
    ] = Path("converted"),
    align: Annotated[bool, typer.Option("--align", help="Superpose the heavy atoms on the first frame.")] = False,
    states: Annotated[
        bool, typer.Option("--states", help="Only the frame that shows each rotamer state, in one file.")
    ] = False,
    frames: Annotated[
        str, typer.Option(metavar="A:B:C", help="From frame A to before B, every C-th, counted from 0.")
    ] = ":",
    topology: o.Topology = None,
    molecule: Annotated[
        str | None, typer.Option(help="Of a trajectory file: SMILES or SDF, for bond orders that its PDB lacks.")
    ] = None,
    frame_ps: Annotated[
        float | None, typer.Option(help="Of a trajectory file: time between its frames, ps; goes before what it says.")
    ] = None,
    as_json: o.AsJson = False,
) -> None:
    """Write INPUT as SDF, multi-model PDB, DCD, XTC, NPZ, HDF5 or GRO, with scripts that open it in PyMOL and VMD."""
    from eginterpolator.data.readers.base import ImportOptions
    from eginterpolator.report.export import ExportSettings, export, frames_slice

    formats = tuple({"hdf5": "h5"}.get(each, each) for each in (text.lower().lstrip(".") for text in to or ["pdb"]))
    settings = ExportSettings(tuple(dict.fromkeys(formats)), frames_slice(frames), align, states)
    result = export(source, out, settings, ImportOptions(topology=topology, molecule=molecule, frame_ps=frame_ps))
    if as_json:
        files = [str(path) for path in result.files]
        typer.echo(json.dumps({"files": files, "molecules": result.molecules, "failures": result.failures}, indent=2))
    else:
        scripts = [path for path in result.files if path.suffix in (".pml", ".tcl")]
        where = out.parent if out.suffix and not out.is_dir() else out
        typer.echo(f"{len(result.molecules)} converted: {len(result.files) - len(scripts)} files in {where}")
        for path in scripts[:2]:
            typer.echo(f"open them by: {'pymol' if path.suffix == '.pml' else 'vmd -e'} {path}")
    for note in result.notes:
        print(f"note: {note}", file=sys.stderr)
    for failure in result.failures:
        print(f"failed: {failure['name']}: {failure['reason']}", file=sys.stderr)
    if result.failures:
        raise typer.Exit(1)
