"""What the scripts of this folder share: options, the record of a run, Markdown, and how they end."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eginterpolator.errors import EGIError
from eginterpolator.files.io import fill, sha256, write_json, write_text
from eginterpolator.machine.provenance import machine, versions

if TYPE_CHECKING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.simulation.forcefield import SimulationSystem
    from eginterpolator.simulation.protocol import Protocol

RESULTS = Path(__file__).parent / "results"


def plain_parser(text: str | None) -> argparse.ArgumentParser:
    """Command line of a script whose first lines are `text`."""
    return argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)


def parser(text: str | None) -> argparse.ArgumentParser:
    """The same with --results, the folder that the table is kept in."""
    made = plain_parser(text)
    made.add_argument("--results", type=Path, default=RESULTS, help="where the table is kept")
    return made


def metric_parser(text: str | None) -> argparse.ArgumentParser:
    """The same of a script that measures metrics on a reference, and can put its table into a page of docs."""
    made = parser(text)
    made.add_argument("reference", type=Path, help="folder of molecule folders with several replicas each")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--docs", type=Path, help="Markdown file with the two markers")
    return made


@dataclass(frozen=True)
class Run:
    """What made a table, known when it begins: the machine's load is that of before, and minutes are counted from then.

    Attributes
    ----------
    command : str
        How to make it again, without paths of this machine.
    """

    command: str
    machine: dict[str, Any] = field(default_factory=machine)
    began: float = field(default_factory=time.perf_counter)

    @property
    def made_by(self) -> dict[str, Any]:
        """Command, machine and versions, as results hold them."""
        return {"command": self.command, "machine": self.machine, "versions": versions()}

    @property
    def minutes(self) -> float:
        """Wall-clock minutes so far."""
        return round((time.perf_counter() - self.began) / 60, 2)

    def write(self, results: Path, name: str, result: Mapping[str, Any], page: str | None = None) -> dict[str, Any]:
        """Write `name.json`, with the minutes of this call, and the page `name.md`; returns what the JSON holds."""
        whole = {**result, "minutes": self.minutes}
        write_json(results / f"{name}.json", whole)
        if page is not None:
            write_text(results / f"{name}.md", page.rstrip("\n") + "\n")
        return whole

    def write_metrics(self, options: argparse.Namespace, name: str, result: Mapping[str, Any], text: str) -> None:
        """Write the result of a `metric_parser`'s script, its table also between the markers `name` of --docs."""
        self.write(options.results, name, {**self.made_by, **result}, text)
        if options.docs is not None:
            fill(options.docs, name, text)
        print(text)


def weights_of(model: str | Path) -> dict[str, str]:
    """Hashes of a model's weights and config."""
    from eginterpolator.models.registry import model_folder

    files = model_folder(model)
    return {
        "weights_sha256": sha256(files / "model.safetensors"),
        "config_sha256": sha256(files / "config.json"),
    }


def label_of(folder: Path) -> str:
    """A folder's name and its parent's, without where this machine keeps it."""
    return "/".join(folder.resolve().parts[-2:])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is often without a name."""
    lines = ["|" + "|".join(f" {cell} " if cell else " " for cell in row) + "|" for row in (columns, *rows)]
    return "\n".join([lines[0], "|---" * len(columns) + "|", *lines[1:]])


def interval(value: Mapping[str, Any], form: str = ".3f", between: str = " to ") -> str:
    """Mean of a summary and its bootstrap interval: '0.123 (0.100 to 0.140)'."""
    low, high = value["mean_95"]
    return f"{value['mean']:{form}} ({low:{form}}{between}{high:{form}})"


def spread(values: Sequence[float], digits: int) -> str:
    """Median, least and most: '1.2 (1.1 to 1.4)'."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def listed(values: Mapping[str, Any]) -> str:
    """'processor AMD EPYC, cores 2'."""
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items())


def minimised(molecule: Molecule, protocol: Protocol, seed: int) -> tuple[SimulationSystem, str, Any, Any]:
    """System, platform, context and integrator of a simulation on one thread that is ready for velocities."""
    import openmm

    from eginterpolator.simulation.engines.openmm import choose_platform, make_context
    from eginterpolator.simulation.forcefield import build_system
    from eginterpolator.simulation.starts import start_conformers

    system = build_system(molecule, start_conformers(molecule, 1)[0], protocol, seed)
    platform = choose_platform("auto", system.system.getNumParticles())
    context, integrator = make_context(system, protocol, seed, platform, 1)
    context.setPositions(system.positions * 0.1)
    openmm.LocalEnergyMinimizer.minimize(context, 10.0, 1000)
    return system, platform, context, integrator


def ended(script: str, work: Callable[[], int | None]) -> int:
    """Exit code of a script (`__file__`): what `work` returns, or 0; 2 when it cannot be done, with one sentence."""
    try:
        return int(work() or 0)
    except EGIError as error:
        print(f"{Path(script).stem}: {error}", file=sys.stderr)
        return 2
