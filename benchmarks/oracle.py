"""The MD oracle of a reference beside the published one, and what makes them differ.

    python benchmarks/oracle.py REFERENCE [--docs docs/evaluation.md]

REFERENCE holds molecule folders with five replicas each; the last one is judged against the others. Besides windows,
as `egi evaluate trajectories` took until November 2026, it measures how much of each distance is the number of frames:
the same with other numbers of windows, with every stored frame, and with frames drawn from the reference itself, whose
distance is sampling noise alone. Writes `oracle.json` and `oracle.md` into --results, and with --docs the table between
the markers.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories, molecule_folders, windows_of_folder
from eginterpolator.evaluation.published import published_trajectories
from eginterpolator.evaluation.trajectories import summarise

COLUMNS = {"angle": "angle", "length": "length", "torsion": "torsion", "tica_0": "TICA 0", "tica_01": "TICA 0,1"}
PROTOCOL = "replica 4 against replicas 0–3, 10 windows"


def variants(folder: Path, config: EvaluationConfig) -> tuple[dict[str, Comparison], int]:
    """Row -> comparison of one molecule, and how many different stored frames the oracle's windows hold."""
    molecule, reference, oracle = windows_of_folder(folder, config)
    known = Reference.of(molecule, reference, config.frame_ps, config.seed)
    random = np.random.default_rng(config.seed)
    rows = {PROTOCOL: known.compare(oracle)}
    for count in (2, 40):
        windows = windows_of_folder(folder, replace(config, oracle_windows=count))[2]
        rows[f"the same, {count} windows"] = known.compare(windows)
    _, replicas, stride, _ = load_trajectories(folder, config)
    last = replicas[-config.held_out :]
    spacing = config.frame_ps / stride
    everything = Reference.of(molecule, replicas[: -config.held_out], spacing, config.seed)
    rows[f"every stored frame of both ({spacing:g} ps apart)"] = everything.compare(last)
    pool = np.concatenate(reference)
    different = len(np.unique(np.concatenate(oracle).reshape(len(oracle) * len(oracle[0]), -1), axis=0))
    for label, count in (("as many", len(oracle) * config.n_frames), ("as many different", different)):
        drawn = pool[random.integers(len(pool), size=count)]
        rows[f"sampling noise: {label} frames drawn from the reference"] = known.compare([drawn])
    return rows, different


def main() -> None:
    """Run the benchmark."""
    options = bench.metric_parser(__doc__).parse_args()
    run = bench.Run(f"python benchmarks/oracle.py REFERENCE --seed {options.seed}")
    config = EvaluationConfig(seed=options.seed)
    found: dict[str, dict[str, Comparison]] = {}
    different = []
    for name, folder in molecule_folders(options.reference).items():
        rows, count = variants(folder, config)
        different.append(count)
        for label, comparison in rows.items():
            found.setdefault(label, {})[name] = comparison
        print(name, flush=True)
    summaries = {label: summarise(comparisons) for label, comparisons in found.items()}
    published = published_trajectories("qm9", "unconditional")["MD oracle"]
    shown = {"published oracle, arXiv 2604.03911, explicit water": published, **summaries}
    table = [[label, *(_cell(row.get(column)) for column in COLUMNS)] for label, row in shown.items()]
    result = {
        "molecules": len(different),
        "different_frames_of_the_oracle": {"mean": float(np.mean(different)), "each": different},
        "published": published,
        "rows": summaries,
    }
    run.write_metrics(options, "oracle", result, bench.table(["JSD, mean / median", *COLUMNS.values()], table))
    print(f"different stored frames in the oracle's windows, mean: {np.mean(different):.0f}")


def _cell(value: Any) -> str:
    return "–" if value is None else f"{value['mean']:.3f} / {value['median']:.3f}"


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
