"""`egi data`: build, show and check datasets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eginterpolator.cli import options as o
from eginterpolator.cli.groups import grouped
from eginterpolator.cli.structures import conformers_command, thermal_md_command

if TYPE_CHECKING:
    from eginterpolator.data.readers.base import Reader

app = typer.Typer(no_args_is_help=True)
app.command("conformers")(conformers_command)
app.command("thermal-md")(thermal_md_command)

OutStore = Annotated[Path, typer.Option(help="The dataset to write, .h5.")]
Stride = Annotated[int, typer.Option(min=1, help="Keep every so manieth frame.")]
Most = Annotated[
    int | None, typer.Option("--max-conformers", min=1, help="Conformers of a molecule to keep, by largest weight.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after this many molecules.")]
Stores = Annotated[list[Path], typer.Argument(help="Datasets.")]


class Subset(StrEnum):
    """Summaries of GEOM."""

    qm9 = "qm9"
    drugs = "drugs"


@dataclass(frozen=True)
class BuildOptions:
    """What is left out of a dataset, and what is told of it."""

    exclude: o.Exclude = None
    with_held_out: o.WithHeldOut = False
    as_json: o.AsJson = False
    quiet: o.Quiet = False


@app.command("qm9")
@grouped
def qm9_command(
    *,
    out: OutStore = Path("qm9.h5"),
    limit: Limit = None,
    build: BuildOptions,
) -> None:
    """All QM9 geometries of the package qm9pack."""
    from eginterpolator.data.readers.qm9 import QM9

    _build(QM9(), out, build, limit)


@app.command("geom")
@grouped
def geom_command(
    source: Annotated[Path, typer.Argument(help="GEOM's rdkit_folder, or one of its summary_*.json.")],
    *,
    subset: Annotated[Subset | None, typer.Option(help="Which summary, where the folder has several.")] = None,
    most: Most = None,
    out: OutStore = Path("geom.h5"),
    limit: Limit = None,
    build: BuildOptions,
) -> None:
    """Conformers of GEOM as published: a summary and one pickle a molecule, read without running them."""
    from eginterpolator.data.readers.geom import Geom

    _build(Geom.open(source, subset and subset.value, most), out, build, limit)


@app.command("import")
@grouped
def import_command(
    sources: Annotated[
        list[Path],
        typer.Argument(help="A folder of molecule folders, GEOM or published simulations; pickles; trajectory files."),
    ],
    *,
    out: OutStore = Path("trajectories.h5"),
    kind: Annotated[
        str,
        typer.Option(
            "--format",
            help="What it is: folders, thermal, geom, confgf, published, table, trajectory; recognised by default.",
        ),
    ] = "auto",
    topology: Annotated[Path | None, typer.Option(help="Of trajectory files: PDB, SDF or MOL2.")] = None,
    molecule: Annotated[
        str | None, typer.Option(help="Of trajectory files: SMILES or SDF of the solute, for its bond orders.")
    ] = None,
    residue: Annotated[str | None, typer.Option(help="Residue name of the solute in the PDB.")] = None,
    charge: Annotated[int, typer.Option(help="Total charge of the solute, where no --molecule is given.")] = 0,
    name: Annotated[str, typer.Option(help="Name of the molecule; that of the topology file by default.")] = "",
    frame_ps: Annotated[
        float | None, typer.Option(help="Time between the frames of the files, ps; goes before what they tell.")
    ] = None,
    stride: Stride = 1,
    split: Annotated[str | None, typer.Option(help="Of published simulations: train, val or test.")] = None,
    subset: Annotated[Subset | None, typer.Option(help="Of GEOM: which summary.")] = None,
    most: Most = None,
    limit: Limit = None,
    build: BuildOptions,
) -> None:
    """Data of other origin: simulations, published sets, trajectory files; what is left out is counted by reason.

    A CSV with the columns name, trajectory, topology (and molecule, frame_ps, residue, charge) names many trajectories.
    """
    from eginterpolator.data.readers.base import ImportOptions
    from eginterpolator.data.readers.recognise import open_source

    options = ImportOptions(
        topology=topology, molecule=molecule, residue=residue, charge=charge, name=name, frame_ps=frame_ps,
        stride=stride, subset=subset and subset.value, split=split, most=most,
    )  # fmt: skip
    reader = open_source(sources, None if kind == "auto" else kind, options)
    _build(reader, out, build, limit)


@app.command("thermal")
@grouped
def thermal_command(
    folder: Annotated[Path, typer.Argument(help="Folder of thermal structures, as egi data thermal-md writes it.")],
    *,
    out: OutStore = Path("thermal.h5"),
    build: BuildOptions,
) -> None:
    """Thermal structures of short simulations."""
    from eginterpolator.data.readers.folders import ThermalFolders

    _build(ThermalFolders.open(folder), out, build)


@app.command("torsion-times")
def torsion_times_command(
    stores: Stores,
    out: Annotated[Path, typer.Option(help="The file to write, .json.")] = Path("torsion_times.json"),
    held_out: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of the molecules to judge the estimates on instead.")
    ] = 0.1,
) -> None:
    """How long torsions remember, by class of bond, from the simulations of datasets: the memory of a model's noise."""
    from eginterpolator.data.torsion_fit import fit_times, write_times

    times, facts = fit_times(stores, held_out)
    write_times(out, times, facts)
    _echo(facts)


