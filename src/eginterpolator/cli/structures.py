"""`egi data conformers` and `egi data thermal-md`: structures of many molecules, computed here."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eginterpolator.cli import options as o
from eginterpolator.cli.groups import grouped

if TYPE_CHECKING:
    from eginterpolator.simulation.spread import SpreadSettings


class Method(StrEnum):
    """How embedded structures are minimised."""

    mmff = "mmff"
    sage = "sage"
    xtb = "xtb"


class Starts(StrEnum):
    """Where structures come from."""

    etkdg = "etkdg"
    mixed = "mixed"


@grouped
def conformers_command(
    source: o.Source,
    *,
    method: Annotated[
        Method, typer.Option(help="mmff (MMFF94s), sage (OpenFF Sage in OBC2, as egi simulate), or xtb (GFN2-xTB).")
    ] = Method.mmff,
    num: Annotated[int, typer.Option(min=1, help="Structures to start from; minima that are there are left out.")] = 50,
    starts: Annotated[
        Starts,
        typer.Option(help="etkdg, or mixed: half from ETKDG, half far apart from replicas at 500 K; extra \\[md]."),
    ] = Starts.etkdg,
    window_kcal: Annotated[float, typer.Option(help="Highest energy above the lowest, kcal/mol.")] = 6.0,
    rmsd: Annotated[float, typer.Option(help="Minima nearer than this are duplicates, Å.")] = 0.125,
    temperature: Annotated[float, typer.Option(help="Of the Boltzmann weights, K.")] = 298.15,
    out: Annotated[Path, typer.Option(help="The dataset to write, .h5.")] = Path("conformers.h5"),
    exclude: o.Exclude = None,
    with_held_out: o.WithHeldOut = False,
    overwrite: o.Overwrite = False,
    job: o.LoggedJobOptions,
) -> None:
    """Conformer ensembles of INPUT: minimised, without duplicates, with energies and Boltzmann weights."""
    helpers = job.begin()
    molecules, failures = job.read(source)
    from eginterpolator.cli.progress import Progress
    from eginterpolator.data.conformers import ConformerSettings, build_conformers

    settings = ConformerSettings(
        method=method.value, embed=num, starts=starts.value, duplicate_rmsd_angstrom=rmsd,
        energy_window_kcal=window_kcal, temperature_K=temperature, seed=job.seed,
    )  # fmt: skip
    with Progress(len(molecules), job.quiet) as progress:
        result = build_conformers(
            molecules, out, settings, exclude=exclude or [], with_held_out=with_held_out, failures=failures,
            overwrite=overwrite, hooks=progress.hooks(1), workers=helpers,
        )  # fmt: skip
    if not job.as_json:
        typer.echo(f"dataset: {out}")
    o.finish(result, job.as_json)


@grouped
def thermal_md_command(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="qm9 (the package qm9pack), a SMILES, a .smi, .csv or .sdf file.")
    ],
    *,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Molecules to take; of QM9 in a seeded random order.")
    ] = None,
    replicas: Annotated[int, typer.Option(min=1, help="Runs of each molecule, from different conformers.")] = 16,
    ps: Annotated[float, typer.Option(help="Length of each run, ps.")] = 120.0,
    save_ps: Annotated[float, typer.Option(help="Time between saved frames, ps.")] = 1.2,
    temperature: Annotated[float, typer.Option(help="Temperature, K.")] = 300.0,
    friction: Annotated[float, typer.Option(help="Friction of the thermostat, 1/ps.")] = 1.0,
    engine: Annotated[str, typer.Option(help="auto, lanes or openmm.")] = "auto",
    temperatures: Annotated[
        str | None,
        typer.Option(
            metavar="K:K",
            help="Instead of replicas: lanes that exchange temperatures in this range (250:500), in OBC2, then in "
            "vacuum, then minima; every structure has its ensemble and temperature.",
        ),
    ] = None,
    frames: Annotated[
        str, typer.Option(metavar="N:N", help="With --temperatures: structures of each rung in OBC2 and in vacuum.")
    ] = "5:3",
    frame_ps: Annotated[float, typer.Option(help="With --temperatures: time between these structures, ps.")] = 8.0,
    out: Annotated[Path, typer.Option(help="Output folder; egi data thermal makes a dataset of it.")] = Path("thermal"),
    exclude: o.Exclude = None,
    with_held_out: o.WithHeldOut = False,
    job: o.LoggedJobOptions,
) -> None:
    """Thermal structures: short MD in OBC2 implicit solvent from several conformers of each molecule."""
    helpers = job.begin()
    from itertools import islice

    from eginterpolator.cli.progress import Progress
    from eginterpolator.data.splits import exclusions
    from eginterpolator.data.spread import run_spread
    from eginterpolator.data.thermal import ThermalConfig, candidates, run_thermal
    from eginterpolator.errors import InputError
    from eginterpolator.files.inputs import Failure

    config = ThermalConfig(
        replicas=replicas, production_ps=ps, save_ps=save_ps, temperature_K=temperature, friction_per_ps=friction,
        engine=engine, seed=job.seed,
    )  # fmt: skip
    spread = None if temperatures is None else _spread(temperatures, frames, frame_ps, friction)
    excluded = exclusions(exclude or [], with_held_out)
    failures: list[Failure] = []
    if source == "qm9":
        if limit is None:
            raise InputError("QM9 has 130,000 molecules; say with --limit how many to take.")
        molecules = list(islice(candidates(config, excluded), limit))
    else:
        found, failures = job.read(source)
        molecules = [molecule for molecule in found if molecule.split_key not in excluded][:limit]
        for reason, count in Counter(excluded[m.split_key] for m in found if m.split_key in excluded).items():
            typer.echo(f"{count} left out: {reason}", err=True)
    with Progress(len(molecules), job.quiet) as progress:
        shared: dict[str, Any] = {"failures": failures, "hooks": progress.hooks(1), "workers": helpers}
        if spread is None:
            result = run_thermal(molecules, out, config, **shared)
        else:
            result = run_spread(molecules, out, spread, job.seed, **shared)
    o.finish(result, job.as_json)


def _spread(temperatures: str, frames: str, frame_ps: float, friction: float) -> SpreadSettings:
    """Settings of `--temperatures` and `--frames`; InputError where they are none."""
    from eginterpolator.errors import InputError
    from eginterpolator.simulation.spread import SpreadSettings

    try:
        low, high = (float(part) for part in temperatures.split(":"))
        water, vacuum = (int(part) for part in frames.split(":"))
    except ValueError as error:
        raise InputError(
            f"'{temperatures}' and '{frames}' are no ranges; write for example --temperatures 250:500 --frames 5:3."
        ) from error
    return SpreadSettings(
        low_K=low, high_K=high, obc2_frames=water, vacuum_frames=vacuum, frame_ps=frame_ps, friction_per_ps=friction,
    )  # fmt: skip
