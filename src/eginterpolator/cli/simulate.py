"""`egi simulate`: reference molecular dynamics of the molecules of INPUT."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from eginterpolator.cli import options as o
from eginterpolator.cli.groups import grouped


class ProtocolName(StrEnum):
    """The two protocols."""

    implicit = "implicit"
    explicit = "explicit"


@dataclass(frozen=True)
class SimulationJob(o.JobOptions):
    """A job whose threads are OpenMM's."""

    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the CPU platform, here or on each worker.")] = (
        None
    )


@grouped
def simulate_command(
    source: o.Source,
    *,
    protocol: Annotated[ProtocolName, typer.Option(help="OBC2 implicit solvent, or TIP3P water.")] = (
        ProtocolName.implicit
    ),
    replicas: Annotated[int, typer.Option(min=1, help="Independent runs, each from another conformer.")] = 5,
    ns: Annotated[float, typer.Option(help="Length of each replica, ns.")] = 5.0,
    save_ps: Annotated[float, typer.Option(help="Time between saved frames, ps.")] = 0.4,
    platform: Annotated[str, typer.Option(help="auto, CPU, CUDA, Reference, ...")] = "auto",
    out: o.Out = Path("simulations"),
    overwrite: o.Overwrite = False,
    job: SimulationJob,
) -> None:
    """Simulate INPUT with OpenMM and OpenFF (Sage 2.2.1, NAGL AM1-BCC charges, 300 K)."""
    from eginterpolator.cli.progress import Progress
    from eginterpolator.files.inputs import prepare_out
    from eginterpolator.simulation.forcefield import require_openmm
    from eginterpolator.simulation.job import simulate_many

    o.set_logging(False, job.quiet)
    require_openmm()
    helpers = job.helpers()
    molecules, failures = job.read(source)
    prepare_out(out)
    with Progress(len(molecules) * replicas, job.quiet) as progress:
        result = simulate_many(
            molecules, out, protocol.value, replicas=replicas, ns=ns, save_ps=save_ps, seed=job.seed,
            platform=platform, threads=job.threads, overwrite=overwrite, failures=failures,
            hooks=progress.hooks(replicas), workers=helpers,
        )  # fmt: skip
    if not job.as_json:
        for row in result.rows:
            typer.echo(_line(row))
    o.finish(result, job.as_json)


def _line(row: dict[str, Any]) -> str:
    text = f"{row['name']}: {row['replicas']} x {row['n_frames']} frames of {row['frame_ps']:g} ps"
    if row["resumed"]:
        return f"{text}, already done"
    density = f", {row['mean_density_g_ml']} g/ml" if row["mean_density_g_ml"] else ""
    speed = f"{row['ns_per_day']:,} ns/day ({row['steps_per_second']:,} steps/s) on {row['platform']}"
    return f"{text}, {speed}{density}"
