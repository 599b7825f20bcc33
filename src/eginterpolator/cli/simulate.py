"""`egi simulate`: reference molecular dynamics of the molecules of INPUT."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eginterpolator.cli import options as o
from eginterpolator.cli.charges import Ph, read_at_ph
from eginterpolator.cli.groups import grouped
from eginterpolator.cli.plan import DryRun, dry_run

if TYPE_CHECKING:
    from eginterpolator.chemistry.molecule import Molecule


class ProtocolName(StrEnum):
    """The protocols."""

    implicit = "implicit"
    vacuum = "vacuum"
    explicit = "explicit"


@dataclass(frozen=True)
class SimulationJob(o.LoggedJobOptions):
    """A job whose threads are those of the engine."""

    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the engine, here or on each worker.")] = None


@grouped
def simulate_command(
    source: o.Source,
    *,
    protocol: Annotated[ProtocolName, typer.Option(help="OBC2 implicit solvent, no solvent, or TIP3P water.")] = (
        ProtocolName.implicit
    ),
    engine: Annotated[
        str, typer.Option(help="auto, lanes (implicit and vacuum, 16 replicas together), or openmm.")
    ] = "auto",
    replicas: Annotated[
        int | None, typer.Option(min=1, help="Independent runs, each from another conformer; 16 with lanes, else 5.")
    ] = None,
    ns: Annotated[float, typer.Option(help="Length of each replica, ns.")] = 5.0,
    save_ps: Annotated[float, typer.Option(help="Time between saved frames, ps.")] = 0.4,
    temperature: Annotated[float, typer.Option(help="Temperature, K.")] = 300.0,
    friction: Annotated[float, typer.Option(help="Friction of the thermostat, 1/ps.")] = 1.0,
    exchange: Annotated[
        str | None, typer.Option(metavar="K:K", help="Replica exchange between two temperatures, e.g. 300:600 (lanes).")
    ] = None,
    platform: Annotated[str, typer.Option(help="auto, a number of lanes, or CPU, CUDA, Reference, ...")] = "auto",
    ph: Ph = None,
    name: o.Name = None,
    out: o.Out = Path("simulations"),
    overwrite: o.Overwrite = False,
    dry: DryRun = False,
    job: SimulationJob,
) -> None:
    """Simulate INPUT with OpenFF (Sage 2.2.1, NAGL AM1-BCC charges) in SIMD lanes or OpenMM."""
    from eginterpolator.cli.progress import Progress
    from eginterpolator.files.inputs import prepare_out
    from eginterpolator.simulation.exchange import Ladder
    from eginterpolator.simulation.job import simulate_many
    from eginterpolator.simulation.parameters import require_openmm
    from eginterpolator.simulation.protocol import protocol_named
    from eginterpolator.simulation.speed import START_SECONDS

    helpers = job.begin()
    require_openmm()
    rungs = Ladder.parse(exchange) if exchange else None
    chosen = protocol_named(
        protocol.value, temperature_K=rungs.low_K if rungs else temperature, friction_per_ps=friction
    )
    molecules, failures = read_at_ph(job, source, name, ph, protocol is not ProtocolName.vacuum)
    seconds = {each.name: _seconds(each, protocol.value, engine, replicas, ns) for each in molecules}
    if dry:
        rows = [(name, f"{what}, {protocol.value}", told, ()) for name, (what, told) in seconds.items()]
        dry_run(rows, failures, START_SECONDS)
        return
    prepare_out(out)
    weights = {name: told for name, (_, told) in seconds.items()}
    with Progress(max(1e-3, sum(weights.values())), job.quiet, START_SECONDS) as progress:
        result = simulate_many(
            molecules, out, chosen, replicas=replicas, ns=ns, save_ps=save_ps, seed=job.seed, engine=engine,
            platform=platform, threads=job.threads, exchange=rungs, overwrite=overwrite, failures=failures,
            hooks=progress.hooks(1, weights), workers=helpers,
        )  # fmt: skip
    if not job.as_json:
        for row in result.rows:
            typer.echo(_line(row))
    o.finish(result, job.as_json)


def _seconds(molecule: Molecule, protocol: str, engine: str, replicas: int | None, ns: float) -> tuple[str, float]:
    """The engine of a molecule and the seconds that it is expected to take, the start of the process left out."""
    from eginterpolator.simulation.speed import expected_simulation

    return expected_simulation(protocol, engine, molecule.n_atoms, replicas, ns)


def _line(row: dict[str, Any]) -> str:
    text = f"{row['name']}: {row['replicas']} x {row['n_frames']} frames of {row['frame_ps']:g} ps"
    if row["resumed"]:
        return f"{text}, already done"
    if "ns_per_day" not in row:
        return f"{text}, {row['round_trips']} round trips between {row['temperatures_K'][0]:g} and " + (
            f"{row['temperatures_K'][-1]:g} K, {row['seconds']:.0f} s on {row['platform']}"
        )
    density = f", {row['mean_density_g_ml']} g/ml" if row["mean_density_g_ml"] else ""
    speed = f"{row['ns_per_day']:,} ns/day ({row['steps_per_second']:,} steps/s) on {row['platform']}"
    return f"{text}, {speed}{density}"
