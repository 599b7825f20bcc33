"""Fit the noise levels and coefficients of the sampler `fitted` to a model, for a few network calls.

    python benchmarks/fit_solver.py MODEL STORE --calls 8 6 4 --cache FOLDER [--molecules 12] [--atoms 8 9]
        [--frames 64] [--teacher 48] [--turns 24] [--start SCHEDULES.json] [--into MODEL_FOLDER]
        [--results benchmarks/results]

The model's own samples of `--teacher` steps of `sde`, at λ = 0, are what few calls should reproduce, of molecules of a
training store (held-out and test lists are in none). Every bond length and angle gives its mean and the logarithm of
its spread, every torsion its first three Fourier moments, scaled so that their squares are near Jensen-Shannon
divergences. Their differences are made small by least squares: Levenberg and Marquardt's steps, Jacobian by differences
once and by Broyden's update from then on, always with the same noise. Writes `fitted_MODEL.json` with the schedules
and, with --into, puts them into the config of a model folder, where `egi generate --steps` finds them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bench
from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.store import Store
from eginterpolator.diffusion.process import NoiseProcess
from eginterpolator.diffusion.samplers import SamplerConfig
from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import feature_values
from eginterpolator.files.io import write_json
from eginterpolator.generation.sampling import Given, Sampler
from eginterpolator.generation.schedule import FITTED, fitted_sampler
from eginterpolator.generation.tasks import frame_ps, resolve_precision
from eginterpolator.models.registry import Model, load_model, model_folder

Values = list[dict[str, np.ndarray]]
STEP, LONGEST = 0.05, 0.6
"""Of the differences that give the Jacobian, and the longest step of a coefficient."""
PRIOR = 0.02
"""How much a coefficient's distance from where it began counts."""
FAR = 3.0
"""Deviations beyond which a shift counts by its root, as Huber's loss does."""


def pack(schedule: dict[str, Any]) -> np.ndarray:
    """A schedule as a vector without bounds: logarithms of what is positive."""
    levels = np.array(schedule["levels"])
    gaps, positive = np.log(levels[:-1] / levels[1:]), [*schedule["eta"], *schedule["fresh"], schedule["start"]]
    return np.r_[np.log(levels[0]), np.log(gaps), np.log(positive), schedule["ahead"][1:], schedule["finish"]]


def unpack(vector: np.ndarray) -> dict[str, Any]:
    """The schedule of a vector of 4 n - 1 numbers, n calls."""
    n = (len(vector) + 1) // 4
    first, gaps, eta, fresh, start, ahead, finish = np.split(vector, np.cumsum([1, n - 1, n - 1, n - 1, 1, n - 2]))
    levels = np.exp(first - np.r_[0.0, np.cumsum(np.exp(gaps))])
    return {
        "levels": levels.tolist(), "eta": np.exp(eta).tolist(), "ahead": [0.0, *ahead.tolist()],
        "fresh": np.exp(fresh).tolist(), "finish": finish.tolist(), "start": float(np.exp(start[0])),
    }  # fmt: skip


def free_ones(schedule: dict[str, Any], below: float) -> np.ndarray:
    """Places in the vector of what may change: all that belongs to steps that end below a noise level, Å."""
    ends = np.array([*schedule["levels"][1:], 0.0]) < below
    inner, whole = ends[:-1], below >= schedule["levels"][0]
    free = np.r_[whole, inner, inner, inner, whole, inner[1:], True, True]
    return np.flatnonzero(free)


def as_sde(levels: Sequence[float]) -> dict[str, Any]:
    """The coefficients with which levels are those of `sde`, with half of the last step."""
    h, ones = np.log(np.array(levels[:-1]) / levels[1:]), [1.0] * (len(levels) - 1)
    return {
        "levels": list(levels), "eta": ones, "ahead": [0.0, *(h[1:] / h[:-1] / 2).tolist()], "fresh": ones,
        "finish": [0.5, 0.0], "start": 1.0,
    }  # fmt: skip


