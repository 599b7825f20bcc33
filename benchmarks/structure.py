"""A structure model at lambda = 0 (the network alone, independent frames) against MD, beside what else the time buys.

    python benchmarks/structure.py REFERENCE [REFERENCE ...] --models organic qm9-obc2 [--frames 1000] [--molecules 20]
        [--thermalise 0.5] [--lanes] [--cache FOLDER] [--name structure]

Each REFERENCE is a folder of simulated molecules, 16 replicas each: those of `held_out.py`, or any other, whose
meta.json tells the ensemble and the temperature that models are asked for. Rows of its table: the MD oracle (each
quarter of the replicas against the others), the oracle of as many frames as models make, which says what so few frames
can reach; every model; with --thermalise its frames after so many picoseconds of lanes; with --lanes plain lanes of as
many CPU seconds as the first model took, preparation, cooling and equilibration included. JSD of bond lengths, angles
and torsions, stereo and validity are those of our protocol (docs/evaluation.md). Differences of the first model to the
other rows are paired, with bootstrap intervals over molecules that both rows have.

With --cache nothing is made twice. Molecules that a model does not take are named. Writes `NAME.json` and `NAME.md`
into --results: references of earlier calls stay beside the new ones.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import functools
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bench
from eginterpolator.chemistry.codes import TEMPERATURE_K
from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.validity import every_check, frame_checks
from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.distributions import RANGES, bootstrap, feature_values, histograms, jensen_shannon
from eginterpolator.evaluation.leave_one_out import blocks
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories, molecule_folders
from eginterpolator.files.conditions import Conditions
from eginterpolator.files.io import write_json
from eginterpolator.generation.tasks import GenerationConfig, generate_trajectories
from eginterpolator.generation.thermalise import ThermaliseSettings, thermalise_frames
from eginterpolator.models.choice import Models
from eginterpolator.models.registry import load_model
from eginterpolator.simulation.engines.lanes.library import widths
from eginterpolator.simulation.engines.lanes.run import LaneSettings, run_lanes
from eginterpolator.simulation.engines.lanes.system import lane_system
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.protocol import lanes_protocol
from eginterpolator.simulation.starts import start_conformers

KINDS = tuple(RANGES)
ORACLE, FEW = "MD oracle", "MD oracle, as many frames"
VALID_FRAMES = 2000
"""Of a reference, whose share of valid frames is wanted."""
PROBE_STEPS = 300
LANE_SAVE_STEPS = 100
COLUMNS = (*KINDS, "stereo", "valid", "cpu_seconds")


@dataclass(frozen=True)
class Figures:
    """One molecule's frames against its reference; `jsd` holds a number a feature, `stereo` is None without stereo."""

    jsd: dict[str, list[float]]
    stereo: float | None
    valid: float
    frames: int
    cpu_seconds: float