@app.command("split")
def split_command(
    store: Annotated[Path, typer.Argument(help="A dataset.")],
    out: Annotated[Path, typer.Option(help="Folder for train.h5, validation.h5 and test.h5.")] = Path("split"),
    validation: Annotated[float, typer.Option(help="Share of the molecules.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the molecules.")] = 0.1,
    as_json: o.AsJson = False,
) -> None:
    """Split a dataset by molecule: isomers stay together, and every dataset agrees on the side of a molecule."""
    from eginterpolator.data.build import split_store

    manifests = split_store(store, out, validation, test)
    if as_json:
        _echo(manifests)
    for part, manifest in manifests.items() if not as_json else ():
        typer.echo(f"{part}: {manifest['molecules']} molecules in {out / manifest['file']}")


@app.command("info")
def info_command(
    store: Annotated[Path, typer.Argument(help="A dataset.")],
    plot: Annotated[Path | None, typer.Option(help="Draw the distributions into this .png, .svg or .pdf.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """What a dataset holds: a table, and how sizes, elements and frame spacing are distributed."""
    from eginterpolator.data.info import describe
    from eginterpolator.data.info import plot as draw

    facts = describe(store)
    if plot is not None:
        draw(facts, plot, store.name)
    if as_json:
        _echo(facts)
        return
    from eginterpolator.cli.dataset_tables import print_facts

    print_facts(facts, store)


@app.command("check")
def check_command(stores: Stores) -> None:
    """Read every array and compare the manifest's hashes; names the file and group of every fault, and exits 1."""
    from eginterpolator.data.check import check, read_manifest

    faulty = False
    for store in stores:
        faults = check(store)
        faulty = faulty or bool(faults)
        for fault in faults:
            typer.echo(f"damaged: {fault}")
        if not faults and read_manifest(store) is None:
            typer.echo(f"{store}: has no manifest; all arrays have the hashes they were written with")
        elif not faults:
            typer.echo(f"{store}: file, groups and arrays are what the manifest says")
    if faulty:
        raise typer.Exit(1)


def _build(reader: Reader, out: Path, options: BuildOptions, limit: int | None = None) -> None:
    """Build, show what was kept and dropped; exit 1 when files could not be read."""
    from eginterpolator.cli.progress import Progress
    from eginterpolator.data.build import build

    with Progress(min(reader.total, limit or reader.total), options.quiet) as progress:

        def told(done: int, name: str) -> None:
            progress.describe(name)
            progress.to(done)

        manifest = build(reader, out, options.exclude or [], limit, told, options.with_held_out)
    if options.as_json:
        _echo(manifest)
    else:
        from eginterpolator.cli.dataset_tables import print_manifest

        print_manifest(manifest, out)
    for name, reason in manifest["failures"].items():
        typer.echo(f"failed: {name}: {reason}", err=True)
    if manifest["failures"]:
        raise typer.Exit(1)


def _echo(values: dict[str, Any]) -> None:
    typer.echo(json.dumps(values, indent=2))
