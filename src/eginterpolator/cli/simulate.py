"""`egi simulate`: reference molecular dynamics of the molecules of INPUT."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from eginterpolator.molecule import Molecule


class ProtocolName(StrEnum):
    """The two protocols."""

    implicit = "implicit"
    explicit = "explicit"


class StereoMode(StrEnum):
    """What happens to a SMILES whose stereo is open."""

    refuse = "refuse"
    enumerate = "enumerate"


def simulate_command(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A SMILES, a .smi, .csv or .sdf file, or a folder.")],
    protocol: Annotated[ProtocolName, typer.Option(help="OBC2 implicit solvent, or TIP3P water.")] = (
        ProtocolName.implicit
    ),
    replicas: Annotated[int, typer.Option(min=1, help="Independent runs, each from another conformer.")] = 5,
    ns: Annotated[float, typer.Option(help="Length of each replica, ns.")] = 5.0,
    save_ps: Annotated[float, typer.Option(help="Time between saved frames, ps.")] = 0.4,
    platform: Annotated[str, typer.Option(help="auto, CPU, CUDA, Reference, ...")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the CPU platform.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the run.")] = 0,
    out: Annotated[Path, typer.Option(help="Output folder; a sub-folder a molecule.")] = Path("simulations"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite/--resume", help="Run finished molecules again, or keep them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    stereo: Annotated[StereoMode, typer.Option(help="What to do with open stereo: refuse, or run every isomer.")] = (
        StereoMode.refuse
    ),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Simulate INPUT with OpenMM and OpenFF (Sage 2.2.1, NAGL AM1-BCC charges, 300 K)."""
    from eginterpolator.simulation.forcefield import require_openmm
    from eginterpolator.simulation.job import read_input, simulate_many

    require_openmm()
    molecules, unreadable = read_input(source, enumerate_open=stereo is StereoMode.enumerate)
    with _Progress(len(molecules), replicas, quiet=quiet) as progress:
        result = simulate_many(
            molecules, out, protocol.value, replicas=replicas, ns=ns, save_ps=save_ps, seed=seed,
            platform=platform, threads=threads, overwrite=overwrite, failures=unreadable,
            on_molecule=progress.start, progress=progress.frames,
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


class _Progress:
    """A bar with an estimate on a terminal; elsewhere a line at every tenth of the work, on stderr."""

    def __init__(self, molecules: int, replicas: int, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self.quiet, self.plain = quiet, not console.is_terminal
        self.molecules, self.replicas = molecules, replicas
        self.index, self.name, self.tenth = -1, "", 0
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=console, disable=quiet or self.plain)
        self.task = self.bar.add_task("simulate", total=1.0)

    def __enter__(self) -> _Progress:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def start(self, molecule: Molecule) -> None:
        """The next molecule begins."""
        self.index, self.name = self.index + 1, molecule.name
        self.frames(0, 0, 1)

    def frames(self, replica: int, done: int, total: int) -> None:
        """`done` of `total` frames of a replica of the present molecule."""
        share = (self.index + (replica + done / total) / self.replicas) / max(self.molecules, 1)
        self.bar.update(self.task, completed=share, description=f"{self.name} replica {replica}")
        if self.plain and not self.quiet and int(share * 10) > self.tenth:
            self.tenth = int(share * 10)
            print(f"{self.name}: replica {replica}, {100 * share:.0f} % of all", file=sys.stderr, flush=True)