@dataclass(frozen=True)
class Known:
    """A reference: features of every frame, which replica each frame is of, and what frames are held against."""

    molecule: Molecule
    features: FeatureSet
    conditions: Conditions
    values: dict[str, np.ndarray]
    owner: np.ndarray
    some: np.ndarray
    stereo: bool

    @classmethod
    def read(cls, folder: Path) -> Known:
        """From a molecule folder."""
        molecule, replicas, _, meta = load_trajectories(folder, EvaluationConfig())
        features = FeatureSet.of(molecule)
        owner = np.repeat(np.arange(len(replicas)), [len(x) for x in replicas])
        every = np.concatenate(replicas)
        has = molecule.has_stereo
        return cls(
            molecule, features, Conditions.of_meta(meta),
            feature_values(features, [x[:, : molecule.n_heavy] for x in replicas]), owner,
            every[:: max(1, len(every) // VALID_FRAMES)], has,
        )  # fmt: skip

    @property
    def kelvin(self) -> float:
        """Temperature, K."""
        return self.conditions.temperature_K or TEMPERATURE_K

    @property
    def lanes_ensemble(self) -> str:
        """What lanes run in its place: implicit water for explicit."""
        return "obc2" if self.conditions.ensemble == "tip3p" else self.conditions.ensemble

    def judge(self, frames: np.ndarray, cpu_seconds: float) -> Figures:
        """Figures of frames [T, n_atoms, 3]."""
        theirs = {kind: histograms(self.values[kind], *RANGES[kind]) for kind in KINDS}
        values = feature_values(self.features, [frames[:, : self.molecule.n_heavy]])
        jsd = {kind: jensen_shannon(histograms(values[kind], *RANGES[kind]), theirs[kind]).tolist() for kind in KINDS}
        stereo = float(frame_stereo(self.molecule, frames).mean()) if self.stereo else None
        return Figures(jsd, stereo, self.valid(frames), len(frames), cpu_seconds)

    def valid(self, frames: np.ndarray) -> float:
        """Share of frames that pass every check."""
        means = [self.values[kind].mean(axis=0) for kind in ("length", "angle")]
        return float(every_check(frame_checks(self.molecule, frames, *means)).mean())

    def oracle(self, frames: int | None) -> Figures:
        """Each quarter of the replicas, of all frames or of some evenly chosen ones, against the others: means."""
        if len(parts := blocks(int(self.owner[-1]) + 1)) < 2:
            raise InputError("it has too few replicas for an oracle.")
        found: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
        for part in parts:
            inside = np.isin(self.owner, part)
            rows = np.flatnonzero(inside)
            if frames is not None:
                rows = rows[np.linspace(0, len(rows) - 1, min(frames, len(rows))).round().astype(int)]
            for kind in KINDS:
                ours, theirs = (histograms(self.values[kind][at], *RANGES[kind]) for at in (rows, ~inside))
                found[kind].append(jensen_shannon(ours, theirs))
        kept = float(frame_stereo(self.molecule, self.some).mean()) if self.stereo else None
        jsd = {kind: np.mean(each, axis=0).tolist() for kind, each in found.items()}
        return Figures(jsd, kept, self.valid(self.some), len(rows), 0.0)


def generated(models: Models, known: Known, frames: int, seed: int) -> tuple[np.ndarray, float]:
    """Frames of a model at lambda = 0 [frames, n_atoms, 3], and CPU seconds; EGIError where it does not take it."""
    ensemble, kelvin = known.conditions.ensemble, known.kelvin
    model = models.under(ensemble, kelvin).choose(known.molecule).model
    config = GenerationConfig(
        n_frames=frames, seed=seed, strength=0.0, ensemble=ensemble, temperature_K=kelvin, device="cpu"
    )
    began = time.process_time()
    return generate_trajectories(model, known.molecule, config)[0].positions, time.process_time() - began


def thermalised(known: Known, frames: np.ndarray, ps: float, seed: int) -> tuple[np.ndarray, float]:
    """The frames after some dynamics from each, and CPU seconds with their preparation."""
    settings = ThermaliseSettings(ps=ps, ensemble=known.lanes_ensemble, temperature_K=known.kelvin)
    began = time.process_time()
    made = thermalise_frames(known.molecule, frames, settings, seed, threads=1)
    return made.positions, time.process_time() - began


def plain_lanes(known: Known, seconds: float, seed: int) -> tuple[np.ndarray, float]:
    """Frames [T, n_atoms, 3] of lanes that had so many CPU seconds in all, as `egi simulate` starts them; and seconds.

    The speed is that of a short run before, which does not count.
    """
    protocol = lanes_protocol(known.lanes_ensemble, temperature_K=known.kelvin)
    width = max(widths())
    seeds = [int(word) for word in np.random.SeedSequence(seed).generate_state(width, np.uint64)]
    began = time.process_time()
    starts = start_conformers(known.molecule, width, seed=seed)
    system = lane_system(build_system(known.molecule, starts[0], protocol).system)
    prepared = time.process_time() - began

    def run(n_frames: int, stride: int, cold: int, equilibration: int) -> np.ndarray:
        settings = LaneSettings(
            n_frames=n_frames, stride=stride, timestep_fs=protocol.timestep_fs, temperature_K=known.kelvin,
            friction_per_ps=protocol.friction_per_ps, cold_steps=cold, equilibration_steps=equilibration,
        )  # fmt: skip
        return run_lanes(system, starts, settings, seeds, threads=1).positions

    run(1, 1, 10, 0)
    began = time.process_time()
    run(1, PROBE_STEPS, 0, 0)
    a_step = (time.process_time() - began) / PROBE_STEPS
    cold, equilibration = LaneSettings(n_frames=1, stride=1).cold_steps, protocol.steps(protocol.equilibration_ps)
    left = (seconds - prepared) / a_step - cold - equilibration
    began = time.process_time()
    made = run(max(1, round(left / LANE_SAVE_STEPS)), LANE_SAVE_STEPS, cold, equilibration)
    finite = made[np.isfinite(made).all(axis=(1, 2, 3))]
    if not len(finite):
        raise InputError("no lane stayed finite.")
    return finite.reshape(-1, *finite.shape[2:]), prepared + time.process_time() - began


class Cache:
    """Figures of molecules, kept in a folder or nowhere."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, facts: dict[str, Any], make: Callable[[], Figures]) -> Figures:
        """What `make` gives for these facts."""
        if self.folder is None:
            return make()
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]
        path = self.folder / f"{key}.json"
        if path.is_file():
            return Figures(**json.loads(path.read_text())["figures"])
        made = make()
        write_json(path, {"facts": facts, "figures": asdict(made)})
        return made


@dataclass
class Rows:
    """One molecule's figures by row, and what rows lack, with the reason."""

    facts: dict[str, Any]
    cache: Cache
    found: dict[str, Figures] = field(default_factory=dict)
    lacks: dict[str, str] = field(default_factory=dict)

    def put(self, row: str, more: dict[str, Any], make: Callable[[], Figures]) -> Figures | None:
        """Add a row of what `make` gives, or gave for the same facts."""
        try:
            self.found[row] = self.cache.get({**self.facts, "row": row, **more}, make)
        except EGIError as error:
            self.lacks[row] = str(error)
        return self.found.get(row)


def judge_molecule(folder: Path, options: Any, models: dict[str, Models], cache: Cache) -> Rows:
    """Every row of one molecule."""
    known = Known.read(folder)
    facts = {"molecule": known.molecule.smiles, "folder": str(folder.resolve()), "frames": options.frames}
    rows = Rows({**facts, "seed": options.seed, "conditions": str(known.conditions)}, cache)
    rows.put(ORACLE, {"frames": 0}, lambda: known.oracle(None))
    rows.put(FEW, {}, lambda: known.oracle(options.frames))
    for label, model in models.items():
        judge_model(rows, known, label, model, options)
    if options.lanes and (first := rows.found.get(options.models[0])):
        seconds = first.cpu_seconds
        rows.put(
            "lanes, same CPU seconds", {"seconds": seconds},
            lambda: known.judge(*plain_lanes(known, seconds, options.seed)),
        )  # fmt: skip
    angles = {row: round(float(np.mean(each.jsd["angle"])), 3) for row, each in rows.found.items()}
    print(folder.name, known.molecule.smiles, "angles:", angles, flush=True)
    return rows


def judge_model(rows: Rows, known: Known, label: str, model: Models, options: Any) -> None:
    """The rows of a model, its frames as they came and thermalised; they are made once, when a row wants them."""

    @functools.cache
    def frames() -> tuple[np.ndarray, float]:
        return generated(model, known, options.frames, options.seed)

    def warm() -> Figures:
        positions, spent = frames()
        after, more = thermalised(known, positions, options.thermalise, options.seed)
        return known.judge(after, spent + more)

    weights = {"weights": bench.weights_of(label)}
    if rows.put(label, weights, lambda: known.judge(*frames())) and options.thermalise:
        rows.put(f"{label}, {options.thermalise:g} ps", {**weights, "ps": options.thermalise}, warm)


def judge_set(
    reference: Path, options: Any, models: dict[str, Models], cache: Cache
) -> tuple[dict[str, dict[str, Figures]], dict[str, list[str]]]:
    """Row -> molecule -> figures, and what rows lack, with the reason."""
    rows: dict[str, dict[str, Figures]] = {}
    lacks: dict[str, list[str]] = {}
    folders = molecule_folders(reference)
    names = sorted(folders)
    if options.molecules and options.molecules < len(names):
        names = [names[k] for k in np.linspace(0, len(names) - 1, options.molecules).round().astype(int)]
    for name in names:
        made = judge_molecule(folders[name], options, models, cache)
        for row, figures in made.found.items():
            rows.setdefault(row, {})[name] = figures
        for row, reason in made.lacks.items():
            lacks.setdefault(row, []).append(f"{name}: {reason}")
    return rows, lacks


def summary(each: dict[str, Figures], seed: int) -> dict[str, Any]:
    """Means over all features, with intervals over molecules, and shares."""
    found: dict[str, Any] = {"molecules": len(each), "frames": [figures.frames for figures in each.values()]}
    for kind in KINDS:
        arrays = [np.array(figures.jsd[kind]) for figures in each.values() if figures.jsd[kind]]
        if arrays:
            found[kind] = bootstrap(arrays, seed)
    kept = [figures.stereo for figures in each.values() if figures.stereo is not None]
    found["stereo"] = float(np.mean(kept)) if kept else None
    found["valid"] = float(np.mean([figures.valid for figures in each.values()]))
    found["cpu_seconds"] = float(np.mean([figures.cpu_seconds for figures in each.values()]))
    return found


def differences(ours: dict[str, Figures], others: dict[str, Figures], seed: int) -> dict[str, Any]:
    """Ours minus others over the molecules of both: mean, interval over molecules."""
    names = [name for name in ours if name in others]
    found: dict[str, Any] = {"molecules": len(names)}
    for kind in KINDS:
        arrays = [np.array(ours[n].jsd[kind]) - np.array(others[n].jsd[kind]) for n in names if ours[n].jsd[kind]]
        if arrays:
            found[kind] = bootstrap(arrays, seed)
    if names:
        found["valid"] = bootstrap([np.array([ours[n].valid - others[n].valid]) for n in names], seed)
    return found


def section(label: str, kept: dict[str, Any]) -> list[str]:
    """The tables of one reference."""
    rows = []
    for row, each in kept["rows"].items():
        cells = [bench.interval(each[kind]) if kind in each else "–" for kind in KINDS]
        cells += [f"{each['stereo']:.4f}" if each["stereo"] is not None else "–", f"{each['valid']:.4f}"]
        rows.append([row, str(each["molecules"]), *cells, f"{each['cpu_seconds']:.1f}" if each["cpu_seconds"] else ""])
    lines = [f"## {label}", "", f"{kept['conditions']}; {kept['frames']} frames of each molecule.", ""]
    lines += [bench.table(["", "molecules", *COLUMNS], rows), ""]
    paired = [
        [f"{kept['first']} minus {row}", str(each["molecules"])]
        + [bench.interval(each[kind], "+.3f") if kind in each else "–" for kind in (*KINDS, "valid")]
        for row, each in kept["differences"].items()
        if each["molecules"]
    ]
    lines += [bench.table(["paired", "molecules", *KINDS, "valid"], paired), ""] if paired else []
    lines += [f"- not made by {row}: {text}" for row, each in kept["lacks"].items() for text in each]
    return [*lines, "", f"`{kept['command']}`, {bench.listed(kept['machine'])}, {kept['minutes']:g} minutes.", ""]


def page(sets: dict[str, Any]) -> str:
    """Everything, a section a reference."""
    head = [
        "# Structure models at lambda = 0 against MD",
        "",
        "Jensen-Shannon distances to the reference, smaller is better: mean over features and its 95 % bootstrap "
        "interval over molecules. CPU seconds of a molecule, start-up left out.",
        "",
    ]
    return "\n".join([*head, *(line for label, kept in sets.items() for line in section(label, kept))])


def judged(reference: Path, options: Any, models: dict[str, Models], cache: Cache, run: bench.Run) -> dict[str, Any]:
    """Everything that is kept of one reference."""
    rows, lacks = judge_set(reference, options, models, cache)
    first = options.models[0]
    ours = rows.get(first, {})
    meta = json.loads((next(iter(molecule_folders(reference).values())) / "meta.json").read_text())
    return {
        **run.made_by, "minutes": run.minutes, "frames": options.frames, "first": first,
        "conditions": str(Conditions.of_meta(meta)),
        "weights": {name: bench.weights_of(name) for name in options.models},
        "rows": {row: summary(each, options.seed) for row, each in rows.items()},
        "differences": {row: differences(ours, each, options.seed) for row, each in rows.items() if row != first},
        "lacks": lacks,
        "molecules": {row: {name: asdict(one) for name, one in each.items()} for row, each in rows.items()},
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = bench.parser(__doc__)
    parser.add_argument("references", type=Path, nargs="+", help="folders of simulated molecules")
    parser.add_argument("--models", nargs="+", required=True, help="names or folders; the first is compared")
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--molecules", type=int, default=0, help="of each reference, evenly chosen; all by default")
    parser.add_argument("--thermalise", type=float, default=0.0, metavar="PS", help="a further row a model")
    parser.add_argument("--lanes", action="store_true", help="a row of plain lanes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="folder of what was made before")
    parser.add_argument("--name", default="structure", help="of the table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    models = {name: Models([load_model(name)]) for name in options.models}
    asked = f" --models {' '.join(options.models)} --frames {options.frames} --seed {options.seed}"
    asked += f" --molecules {options.molecules}" if options.molecules else ""
    asked += f" --thermalise {options.thermalise:g}" if options.thermalise else ""
    asked += " --lanes" * options.lanes
    before = options.results / f"{options.name}.json"
    sets: dict[str, Any] = json.loads(before.read_text())["sets"] if before.is_file() else {}
    for reference, label in ((each, bench.label_of(each)) for each in options.references):
        run = bench.Run(f"python benchmarks/structure.py {label}{asked}")
        sets[label] = judged(reference, options, models, Cache(options.cache), run)
        text = page(sets)
        run.write(options.results, options.name, {"sets": sets}, text)
    print(text)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
