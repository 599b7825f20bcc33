"""The oracle of a reference by our protocol: every block of its replicas in turn against the others.

    python benchmarks/leave_one_out.py REFERENCE [--workers 2]

REFERENCE holds molecule folders with several replicas each. Writes `leave_one_out.json` and `.md` into --results, and
with --docs the table between its markers: means over molecules with bootstrap intervals, and of each metric the lowest
and the highest block.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import bench
from eginterpolator.benchmark.data import hash_of
from eginterpolator.evaluation.comparison import Comparison
from eginterpolator.evaluation.trajectories import PROTOCOL, EvaluationConfig, evaluate_folders
from eginterpolator.jobs.tasks import Workers

FIGURES = {
    "length": "bond length, JSD", "angle": "bond angle, JSD", "torsion": "torsion, JSD", "tica_0": "TICA 0, JSD",
    "tica_01": "TICA 0,1, JSD", "msm": "metastable states, JSD",
    "within_factor_two": "measured torsions' times within a factor of two", "median_ratio": "their median ratio",
    "vamp2_gap": "VAMP-2 gap, block minus others", "timescale_error": "median relative error of the ten slowest",
    "slowest_within_factor_two": "slowest within a factor of two", "density_divergence": "TICA density, nats",
}  # fmt: skip


def spread(comparisons: dict[str, Comparison], name: str) -> str:
    """Lowest and highest block, mean over the molecules that have as many blocks as most."""
    each = [c.folds[name] for c in comparisons.values() if name in c.folds and None not in c.folds[name]]
    if not each:
        return ""
    count = max({len(x) for x in each}, key=[len(x) for x in each].count)
    blocks = np.mean([x for x in each if len(x) == count], axis=0)
    return f"{blocks.min():.3f} to {blocks.max():.3f}"


def _cell(value: Any) -> list[str]:
    low, high = ("unbounded" if end is None else f"{end:.3f}" for end in value["mean_95"])
    mean = "unbounded" if value["mean"] is None else f"{value['mean']:.3f}"
    return [mean, f"{low} to {high}", f"{value['median']:.3f}" if "median" in value else ""]


def main() -> None:
    """Run the benchmark."""
    parser = bench.metric_parser(__doc__)
    parser.add_argument("--workers", type=int, default=None)
    options = parser.parse_args()
    label = bench.label_of(options.reference)
    run = bench.Run(f"python benchmarks/leave_one_out.py {label} --seed {options.seed}")
    workers = Workers(count=options.workers) if options.workers else None
    found = evaluate_folders(None, options.reference, EvaluationConfig(seed=options.seed), workers)
    summary = found.to_dict()["oracle"]
    times, modes = summary["torsion_times"], summary["slow_modes"]
    values = {**summary, **times, **modes}
    rows = [
        [head, *_cell(values[name]), spread(found.oracle, name)] for name, head in FIGURES.items() if values.get(name)
    ]
    text = bench.table(["", "mean", "95 % over molecules", "median", "lowest and highest block"], rows)
    facts = (
        f"Protocol: {PROTOCOL} (docs/evaluation.md). {summary['molecules']} molecules, every frame of every replica. "
        f"{times['measured']:.1f} of {times['torsions']} torsions are measured, mean over blocks. VAMP-2, timescales "
        f"and density at a lag of {modes['lag_ps']:g} ps, the density in {modes['bins']} × {modes['bins']} bins. Too "
        f"rigid for TICA: {', '.join(summary['too_rigid_for_tica']) or 'none'}."
    )
    folds = {name: comparison.folds for name, comparison in found.oracle.items()}
    result = {"protocol": PROTOCOL, "reference_sha256": hash_of(options.reference), "oracle": summary, "folds": folds}
    made = f"`{run.command}`, {bench.listed(run.machine)}"
    run.write_metrics(options, "leave_one_out", result, f"{text}\n\n{facts} Made by {made}.")


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