def beginning(process: NoiseProcess, calls: int) -> dict[str, Any]:
    """A schedule to begin from: `sde` over a shorter range of levels the fewer calls there are, and less noise."""
    high = min(process.sigma_max, 0.9 * calls)
    low = 0.015 * (16 / calls) ** 0.8
    ramp, rho = np.linspace(0, 1, calls), 14.0
    levels = (high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho
    h = np.log(levels[:-1] / levels[1:])
    ahead = np.r_[0.0, h[1:] / h[:-1] / 2] * min(1.0, calls / 8)
    ones = np.ones(calls - 1)
    return {
        "levels": levels.tolist(), "eta": (0.6 * ones).tolist(), "ahead": ahead.tolist(), "fresh": ones.tolist(),
        "finish": [0.6, 0.03], "start": float(np.hypot(1.0, 1.2 / high)),
    }  # fmt: skip


def chosen(store: Path, model: Model, count: int, atoms: tuple[int, int], seed: int) -> list[Molecule]:
    """Molecules of a store that the model may see, with a torsion and without charges, drawn at random."""
    limits, found = model.config["limits"], []
    with Store(store) as opened:
        for record in opened:
            molecule = record.molecule
            known = {atom.GetSymbol() for atom in molecule.rdmol.GetAtoms()} <= {"H", *limits["elements"]}
            charged = any(atom.GetFormalCharge() for atom in molecule.rdmol.GetAtoms())
            if known and not charged and atoms[0] <= molecule.n_heavy <= atoms[1]:
                found += [molecule] if len(FeatureSet.of(molecule).torsions) else []
    if len(found) < count:
        raise InputError(f"'{store}' holds {len(found)} molecules that fit; ask for fewer --molecules.")
    return [found[k] for k in np.random.default_rng(seed).permutation(len(found))[:count]]


def sampled(model: Model, molecule: Molecule, config: SamplerConfig, frames: int, seed: int, lam: float) -> np.ndarray:
    """Heavy-atom frames [frames, N, 3] of one trajectory."""
    precision = resolve_precision("auto", torch.device("cpu"))
    sampler = Sampler(model, molecule, config, seed, lam, frame_ps(model), precision=precision)
    return sampler.draw([0], frames, [Given()])[0]


class Problem:
    """What few calls are held against: the teacher's values, and the residuals of a schedule."""

    def __init__(self, model: Model, molecules: list[Molecule], options: argparse.Namespace) -> None:
        self.model, self.molecules, self.options = model, molecules, options
        self.features = [FeatureSet.of(molecule) for molecule in molecules]
        own = SamplerConfig("sde", options.teacher, (("finish", 0.5),))
        self.teacher = self.values(lambda m: self.kept(m, own))

    def kept(self, molecule: Molecule, config: SamplerConfig) -> np.ndarray:
        """The teacher's frames, made once."""
        text = f"{self.model.name}|{molecule.smiles}|{config}|{self.options.teacher_frames}|{self.options.strength}"
        path = self.options.cache / f"teacher_{hashlib.sha256(text.encode()).hexdigest()[:16]}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            frames = self.options.teacher_frames
            np.save(path, sampled(self.model, molecule, config, frames, 77, self.options.strength))
        return np.load(path)

    def values(self, make: Callable[[Molecule], np.ndarray]) -> Values:
        """Values of every feature of every molecule's frames."""
        return [feature_values(f, [make(m)]) for m, f in zip(self.molecules, self.features, strict=True)]

    def of(self, schedule: dict[str, Any], frames: int, seed: int) -> Values:
        """Values of what a schedule makes."""
        config = fitted_sampler(schedule)
        return self.values(lambda m: sampled(self.model, m, config, frames, seed, self.options.strength))

    def residuals(self, ours: Values) -> np.ndarray:
        """Differences to the teacher: each kind of feature of each molecule has the weight one."""
        parts = []
        for mine, wanted in zip(ours, self.teacher, strict=True):
            for kind in ("length", "angle"):
                spread = wanted[kind].std(axis=0) + 1e-4
                shift = (mine[kind].mean(axis=0) - wanted[kind].mean(axis=0)) / spread
                far = np.sign(shift) * np.sqrt(np.maximum(2 * FAR * np.abs(shift) - FAR**2, 0.0))
                wider = np.log((mine[kind].std(axis=0) + 1e-4) / spread)
                both = [np.where(np.abs(shift) < FAR, shift, far) / 8**0.5, wider / 2]
                parts += [each / len(shift) ** 0.5 for each in both]
            for order in (1, 2, 3):
                for wave in (np.cos, np.sin):
                    off = wave(order * mine["torsion"]).mean(axis=0) - wave(order * wanted["torsion"]).mean(axis=0)
                    parts.append(off / 2 / len(off) ** 0.5)
        # Samples of a bad schedule may fly apart. Least squares need numbers to turn from it: each such feature has
        # the residual 1, that of a shift of three deviations or more. What ships is judged by `few_calls.py`.
        return np.nan_to_num(np.concatenate(parts), nan=1.0, posinf=1.0, neginf=-1.0)


def fit(problem: Problem, start: dict[str, Any], options: argparse.Namespace) -> tuple[dict[str, Any], list[float]]:
    """The schedule that least squares come to, and the cost from step to step."""
    origin = pack(start)
    free = free_ones(start, options.below)

    def residuals(vector: np.ndarray) -> np.ndarray:
        off = problem.residuals(problem.of(unpack(vector), options.frames, options.seed))
        return np.r_[off, PRIOR * (vector - origin)]

    here, now = origin, residuals(origin)
    costs, damping, fails = [float(now @ now)], 0.03, 0
    jacobian = np.stack([(residuals(here + STEP * unit) - now) / STEP for unit in np.eye(len(here))[free]], axis=1)
    print(f"  cost {costs[0]:.4f}, Jacobian there", flush=True)
    for _ in range(options.turns):
        square = jacobian.T @ jacobian
        weight = np.diag(square) + 1e-3 * np.diag(square).mean()
        step = -np.linalg.solve(square + damping * np.diag(weight), jacobian.T @ now)
        step *= min(1.0, LONGEST / np.abs(step).max())
        there = here.copy()
        there[free] += step
        then = residuals(there)
        jacobian = jacobian + np.outer(then - now - jacobian @ step, step) / (step @ step)
        if then @ then < now @ now:
            here, now, damping, fails = there, then, max(damping / 2, 1e-3), 0
        else:
            damping, fails = min(damping * 4, 30.0), fails + 1
        costs.append(float(now @ now))
        print(f"  cost {costs[-1]:.4f}, tried {then @ then:.4f}, damping {damping:.3g}", flush=True)
        if options.partial is not None:
            write_json(options.partial / f"{problem.model.name}_{len(start['levels'])}.json", unpack(here))
        if fails == 4:
            break
    return unpack(here), costs


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("model")
    parser.add_argument("store", type=Path)
    parser.add_argument("--calls", type=int, nargs="+", default=[8, 6, 4])
    parser.add_argument("--molecules", type=int, default=12)
    parser.add_argument("--atoms", type=int, nargs=2, default=(8, 9), help="fewest and most heavy atoms")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--teacher", type=int, default=48, help="steps of the samples to reproduce")
    parser.add_argument("--teacher-frames", type=int, default=1536)
    parser.add_argument("--turns", type=int, default=24)
    parser.add_argument("--strength", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--start", type=Path, help="JSON of schedules by calls to begin from")
    parser.add_argument(
        "--levels", type=float, nargs="+", help="begin from sde with these levels, Å, the last 0 left out"
    )
    parser.add_argument("--below", type=float, default=np.inf, help="change only steps that end below this level, Å")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the teacher's frames")
    parser.add_argument("--partial", type=Path, help="folder for schedules of each step")
    parser.add_argument("--into", type=Path, help="model folder whose config gets the schedules")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.model)
    made = bench.Run(
        f"python benchmarks/fit_solver.py {model.name} {options.store.name} "
        f"--calls {' '.join(map(str, options.calls))} "
        f"--molecules {options.molecules} --atoms {options.atoms[0]} {options.atoms[1]} --frames {options.frames} "
        f"--teacher {options.teacher} --teacher-frames {options.teacher_frames} --turns {options.turns} "
        f"--strength {options.strength:g} --seed {options.seed} --below {options.below:g}"
        + (f" --levels {' '.join(f'{level:g}' for level in options.levels)}" if options.levels else "")
    )
    molecules = chosen(options.store, model, options.molecules, tuple(options.atoms), 0)
    problem, starts = Problem(model, molecules, options), {}
    if options.levels is not None and [len(options.levels)] != options.calls:
        raise InputError(f"--levels are {len(options.levels)} numbers; ask for as many --calls.")
    if options.start is not None:
        starts = json.loads(options.start.read_text())
    path = options.results / f"fitted_{model.name}.json"
    found: dict[str, Any] = json.loads(path.read_text())["schedules"] if path.is_file() else {}
    for calls in options.calls:
        began = time.process_time()
        print(f"{calls} calls", flush=True)
        begin = as_sde(options.levels) if options.levels else starts.get(str(calls))
        schedule, costs = fit(problem, begin or beginning(model.process, calls), options)
        rounded = {k: np.round(v, 5).tolist() for k, v in schedule.items()}
        found[str(calls)] = {
            "schedule": rounded, "costs": np.round(costs, 4).tolist(), "command": made.command,
            "cpu_seconds": round(time.process_time() - began, 1), "molecules": [m.smiles for m in molecules],
        }  # fmt: skip
        made.write(options.results, path.stem, {**made.made_by, **bench.weights_of(options.model), "schedules": found})
    if options.into is not None:
        into(options.into, found)


def into(folder: Path, found: dict[str, Any]) -> None:
    """Put the schedules into a model's config."""
    config_path = model_folder(folder) / "config.json"
    config = json.loads(config_path.read_text())
    schedules = {calls: each["schedule"] for calls, each in sorted(found.items(), key=lambda each: int(each[0]))}
    config["sampler"][FITTED] = schedules
    write_json(config_path, config)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
