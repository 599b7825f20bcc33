"""Forward simulation and interpolation of test molecules: does it drift, and are the paths those of MD?

    python benchmarks/tasks.py REFERENCE [--model qm9-obc2] [--forward-frames 1000] [--samples 4] [--paths 6]

Forward: from frame 0 of the last replica, `--samples` trajectories of `--forward-frames` frames; each quarter is judged
by itself against the other replicas. Interpolation: stretches of the last replica, as long as the model's window, whose
ends lie in different metastable states of the other replicas' Markov state model; the model gets both ends and makes
`--each` paths, and the stretches themselves are MD's row. Molecules without such a stretch are counted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bench
from drift import KINDS, QUARTERS, quarters
from eginterpolator.benchmark.data import hash_of
from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories, molecule_folders, windows_of_folder
from eginterpolator.evaluation.trajectories import summarise
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.generation.tasks import GenerationConfig, frame_ps, generate_trajectories
from eginterpolator.models.registry import Model, load_model

PATHS = ("jsd", "valid", "probability", "log_probability_a_step")


def forward(model: Model, known: Reference, start: np.ndarray, options: argparse.Namespace) -> list[Comparison]:
    """Comparison of each quarter of the trajectories."""
    config = GenerationConfig(
        task="forward", n_frames=options.forward_frames, n_samples=options.samples, seed=options.seed
    )
    made = generate_trajectories(model, known.molecule, config, Endpoint.of(start, known.molecule))
    return [known.compare(quarter) for quarter in quarters([t.positions for t in made])]


def stretches(known: Reference, replica: np.ndarray, frames: int, count: int, seed: int) -> list[np.ndarray]:
    """Up to `count` random stretches [frames, N, 3] of a replica that end in another metastable state."""
    if known.states is None:
        return []
    states = known.states.states(known.observe([replica]).angles_on_circle()[0])
    begins = np.flatnonzero(states[: -frames + 1] != states[frames - 1 :])
    chosen = np.random.default_rng(seed).permutation(begins)[:count]
    return [replica[begin : begin + frames] for begin in sorted(chosen)]


def interpolation(
    model: Model, known: Reference, replica: np.ndarray, options: argparse.Namespace
) -> tuple[Comparison, Comparison] | None:
    """Comparisons of the model's paths and of MD's; None where MD has none."""
    window = int(model.config["window"])
    given = stretches(known, replica, window, options.paths, options.seed)
    if not given:
        return None
    made = []
    for index, stretch in enumerate(given):
        first, last = (Endpoint.of(stretch[k], known.molecule) for k in (0, -1))
        config = GenerationConfig(
            task="interpolation", n_frames=window, n_samples=options.each, seed=options.seed + index
        )
        made += [t.positions for t in generate_trajectories(model, known.molecule, config, first, last)]
    return known.compare(made, paths=True), known.compare(given, paths=True)


def table(result: dict[str, Any]) -> str:
    """Both tables in Markdown."""
    rows = []
    for k, summary in enumerate(result["forward"]):
        cells = [f"{summary[kind]['mean']:.3f}" for kind in KINDS]
        rows.append([str(k + 1), *cells, *(f"{summary[name]:.4f}" for name in ("stereo_retention", "valid"))])
    lines = ["## Forward simulation, a quarter at a time", ""]
    lines.append(bench.table(["quarter", *KINDS, "stereo", "valid"], rows))
    change = [f"{kind} {100 * result['change_of_the_last_quarter'][kind]:+.1f} %" for kind in KINDS]
    lines += ["", f"The last quarter against the first: {', '.join(change)}.", ""]
    lines += ["## Interpolation between metastable states", ""]
    rows = []
    for label in ("generated", "md"):
        summary = result["interpolation"][label]
        cells = [f"{summary.get('paths', {}).get(name, {}).get('mean', float('nan')):.3f}" for name in PATHS]
        cells += [f"{summary[kind]['mean']:.3f}" for kind in ("length", "angle")]
        rows.append([label, *cells])
    lines.append(bench.table(["", *PATHS, "length", "angle"], rows))
    without = ", ".join(result["without_paths"]) or "none"
    lines += ["", f"Molecules without such a stretch: {without}."]
    return "\n".join(lines)


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--model", default="qm9-obc2")
    parser.add_argument("--forward-frames", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--paths", type=int, default=6, help="stretches of each molecule")
    parser.add_argument("--each", type=int, default=2, help="generated paths of each stretch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    run = bench.Run("python benchmarks/tasks.py REFERENCE " + " ".join(sys.argv[2:]))
    model = load_model(options.model)
    config = EvaluationConfig(frame_ps=frame_ps(model), seed=options.seed)
    judged: list[dict[str, Comparison]] = [{} for _ in range(QUARTERS)]
    paths: dict[str, dict[str, Comparison]] = {"generated": {}, "md": {}}
    without = []
    for name, folder in molecule_folders(options.reference).items():
        molecule, reference, _ = windows_of_folder(folder, config)
        _, replicas, stride, _ = load_trajectories(folder, config)
        known = Reference.of(molecule, reference, config.frame_ps, config.seed)
        last = replicas[-1][::stride]
        for k, comparison in enumerate(forward(model, known, last[0], options)):
            judged[k][name] = comparison
        both = interpolation(model, known, last, options)
        if both is None:
            without.append(name)
        else:
            paths["generated"][name], paths["md"][name] = both
        print(name, flush=True)
    summaries = [summarise(each) for each in judged]
    means = {kind: [summary[kind]["mean"] for summary in summaries] for kind in KINDS}
    result = {
        **run.made_by,
        "settings": {k: v for k, v in vars(options).items() if k not in ("reference", "results")},
        **bench.weights_of(options.model),
        "reference_sha256": hash_of(options.reference),
        "forward": summaries,
        "change_of_the_last_quarter": {kind: values[-1] / values[0] - 1 for kind, values in means.items()},
        "interpolation": {label: summarise(each) for label, each in paths.items()},
        "without_paths": without,
    }
    spacing = config.frame_ps * options.forward_frames / 1000 / QUARTERS
    each = statistics.mean(c.n_trajectories for c in paths["generated"].values())
    head = (
        f"# Forward simulation and interpolation, {len(judged[0])} test molecules\n\n`{run.command}`. "
        f"A quarter is {spacing:.2f} ns; {options.samples} trajectories. JSD to the other replicas, mean over "
        f"features. Paths: {each:.1f} a molecule; `jsd` of the "
        "states visited, `valid` without a transition that MD's model does not have.\n\n"
    )
    run.write(options.results, "qm9_tasks", result, head + table(result))
    print(table(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
