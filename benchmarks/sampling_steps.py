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

import trajectories
from eginterpolator.errors import EGIError
from eginterpolator.files.io import sha256, write_json, write_text
from eginterpolator.generation.tasks import resolve_device
from eginterpolator.machine.provenance import machine, versions
from eginterpolator.models.registry import load_model, model_folder

COLUMNS = ("length", "angle", "torsion", "tica_0")


def table(runs: dict[int, dict[str, Any]], compared: dict[int, dict[str, Any]]) -> str:
    """Markdown: a row for each number of steps, and one for each difference to the first."""
    lines = [
        f"| steps | {' | '.join(COLUMNS)} | decorrelation | stereo retention | valid | seconds a trajectory |",
        f"|---|{'---|' * (len(COLUMNS) + 4)}",
    ]
    first = next(iter(runs))
    for steps, run in runs.items():
        summary, seconds = run["evaluation"]["generated"], run["seconds_a_trajectory"].values()
        cells = [f"{summary[column]['mean']:.4f}" for column in (*COLUMNS, "decorrelation")]
        cells += [f"{summary['stereo_retention']:.4f}", f"{summary['valid']:.4f}", f"{np.mean(list(seconds)):.1f}"]
        lines.append(f"| {steps} | {' | '.join(cells)} |")
    for steps, difference in compared.items():
        cells = []
        for column in COLUMNS:
            mean, (low, high) = difference[column]["mean"], difference[column]["mean_95"]
            cells.append(f"{mean:+.4f} ({low:+.4f} to {high:+.4f})")
        lines.append(f"| {steps} minus {first} | {' | '.join(cells)} | | | | |")
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    options.task, options.sampler = "unconditional", None
    return options


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Make, judge and write everything; returns what the JSON holds."""
    if options.threads:
        torch.set_num_threads(options.threads)
    reference = trajectories.Reference.read(options.reference)
    model = load_model(options.model, resolve_device("auto"))
    runs: dict[int, dict[str, Any]] = {}
    for steps in options.steps:
        each = argparse.Namespace(**{**vars(options), "steps": steps, "out": options.out / str(steps)})
        runs[steps] = trajectories.generate_and_judge(model, reference, each, options.strength, with_oracle=False)
    first, *others = options.steps
    compared = {steps: trajectories.differences(runs[first], runs[steps]) for steps in others}
    command = (
        f"python benchmarks/sampling_steps.py {reference.label} --out OUT --steps {' '.join(map(str, options.steps))} "
        f"--model {model.name} --samples {options.samples} --frames {options.frames} --seed {options.seed} "
        f"--strength {options.strength:g}"
    )
    files = model_folder(options.model)
    result: dict[str, Any] = {
        "command": command,
        "machine": machine(),
        "versions": versions(),
        "model": {"name": model.name, "weights_sha256": sha256(files / "model.safetensors")},
        "reference": {"name": reference.label, "sha256": reference.sha256, "molecules": len(reference.smiles)},
        "runs": {str(steps): each for steps, each in runs.items()},
        "differences": {str(steps): each for steps, each in compared.items()},
    }
    write_json(options.results / "sampling_steps.json", result)
    failed = [
        f"- {steps} steps, {name}: {why}" for steps, each in runs.items() for name, why in each["failures"].items()
    ]
    page = [
        f"# Sampling with {first} steps and with more",
        f"`{command}`, {result['machine']['processor']}, sampler {runs[first]['sampler']['sampler']}. JSD to the "
        f"reference, mean over all features of {len(reference.smiles)} molecules; differences with 95 % bootstrap "
        "intervals over molecules. So few frames have larger distances than the 10 × 500 of `qm9_trajectories.md`.",
        table(runs, compared),
        "\n".join(failed) if failed else "No molecule failed.",
    ]
    write_text(options.results / "sampling_steps.md", "\n\n".join(page) + "\n")
    print(page[2])
    return result


def main() -> int:
    """Exit 0 all judged, 1 some molecules failed, 2 nothing can be done (one sentence)."""
    try:
        result = run(parse())
    except EGIError as error:
        print(f"sampling_steps: {error}", file=sys.stderr)
        return 2
    return 1 if any(each["failures"] for each in result["runs"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
