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
from eginterpolator.errors import InputError

if TYPE_CHECKING:
    from eginterpolator.chemistry.molecule import Molecule

WATER = "water"
"""Of --friction."""


class BoxName(StrEnum):
    """The boxes of water."""

    published = "published"
    small = "small"


class ExportForm(StrEnum):
    """What a system can be written for."""

    gromacs = "gromacs"
    openmm = "openmm"
    amber = "amber"


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
        str,
        typer.Option(help="auto, lanes (implicit and vacuum, 16 replicas together), openmm, or gromacs (explicit)."),
    ] = "auto",
    box: Annotated[
        BoxName, typer.Option(help="Of explicit water: a cube with 1.5 nm padding, or a small dodecahedron (gromacs).")
    ] = BoxName.published,
    replicas: Annotated[
        int | None, typer.Option(min=1, help="Independent runs, each from another conformer; 16 with lanes, else 5.")
    ] = None,
    ns: Annotated[float, typer.Option(help="Length of each replica, ns.")] = 5.0,
    save_ps: Annotated[float, typer.Option(help="Time between saved frames, ps.")] = 0.4,
    temperature: Annotated[float, typer.Option(help="Temperature, K.")] = 300.0,
    friction: Annotated[
        str, typer.Option(help="Friction of the thermostat, 1/ps; or water: implicit at water's pace, 20/ps.")
    ] = "1.0",
    force_field: Annotated[str, typer.Option(help="An OpenFF force field that is installed.")] = "openff-2.2.1",
    charges: Annotated[
        str,
        typer.Option(help="nagl, given (atom.dprop.PartialCharge of the SDF), gasteiger (tests), or a NAGL model."),
    ] = "nagl",
    export: Annotated[
        ExportForm | None, typer.Option(help="Write the system and its settings for this engine instead of running it.")
    ] = None,
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
    """Simulate INPUT with OpenFF (Sage 2.2.1, NAGL AM1-BCC charges) in SIMD lanes, OpenMM or GROMACS."""
    from eginterpolator.cli.progress import Progress
    from eginterpolator.files.inputs import prepare_out
    from eginterpolator.simulation.exchange import Ladder
    from eginterpolator.simulation.export.folder import ExportSettings
    from eginterpolator.simulation.job import export_many, simulate_many
    from eginterpolator.simulation.parameters import CHARGES, require_openmm
    from eginterpolator.simulation.protocol import BOXES, protocol_named
    from eginterpolator.simulation.speed import START_SECONDS

    helpers = job.begin()
    require_openmm()
    rungs = Ladder.parse(exchange) if exchange else None
    if protocol is not ProtocolName.explicit and box is not BoxName.published:
        raise InputError(f"--box {box.value} is of explicit water; give --protocol explicit as well.")
    chosen = protocol_named(
        protocol.value, temperature_K=rungs.low_K if rungs else temperature, force_field=f"{force_field}.offxml",
        charge_model=CHARGES.get(charges, charges), **_friction(friction, protocol),
        **(BOXES[box.value] if protocol is ProtocolName.explicit else {}),
    )  # fmt: skip
    if export is not None and rungs is not None:
        raise InputError("--exchange runs here, and --export does not run; give one of them.")
    molecules, failures = read_at_ph(job, source, name, ph, protocol is not ProtocolName.vacuum)
    seconds = {each.name: _seconds(each, protocol.value, engine, replicas, ns) for each in molecules}
    if dry:
        rows = [(name, f"{what}, {protocol.value}", told, ()) for name, (what, told) in seconds.items()]
        dry_run(rows, failures, START_SECONDS)
        return
    prepare_out(out)
    if export is not None:
        settings = ExportSettings(form=export.value, ns=ns, save_ps=save_ps, seed=job.seed)
        with Progress(len(molecules), job.quiet) as progress:
            result = export_many(
                molecules, out, chosen, settings, overwrite=overwrite, failures=failures, hooks=progress.hooks(1),
                workers=helpers,
            )  # fmt: skip
        for row in result.rows if not job.as_json else ():
            typer.echo(f"{row['name']}: {row['n_particles']:,} atoms for {row['export']}{_noted(row)}")
        o.finish(result, job.as_json)
        return
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


def _friction(text: str, protocol: ProtocolName) -> dict[str, Any]:
    """Settings of a protocol that `--friction` stands for."""
    if text == WATER:
        if protocol is not ProtocolName.implicit:
            raise InputError(f"--friction {WATER} is of implicit solvent; give a number for '{protocol.value}'.")
        return {"friction": WATER}
    from eginterpolator.simulation.protocol import friction_named

    return {"friction_per_ps": friction_named(text)}


def _noted(row: dict[str, Any]) -> str:
    return "".join(f"\n  {note}" for note in row["notes"])


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
