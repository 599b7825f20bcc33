"""One replica through its stages, each from where an earlier run left it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from eginterpolator.simulation.engines.base import SimulationError
from eginterpolator.simulation.engines.gromacs.program import LOG, Gmx, end_orphan
from eginterpolator.simulation.engines.gromacs.settings import Stage, mdp
from eginterpolator.simulation.protocol import ExplicitProtocol

CHECKPOINT_MINUTES = 1.0
START = "start"
MOST_WARNINGS = 20
ALLOWED = "oscillational period"
"""The one warning that is let pass: triple bonds swing in fewer than five time steps of the protocol."""


def run_stages(
    gmx: Gmx,
    folder: Path,
    protocol: ExplicitProtocol,
    stages: Iterable[Stage],
    *,
    seed: int,
    threads: int,
    stop: threading.Event,
    told: Callable[[int], None] = lambda step: None,
) -> None:
    """Run the stages in `folder`, which has `topol.top`, `start.gro` and `index.ndx`.

    A stage whose last structure is there is done. One with a checkpoint goes on from it: mdrun cuts its files back to
    the checkpoint and appends, so that no frame is missing and none is there twice.

    Parameters
    ----------
    told : callable
        Told the step of production.

    Raises
    ------
    SimulationError
        When gmx fails or ends early.
    Stopped
        When `stop` was set.
    """
    end_orphan(folder)
    before = START
    for number, stage in enumerate(stages):
        if not (folder / f"{stage.name}.gro").is_file():
            _prepare(gmx, folder, protocol, stage, before, seed + number)
            _mdrun(gmx, folder, stage, threads, stop, told if stage.stride else lambda step: None)
        before = stage.name


def _prepare(gmx: Gmx, folder: Path, protocol: ExplicitProtocol, stage: Stage, before: str, seed: int) -> None:
    if (folder / f"{stage.name}.cpt").is_file() and (folder / f"{stage.name}.tpr").is_file():
        return  # a checkpoint belongs to its tpr
    (folder / f"{stage.name}.mdp").write_text(mdp(protocol, stage, seed), encoding="utf-8")
    state = ["-t", f"{before}.cpt"] if not (stage.minimises or stage.velocities) else []
    said = gmx.run(
        folder, "grompp", "-f", f"{stage.name}.mdp", "-po", f"{stage.name}.out.mdp", "-c", f"{before}.gro",
        "-p", "topol.top", "-n", "index.ndx", "-o", f"{stage.name}.tpr", "-maxwarn", MOST_WARNINGS, *state,
    )  # fmt: skip
    if told := [text for text in warnings_of(said) if ALLOWED not in text]:
        (folder / f"{stage.name}.tpr").unlink(missing_ok=True)
        raise SimulationError(f"gmx grompp warns of '{stage.name}': {told[0]}")


def warnings_of(said: str) -> list[str]:
    """What grompp warned of, a sentence each."""
    found = re.findall(r"^WARNING \d+[^\n]*\n(.*?)\n\s*\n", said + "\n\n", re.M | re.S)
    return [" ".join(text.split()) for text in found]


def _mdrun(
    gmx: Gmx, folder: Path, stage: Stage, threads: int, stop: threading.Event, told: Callable[[int], None]
) -> None:
    def watch() -> None:
        if (step := last_step(folder / LOG)) is not None:
            told(step)

    gmx.run(
        folder, "mdrun", "-v", "-deffnm", stage.name, "-cpi", f"{stage.name}.cpt", "-cpt", CHECKPOINT_MINUTES,
        "-ntmpi", 1, "-ntomp", threads, "-pin", "off", "-reprod",
        threads=threads, stop=stop, watch=watch,
    )  # fmt: skip
    if not (folder / f"{stage.name}.gro").is_file():
        raise SimulationError(f"gmx mdrun ended '{stage.name}' before its last step; run it again to go on.")


def last_step(log: Path) -> int | None:
    """The step that `mdrun -v` told last, None where it told none."""
    with open(log, "rb") as stream:
        stream.seek(max(0, log.stat().st_size - 400))
        found = re.findall(rb"step (\d+)", stream.read())
    return int(found[-1]) if found else None
