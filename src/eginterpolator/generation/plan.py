"""Which way to a trajectory: a network, or the simulation that it imitates; by speed, by what is known of quality."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eginterpolator.chemistry.codes import TEMPERATURE_K
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.generation.config import LEAST_FRAME_PS
from eginterpolator.generation.speed import START_SECONDS, Pilot, expected_seconds, run_pilot
from eginterpolator.generation.tasks import GenerationConfig
from eginterpolator.models.choice import Choice, Models, has_time
from eginterpolator.models.conditions import check_temperature, solvent_named
from eginterpolator.simulation.engines.lanes.speed import PREPARE_SECONDS, estimated_seconds
from eginterpolator.simulation.speed import simulation_seconds

PROTOCOLS = {"implicit": "implicit", "none": "vacuum", "water": "explicit"}
"""Solvent -> protocol of MD."""
KNOWN = {
    "qm9-obc2": "on 68 held-out molecules torsions differ from MD by a JSD of .187 (MD from itself .067), and times of "
    "torsions are within a factor of two of MD's for 35 % (MD 85 %)",
    "drugs-obc2": "on 33 held-out molecules torsions differ from MD by a JSD of .271 (MD from itself .099), and times "
    "of torsions are within a factor of two of MD's for 5 % (MD 74 %)",
}
"""Of `benchmarks/results/judged.json`; a test compares them."""
CLOCK_KNOWN = {
    "qm9-obc2": "with a measured clock times of torsions are within a factor of two of MD's for 64 % on 68 held-out "
    "molecules (MD 85 %)",
    "drugs-obc2": "with a measured clock times of torsions are within a factor of two of MD's for 36 % on 33 held-out "
    "molecules (MD 74 %)",
}
"""Of `benchmarks/results/judged.json`: the clock by size."""
LANES = "it is the MD that the models imitate, with forces equal to OpenMM's to 2e-6 (benchmarks/results/lanes.md)"
ENGINE_NAMES = {"openmm": "OpenMM", "gromacs": "GROMACS"}
NEAR = 0.01


@dataclass(frozen=True)
class Way:
    """One way to the trajectory.

    Attributes
    ----------
    name : str
        Of the model, or of the engine.
    seconds : float or None
        Wall-clock time, start-up included; None where it cannot be taken, and `why` says why.
    command : str
    quality : str
        What is known of it.
    warnings : list of str
    """

    name: str
    seconds: float | None
    command: str = ""
    quality: str = ""
    why: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """Both ways of one molecule, and the one to take: `network`, `simulation`, or none."""

    molecule: Molecule
    network: Way
    simulation: Way
    best: str | None
    reason: str

    @property
    def way(self) -> Way | None:
        """The way to take."""
        return None if self.best is None else (self.network if self.best == "network" else self.simulation)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values."""
        ways = {name: dict(vars(way)) for name, way in (("network", self.network), ("simulation", self.simulation))}
        return {
            "name": self.molecule.name,
            "smiles": self.molecule.smiles,
            **ways,
            "best": self.best,
            "reason": self.reason,
            "command": self.way.command if self.way else None,
        }


def plan(
    molecule: Molecule,
    models: Models,
    frames: int = 500,
    frame_ps: float | None = None,
    samples: int = 1,
    solvent: str = "implicit",
    pilot: Pilot | None = None,
    source: str | None = None,
    temperature_K: float = TEMPERATURE_K,
) -> Plan:
    """Say which way to `samples` trajectories of `frames` frames `frame_ps` apart is sooner and better on this machine.

    Parameters
    ----------
    frame_ps : float, optional
        That of the model by default.
    solvent : str
        `water`, `implicit` or `none`, or a protocol's name for them.
    pilot : Pilot, optional
        Speed of networks here, of `first_pilot`; the table's without.
    source : str, optional
        How the commands call the molecule; its SMILES by default.

    Raises
    ------
    InputError
        When a number makes no trajectory, or the solvent is unknown.
    """
    solvent = solvent_named(solvent)
    check_temperature(temperature_K)
    if frames < 1 or samples < 1 or not (frame_ps is None or (math.isfinite(frame_ps) and frame_ps > 0)):
        raise InputError("--frames, --samples and --frame-ps must be positive numbers.")
    called = shlex.quote(source or molecule.smiles)
    spacing = frame_ps or _spacing(models)
    asked = "" if solvent == "implicit" else f" --solvent {solvent}"
    asked += "" if temperature_K == TEMPERATURE_K else f" --temperature {temperature_K:g}"
    try:
        ensemble, models = models.in_solvent(solvent, temperature_K)
        models = models.under(ensemble, temperature_K)
        choice = models.choose(molecule)
        network = _network_way(choice, molecule, frames, spacing, samples, pilot, called + asked)
    except InputError as error:
        network = Way("network", None, why=str(error))
    protocol = PROTOCOLS[solvent]
    warmth = "" if temperature_K == TEMPERATURE_K else f" --temperature {temperature_K:g}"
    simulation = _simulation(molecule, frames, spacing, samples, protocol, pilot, called + warmth)
    best, reason = _best(network, simulation)
    return Plan(molecule, network, simulation, best, reason)


def first_pilot(models: Models, molecules: Sequence[Molecule]) -> Pilot | None:
    """`run_pilot` of the first of the molecules that a model fits; None without such a one."""
    for molecule in molecules:
        choice = models.choose_or_none(molecule)
        if choice is not None:
            return run_pilot(choice.model, molecule, GenerationConfig())
    return None


