"""`egi simulate`: reference molecular dynamics of the molecules of INPUT."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eginterpolator.cli import options as o

if TYPE_CHECKING:
    from eginterpolator.molecule import Molecule


class ProtocolName(StrEnum):
    """The two protocols."""

    implicit = "implicit"
    explicit = "explicit"


def simulate_command(
    source: o.Source,
    protocol: Annotated[ProtocolName, typer.Option(help="OBC2 implicit solvent, or TIP3P water.")] = (
        ProtocolName.implicit
    ),
    replicas: Annotated[int, typer.Option(min=1, help="Independent runs, each from another conformer.")] = 5,
    ns: Annotated[float, typer.Option(help="Length of each replica, ns.")] = 5.0,
    save_ps: Annotated[float, typer.Option(help="Time between saved frames, ps.")] = 0.4,
    platform: Annotated[str, typer.Option(help="auto, CPU, CUDA, Reference, ...")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the CPU platform.")] = None,
    seed: o.Seed = 0,
    out: o.Out = Path("simulations"),
    overwrite: o.Overwrite = False,
    as_json: o.AsJson = False,
    stereo: o.Stereo = o.StereoMode.ask,
    quiet: o.Quiet = False,
) -> None:
    """Simulate INPUT with OpenMM and OpenFF (Sage 2.2.1, NAGL AM1-BCC charges, 300 K)."""
    from eginterpolator.cli.progress import Progress
    from eginterpolator.inputs import prepare_out, read_inputs
    from eginterpolator.simulation.forcefield import require_openmm
    from eginterpolator.simulation.job import simulate_many

    require_openmm()
    molecules, unreadable = read_inputs(source, stereo.value)
    prepare_out(out)
    with Progress(len(molecules) * replicas, quiet) as progress:
        index = -1

        def begin(molecule: Molecule) -> None:
            nonlocal index
            index += 1
            progress.describe(molecule.name)
            progress.to(index * replicas)

        result = simulate_many(
            molecules, out, protocol.value, replicas=replicas, ns=ns, save_ps=save_ps, seed=seed,
            platform=platform, threads=threads, overwrite=overwrite, failures=[vars(f) for f in unreadable],
            on_molecule=begin,
            progress=lambda replica, done, total: progress.to(index * replicas + replica + done / total),
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps({"out": str(out), "summary": result.summary, "failures": result.failures}))
    else:
        for row in result.summary:
            speed = f"{row['steps_per_second']:,} steps/s on {row['platform']}"
            state = "already done" if row["resumed"] else speed
            frames = f"{row['replicas']} x {row['n_frames']} frames of {row['frame_ps']:g} ps"
            typer.echo(f"{row['name']}: {frames}, {state}")
        typer.echo(f"{len(result.summary)} done, {len(result.failures)} failed; results in {out}")
    for row in result.failures:
        print(f"failed: {row['name']}: {row['reason']}", file=sys.stderr)
    if result.failures:
        raise typer.Exit(1)
