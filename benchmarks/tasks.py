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

from eginterpolator.benchmark.data import hash_of
from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories, windows_of_folder
from eginterpolator.evaluation.trajectories import summarise
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.files.io import sha256, write_json, write_text
from eginterpolator.generation.tasks import GenerationConfig, frame_ps, generate_trajectories
from eginterpolator.machine.provenance import machine, versions
from eginterpolator.models.registry import Model, load_model, model_folder

QUARTERS = 4
KINDS = ("length", "angle", "torsion")
PATHS = ("jsd", "valid", "probability", "log_probability_a_step")


def forward(model: Model, known: Reference, start: np.ndarray, options: argparse.Namespace) -> list[Comparison]:
    """Comparison of each quarter of the trajectories."""
    config = GenerationConfig(
        task="forward", n_frames=options.forward_frames, n_samples=options.samples, seed=options.seed
    )
    made = generate_trajectories(model, known.molecule, config, Endpoint.of(start, known.molecule))
    length = options.forward_frames // QUARTERS
    return [known.compare([t.positions[k * length :][:length] for t in made]) for k in range(QUARTERS)]


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
    lines = [
        "## Forward simulation, a quarter at a time",
        "",
        "| quarter | length | angle | torsion | stereo | valid |",
    ]
    lines.append("|---|---|---|---|---|---|")
    for k, summary in enumerate(result["forward"]):
        cells = [f"{summary[kind]['mean']:.3f}" for kind in KINDS]
        cells += [f"{summary[name]:.4f}" for name in ("stereo_retention", "valid")]
        lines.append(f"| {k + 1} | {' | '.join(cells)} |")
    change = [f"{kind} {100 * result['change_of_the_last_quarter'][kind]:+.1f} %" for kind in KINDS]
    lines += ["", f"The last quarter against the first: {', '.join(change)}.", ""]
    lines += ["## Interpolation between metastable states", "", f"| | {' | '.join(PATHS)} | length | angle |"]
    lines.append("|---" * (len(PATHS) + 3) + "|")
    for label in ("generated", "md"):
        summary = result["interpolation"][label]
        cells = [f"{summary.get('paths', {}).get(name, {}).get('mean', float('nan')):.3f}" for name in PATHS]
        cells += [f"{summary[kind]['mean']:.3f}" for kind in ("length", "angle")]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    without = ", ".join(result["without_paths"]) or "none"
    lines += ["", f"Molecules without such a stretch: {without}."]
    return "\n".join(lines)


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--model", default="qm9-obc2")
    parser.add_argument("--forward-frames", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--paths", type=int, default=6, help="stretches of each molecule")
    parser.add_argument("--each", type=int, default=2, help="generated paths of each stretch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    host, model = machine(), load_model(options.model)
    config = EvaluationConfig(frame_ps=frame_ps(model), seed=options.seed)
    quarters: list[dict[str, Comparison]] = [{} for _ in range(QUARTERS)]
    paths: dict[str, dict[str, Comparison]] = {"generated": {}, "md": {}}
    without = []
    for path in sorted(options.reference.glob("*/molecule.sdf")):
        name = path.parent.name
        molecule, reference, _ = windows_of_folder(path.parent, config)
        _, replicas, stride, _ = load_trajectories(path.parent, config)
        known = Reference.of(molecule, reference, config.frame_ps, config.seed)
        last = replicas[-1][::stride]
        for k, comparison in enumerate(forward(model, known, last[0], options)):
            quarters[k][name] = comparison
        both = interpolation(model, known, last, options)
        if both is None:
            without.append(name)
        else:
            paths["generated"][name], paths["md"][name] = both
        print(name, flush=True)
    summaries = [summarise(each) for each in quarters]
    means = {kind: [summary[kind]["mean"] for summary in summaries] for kind in KINDS}
    result = {
        "command": "python benchmarks/tasks.py REFERENCE " + " ".join(sys.argv[2:]),
        "settings": {k: v for k, v in vars(options).items() if k not in ("reference", "results")},
        "machine": host,
        "versions": versions(),
        "weights_sha256": sha256(model_folder(options.model) / "model.safetensors"),
        "reference_sha256": hash_of(options.reference),
        "forward": summaries,
        "change_of_the_last_quarter": {kind: values[-1] / values[0] - 1 for kind, values in means.items()},
        "interpolation": {label: summarise(each) for label, each in paths.items()},
        "without_paths": without,
    }
    write_json(options.results / "qm9_tasks.json", result)
    spacing = config.frame_ps * options.forward_frames / 1000 / QUARTERS
    each = statistics.mean(c.n_trajectories for c in paths["generated"].values())
    head = (
        f"# Forward simulation and interpolation, {len(quarters[0])} test molecules\n\n`{result['command']}`. "
        f"A quarter is {spacing:.2f} ns; {options.samples} trajectories. JSD to the other replicas, mean over "
        f"features. Paths: {each:.1f} a molecule; `jsd` of the "
        "states visited, `valid` without a transition that MD's model does not have.\n\n"
    )
    write_text(options.results / "qm9_tasks.md", head + table(result) + "\n")
    print(table(result))


if __name__ == "__main__":
    main()
