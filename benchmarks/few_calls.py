"""Few network calls a frame against the usual number, side by side on the same held-out molecules.

    python benchmarks/few_calls.py REFERENCE --steps 16 8 6 4 --name qm9 [--model qm9-obc2] [--samples 4] [--frames 500]
        [--every 1] [--first FOLDER] [--cache FOLDER] [--strength 1]

A number of steps that has a schedule fitted to the model takes it, as in `egi generate --steps`; the first takes the
model's own sampler (`sde`). REFERENCE holds molecule folders as `held_out.py` makes them. Distances are those of
`egi evaluate trajectories`, decorrelation that of the published protocol with every window of the reference; each is
taken feature by feature minus that of the first number of steps, with intervals over molecules. `--first` names a
folder of `egi generate` whose trajectories are those of the first number of steps, made with the same seed, model and
frames; else they are made. Seconds are of this process, taken in turns on the first molecule. Writes `few_calls_NAME`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bench
from eginterpolator.benchmark.data import hash_of
from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import stereo_retention
from eginterpolator.chemistry.validity import every_check, frame_checks
from eginterpolator.errors import InputError
from eginterpolator.evaluation.comparison import Observed
from eginterpolator.evaluation.distributions import RANGES, bootstrap, histograms, jensen_shannon
from eginterpolator.evaluation.kinetics import Tica, fit_tica, projection_jsd
from eginterpolator.evaluation.published_protocol.decorrelation import decorrelation_jsd, decorrelation_times
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.io import write_json
from eginterpolator.generation.schedule import FITTED
from eginterpolator.generation.tasks import GenerationConfig, frame_ps, generate_trajectories
from eginterpolator.models.registry import Model, load_model

COLUMNS = ("length", "angle", "torsion", "tica_0", "decorrelation")
SHARES = ("stereo", "valid")
TURNS = 3


@dataclass(frozen=True)
class Known:
    """A molecule's reference: every frame for distributions, frames of the model's spacing for kinetics."""

    molecule: Molecule
    features: FeatureSet
    observed: Observed
    tica: Tica | None
    frame_ps: float

    @classmethod
    def read(cls, folder: Path, spacing: float) -> Known:
        """From a molecule folder whose frames come a whole number of times in `spacing` ps."""
        molecule, replicas, _ = read_molecule_folder(folder)
        stride = round(spacing / replicas[0].frame_ps)
        if abs(stride * replicas[0].frame_ps - spacing) > 0.01 * spacing:
            raise InputError(f"'{folder}' has frames {replicas[0].frame_ps:g} ps apart, which {spacing:g} ps are not a "
                             "multiple of; simulate it with another --save-ps.")  # fmt: skip
        features = FeatureSet.of(molecule)
        observed = Observed.of(molecule, features, [r.heavy for r in replicas], "The reference", stride)
        return cls(molecule, features, observed, fit_tica(observed.angles_on_circle()), spacing)

    def times(self, observed: Observed, n_frames: int) -> np.ndarray:
        """Decorrelation times of windows of `n_frames` at the model's spacing, float64 [windows, torsions], ps."""
        windows = [x[k : k + n_frames] for x in observed.torsions() for k in range(0, len(x) - n_frames + 1, n_frames)]
        return np.array([decorrelation_times(window, self.frame_ps, n_frames // 2) for window in windows])

    def judge(self, frames: list[np.ndarray]) -> dict[str, list[float]]:
        """Distances by column, and shares, of trajectories [T, n_heavy, 3]."""
        ours = Observed.of(self.molecule, self.features, frames, "The trajectories")
        found = {
            kind: jensen_shannon(*(histograms(each.values[kind], *RANGES[kind]) for each in (ours, self.observed)))
            for kind in RANGES
        }
        found["tica_0"], found["decorrelation"] = np.zeros(0), np.zeros(0)
        if self.tica is not None:
            projected = [self.tica.project(np.concatenate(each.angles_on_circle())) for each in (ours, self.observed)]
            found["tica_0"] = np.array([projection_jsd(*(each[:, :2] for each in projected))[0]])
            times = [self.times(each, len(frames[0])) for each in (ours, self.observed)]
            if all(len(each) for each in times):
                found["decorrelation"] = decorrelation_jsd(*times)
        every = np.concatenate(frames)
        stereo = [stereo_retention(self.molecule, every)] if self.molecule.has_stereo else []
        valid = [float(every_check(frame_checks(self.molecule, every)).mean())]
        return {key: np.asarray(values).tolist() for key, values in {**found, "stereo": stereo, "valid": valid}.items()}


def config_of(steps: int, options: argparse.Namespace, frames: int | None = None) -> GenerationConfig:
    """A run with so many steps: the first number of them takes the model's own sampler."""
    return GenerationConfig(
        n_frames=frames or options.frames, n_samples=options.samples if frames is None else 1, seed=options.seed,
        strength=options.strength, steps=steps, sampler=None if steps != options.steps[0] else options.sampler,
        hydrogens=False,
    )  # fmt: skip


def trajectories_of(model: Model, known: Known, steps: int, options: argparse.Namespace) -> list[np.ndarray]:
    """Heavy-atom frames of the samples, made here, or read where `--first` has them."""
    folder = options.first / known.molecule.name if options.first and steps == options.steps[0] else None
    if folder is None:
        made = generate_trajectories(model, known.molecule, config_of(steps, options))
        return [trajectory.heavy for trajectory in made]
    _, there, meta = read_molecule_folder(folder)
    wanted = (model.name, options.seed, steps, options.strength, options.frames)
    if tuple(meta[key] for key in ("model", "seed", "steps", "strength", "n_frames")) != wanted:
        raise InputError(f"'{folder}' was made with other settings; leave --first away.")
    return [trajectory.heavy for trajectory in there[: options.samples]]


def seconds_of(model: Model, molecule: Molecule, options: argparse.Namespace) -> dict[str, list[float]]:
    """Processor seconds of 128 frames at each number of steps, in turns after a first one that warms up."""
    found: dict[str, list[float]] = {str(steps): [] for steps in options.steps}
    for turn in range(TURNS + 1):
        for steps in options.steps:
            began = time.process_time()
            generate_trajectories(model, molecule, config_of(steps, options, 128))
            if turn:
                found[str(steps)].append(time.process_time() - began)
    return found


def judged(model: Model, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Steps -> figures of one molecule, kept in --cache by the schedule that made them."""
    sampler = model.config["sampler"]
    facts = {key: str(getattr(options, key)) for key in ("samples", "frames", "seed", "strength", "sampler")}
    facts |= {"model": model.name, "weights": bench.weights_of(options.model)["weights_sha256"]}
    result: dict[str, Any] = {}
    known: Known | None = None
    for steps in options.steps:
        schedule = sampler.get(FITTED, {}).get(str(steps)) if steps != options.steps[0] else None
        path = options.cache / folder.name / f"{model.name}_{steps}.json" if options.cache else None
        if path and path.is_file() and (before := json.loads(path.read_text()))["facts"] == [facts, schedule]:
            result[str(steps)] = before["figures"]
            continue
        known = known or Known.read(folder, frame_ps(model))
        result[str(steps)] = known.judge(trajectories_of(model, known, steps, options))
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {"facts": [facts, schedule], "figures": result[str(steps)]})
    print(folder.name, {s: f"{np.mean(each['length']):.3f}" for s, each in result.items()}, flush=True)
    return result


def pooled(rows: list[dict[str, Any]], steps: int, first: int | None, seed: int) -> dict[str, Any]:
    """Mean and interval over molecules by column, of the figures themselves or of their differences to `first`."""
    result: dict[str, Any] = {}
    for column in (*COLUMNS, *SHARES):
        values = [np.array(row[str(steps)][column], dtype=float) for row in rows]
        if first is not None:
            values = [ours - np.array(row[str(first)][column], float) for ours, row in zip(values, rows, strict=True)]
        known = [each[np.isfinite(each)] for each in values]
        known = [each for each in known if len(each)]
        result[column] = bootstrap(known, seed) if known else None
    return result


def page(result: dict[str, Any], steps: list[int]) -> str:
    """The tables."""
    first = steps[0]
    plain = [
        [str(n), *("–" if result["runs"][str(n)][c] is None else f"{result['runs'][str(n)][c]['mean']:.4f}"
                   for c in (*COLUMNS, *SHARES))]
        for n in steps
    ]  # fmt: skip
    paired = [
        [f"{n} minus {first}", *("–" if result["differences"][str(n)][c] is None
                                 else bench.interval(result["differences"][str(n)][c], "+.4f")
                                 for c in (*COLUMNS, *SHARES))]
        for n in steps[1:]
    ]  # fmt: skip
    base = result["seconds"][str(first)]
    timed = [
        [str(n), bench.spread([1000 * s / 128 for s in result["seconds"][str(n)]], 2),
         bench.spread([a / b for a, b in zip(base, result["seconds"][str(n)], strict=True)], 2)]
        for n in steps
    ]  # fmt: skip
    return "\n\n".join([
        f"# Few network calls: {result['model']['name']} on {result['reference']['name']}",
        f"`{result['command']}`, {result['machine']['processor']}. {result['molecules']} molecules. JSD to the "
        "reference, mean over features; differences feature by feature with 95 % bootstrap intervals over molecules. "
        f"{first} steps are the sampler `sde`, the others schedules fitted to the model.",
        bench.table(["calls", *COLUMNS, *SHARES], plain),
        bench.table(["", *COLUMNS, *SHARES], paired),
        f"Processor time of 128 frames of `{result['timed']}`, in turns:",
        bench.table(["calls", "ms a frame", f"times as fast as {first}"], timed),
    ])  # fmt: skip


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--name", required=True, help="names the results")
    parser.add_argument("--model", default="qm9-obc2")
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[16, 8, 6, 4], help="the first is what others are held against"
    )
    parser.add_argument("--sampler", default="sde", help="of the first number of steps")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="take every so many-th molecule")
    parser.add_argument(
        "--first", type=Path, help="folder of `egi generate`: trajectories of the first number of steps"
    )
    parser.add_argument("--cache", type=Path, help="keep figures of molecules there, and go on from them")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.model)
    label = bench.label_of(options.reference)
    made = bench.Run(
        f"python benchmarks/few_calls.py {label} --name {options.name} --model {model.name} --steps "
        f"{' '.join(map(str, options.steps))} --samples {options.samples} --frames {options.frames} --strength "
        f"{options.strength:g} --seed {options.seed} --every {options.every}"
    )
    folders = sorted(path.parent for path in options.reference.glob("*/molecule.sdf"))[:: options.every]
    if not folders:
        raise InputError(f"'{options.reference}' holds no molecule folders (<name>/molecule.sdf).")
    rows = [judged(model, folder, options) for folder in folders]
    timed = read_molecule_folder(folders[0])[0]
    first, *others = options.steps
    result: dict[str, Any] = {
        **made.made_by,
        "model": {"name": model.name, **bench.weights_of(options.model)},
        "reference": {"name": label, "sha256": hash_of(options.reference)},
        "molecules": len(rows),
        "schedules": {str(n): model.config["sampler"].get(FITTED, {}).get(str(n)) for n in others},
        "runs": {str(n): pooled(rows, n, None, options.seed) for n in options.steps},
        "differences": {str(n): pooled(rows, n, first, options.seed) for n in others},
        "timed": timed.smiles,
        "seconds": seconds_of(model, timed, options),
    }
    text = page(result, options.steps)
    made.write(options.results, f"few_calls_{options.name}", result, text)
    print(text)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
