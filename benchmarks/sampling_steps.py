"""The default number of sampling steps against many, side by side on the same molecules.

    python benchmarks/sampling_steps.py REFERENCE --out TRAJECTORIES [--steps 16 1000] [--model qm9-obc2]
        [--samples 1] [--frames 125] [--seed 1] [--strength 1] [--threads 1]

Everything but the number of steps is the model's own: sampler, its options, first and last noise level. Each pair of
runs is judged as `benchmarks/trajectories.py` does, and the differences to the first number of steps are taken feature
by feature. Interrupted, the same command goes on from there. It only measures: steps are chosen on held-out training
molecules, with `benchmarks/tune_sampler.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bench
import trajectories
from eginterpolator.generation.tasks import resolve_device
from eginterpolator.models.registry import load_model

COLUMNS = ("length", "angle", "torsion", "tica_0")


def table(runs: dict[int, dict[str, Any]], compared: dict[int, dict[str, Any]]) -> str:
    """Markdown: a row for each number of steps, and one for each difference to the first."""
    rows = []
    first = next(iter(runs))
    for steps, run in runs.items():
        summary, seconds = run["evaluation"]["generated"], run["seconds_a_trajectory"].values()
        within = summary["torsion_times"]["within_factor_two"]
        cells = [f"{summary[column]['mean']:.4f}" for column in COLUMNS]
        cells.append(f"{within['mean']:.4f}" if within else "–")
        cells += [f"{summary['stereo_retention']:.4f}", f"{summary['valid']:.4f}", f"{np.mean(list(seconds)):.1f}"]
        rows.append([str(steps), *cells])
    for steps, difference in compared.items():
        cells = [bench.interval(difference[column], "+.4f") for column in COLUMNS]
        rows.append([f"{steps} minus {first}", *cells, "", "", "", ""])
    columns = ["steps", *COLUMNS, "torsion times within ×2", "stereo retention", "valid", "seconds a trajectory"]
    return bench.table(columns, rows)


def parse() -> argparse.Namespace:
    """Options of the command line."""
    parser = bench.parser(__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where the trajectories go; kept, and resumed from")
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[16, 1000], help="the first is compared with the others"
    )
    parser.add_argument("--model", default="qm9-obc2")
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--frames", type=int, default=125)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    options.task, options.sampler = "unconditional", None
    return options


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make, judge and write everything; returns what the JSON holds."""
    if options.threads:
        torch.set_num_threads(options.threads)
    reference = trajectories.Reference.read(options.reference)
    model = load_model(options.model, resolve_device("auto"))
    made = bench.Run(
        f"python benchmarks/sampling_steps.py {reference.label} --out OUT --steps {' '.join(map(str, options.steps))} "
        f"--model {model.name} --samples {options.samples} --frames {options.frames} --seed {options.seed} "
        f"--strength {options.strength:g}"
    )
    runs: dict[int, dict[str, Any]] = {}
    for steps in options.steps:
        each = argparse.Namespace(**{**vars(options), "steps": steps, "out": options.out / str(steps)})
        runs[steps] = trajectories.generate_and_judge(model, reference, each, options.strength, with_oracle=False)
    first, *others = options.steps
    compared = {steps: trajectories.differences(runs[first], runs[steps]) for steps in others}
    result: dict[str, Any] = {
        **made.made_by,
        "model": {"name": model.name, **bench.weights_of(options.model)},
        "reference": {"name": reference.label, "sha256": reference.sha256, "molecules": len(reference.smiles)},
        "runs": {str(steps): each for steps, each in runs.items()},
        "differences": {str(steps): each for steps, each in compared.items()},
    }
    failed = [
        f"- {steps} steps, {name}: {why}" for steps, each in runs.items() for name, why in each["failures"].items()
    ]
    page = [
        f"# Sampling with {first} steps and with more",
        f"`{made.command}`, {made.machine['processor']}, sampler {runs[first]['sampler']['sampler']}. JSD to the "
        f"reference, mean over all features of {len(reference.smiles)} molecules; differences with 95 % bootstrap "
        "intervals over molecules. So few frames have larger distances than the 10 × 500 of `qm9_trajectories.md`.",
        table(runs, compared),
        "\n".join(failed) if failed else "No molecule failed.",
    ]
    made.write(options.results, "sampling_steps", result, "\n\n".join(page))
    print(page[2])
    return result


def main() -> int:
    """Exit 0 all judged, 1 some molecules failed, 2 nothing can be done (one sentence)."""
    return bench.ended(__file__, lambda: any(each["failures"] for each in run(parse())["runs"].values()))


if __name__ == "__main__":
    sys.exit(main())