def expected(
    models: Models, molecules: Sequence[Molecule], config: GenerationConfig, force: bool, cores: float | None = None
) -> dict[str, float]:
    """Seconds that `egi generate` is expected to take for each molecule, by the table and the `cores` that are free
    (`machine.cores.free_cores`); 0 for one that fits no model."""
    choices = {molecule.name: (molecule, models.choose_or_none(molecule, force)) for molecule in molecules}
    return {
        name: expected_seconds(choice.model, molecule, config, cores=cores) if choice else 0.0
        for name, (molecule, choice) in choices.items()
    }


def sooner_by_md(
    molecules: Sequence[Molecule], seconds: Mapping[str, float], config: GenerationConfig, frame_ps: float
) -> str | None:
    """A line where MD in implicit solvent would have given as many frames in less time than the `seconds` that networks
    took, of molecules by name; None where not, or where lanes cannot run them."""
    ns = config.n_frames * frame_ps / 1000
    total = needed = 0.0
    for molecule in molecules:
        if molecule.name not in seconds:
            continue
        found = simulation_seconds("implicit", molecule.n_atoms, config.n_samples, ns)
        if found is None or found[0] != "lanes":
            return None
        total += seconds[molecule.name]
        needed += found[1] - (PREPARE_SECONDS - 1.0 if needed else 0.0)
    if not total > needed > 0:
        return None
    return (
        f"MD in implicit solvent gives as many frames sooner (about {needed:.0f} s, not {total:.0f}): "
        f"egi simulate INPUT --replicas {config.n_samples} --ns {ns:g} --save-ps {frame_ps:g}"
    )


def _spacing(models: Models) -> float:
    return next((float(m.config["frame_ps"]) for m in models.models if m.config.get("frame_ps")), 5.2)


def _network_way(
    choice: Choice, molecule: Molecule, frames: int, frame_ps: float, samples: int, pilot: Pilot | None, called: str
) -> Way:
    """With a measured clock where one is possible; elsewhere in the network's own spacing, of which every so many-th
    frame is taken."""
    model = choice.model
    own = float(model.config.get("frame_ps") or frame_ps)
    every = frame_ps / own
    if clock_is_here(molecule.n_atoms) and frame_ps >= LEAST_FRAME_PS:
        config = GenerationConfig(n_frames=frames, n_samples=samples, clock="measured", frame_ps=frame_ps)
        apart = f" --frame-ps {frame_ps:g}" if abs(every - 1) > NEAR else ""
        return _network(choice, molecule, config, pilot, called, apart)
    if not has_time(model):
        return Way(model.name, None, why="it makes independent frames, in no order of time (see --clock measured)")
    if round(every) < 1 or abs(every - round(every)) > NEAR * every:
        return Way(model.name, None, why=f"its frames are {own:g} ps apart, which do not make {frame_ps:g} ps")
    config = GenerationConfig(n_frames=frames * round(every), n_samples=samples)
    thinned = f" && egi convert trajectories --frames ::{round(every)} --to xtc" if round(every) > 1 else ""
    return _network(choice, molecule, config, pilot, called, "", thinned)


def clock_is_here(n_atoms: int) -> bool:
    """Whether a measured clock can run: it needs lanes."""
    return estimated_seconds(n_atoms, 1, 1.0) is not None


def _network(
    choice: Choice,
    molecule: Molecule,
    config: GenerationConfig,
    pilot: Pilot | None,
    called: str,
    options: str = "",
    after: str = "",
) -> Way:
    seconds = expected_seconds(choice.model, molecule, config, pilot) + START_SECONDS * (pilot.busy if pilot else 1.0)
    numbers = f"--frames {config.n_frames} --samples {config.n_samples}"
    command = f"egi generate {called} {numbers} --model {choice.model.name}{options}{after}"
    known = CLOCK_KNOWN if config.clock == "measured" else KNOWN
    quality = known.get(choice.model.name, "nothing is known of this model's quality; see egi models show")
    return Way(choice.model.name, seconds, command, quality, "", choice.warnings)


def _simulation(
    molecule: Molecule, frames: int, frame_ps: float, samples: int, solvent: str, pilot: Pilot | None, called: str
) -> Way:
    ns = frames * frame_ps / 1000
    found = simulation_seconds(solvent, molecule.n_atoms, samples, ns)
    if found is None:
        return Way("simulation", None, why="the packages of eginterpolator[md] are not installed")
    engine, seconds = found
    command = f"egi simulate {called} --protocol {solvent} --replicas {samples} --ns {ns:g} --save-ps {frame_ps:g}"
    quality = (
        LANES
        if engine == "lanes"
        else ENGINE_NAMES[engine] + ", in the water that is asked for" * (solvent == "explicit")
    )
    return Way(engine, seconds * (pilot.busy if pilot else 1.0), command, quality)


def _best(network: Way, simulation: Way) -> tuple[str | None, str]:
    if network.seconds is None and simulation.seconds is None:
        return None, f"neither can be taken: {network.why}; {simulation.why}"
    if network.seconds is None:
        return "simulation", f"no network can: {network.why}"
    if simulation.seconds is None:
        return "network", f"no simulation can: {simulation.why}"
    ratio = network.seconds / simulation.seconds
    if ratio >= 1:
        return "simulation", f"{simulation.name} is sooner, by {ratio:.1f} times, and is what models imitate"
    if network.warnings and simulation.name == "lanes":
        return "simulation", f"the molecule is new to '{network.name}', which would be {1 / ratio:.1f} times sooner"
    return "network", f"'{network.name}' is sooner, by {1 / ratio:.1f} times; the simulation is what it imitates"
