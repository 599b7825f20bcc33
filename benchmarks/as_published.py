"""Protocol A, the published evaluation, on a reference: its MD oracle beside the published one, and what differs.

    python benchmarks/as_published.py REFERENCE [--protocol qm9] [--generated DIR] [--docs docs/published_protocol.md]

REFERENCE holds molecule folders with five replicas of 5 ns each. The oracle is judged with several seeds of the
windows, and lengths, angles and torsions once more over every stored frame of the five replicas, without windows. With
--generated what a model made stands beside. Writes `as_published.json` and `as_published.md` into --results, and with
--docs the table between the markers.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.chemistry.features import angles, lengths
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.evaluation.distributions import RANGES, bootstrap, histograms, jensen_shannon
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories, molecule_folders
from eginterpolator.evaluation.published import published_trajectories
from eginterpolator.evaluation.published_protocol.folders import PublishedEvaluation, evaluate_as_published
from eginterpolator.evaluation.published_protocol.settings import FRAME_PS, ORACLE_WINDOWS, REPLICAS, protocol_of
from eginterpolator.evaluation.published_protocol.torsion_list import published_features, torsion_angles
from eginterpolator.evaluation.published_protocol.windows import draw_starts, generator_of

COLUMNS = {
    "angle": "angle", "length": "length", "torsion": "torsion", "tica_0": "TICA 0", "tica_01": "TICA 0,1",
    "decorrelation": "decorr.", "msm": "MSM",
}  # fmt: skip
SEEDS = (0, 1, 2)


def every_frame(molecule: Molecule, replicas: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """JSD of each feature of the fifth of `replicas` [T, N, 3] against the other four, over all of their frames."""
    features = published_features(molecule)
    measures = (
        ("length", lengths, features.bonds),
        ("angle", angles, features.angles),
        ("torsion", torsion_angles, features.torsions),
    )
    found = {}
    for kind, measure, atoms in measures:
        counts = [histograms(measure(x[:, : molecule.n_heavy], atoms), *RANGES[kind]) for x in replicas]
        found[kind] = jensen_shannon(counts[-1], np.sum(counts[:-1], axis=0))
    return found


def different_frames(n_stored: int, stride: int, n_frames: int, molecule: str) -> int:
    """How many different stored frames the oracle's windows hold of `n_stored`, as they are drawn for lengths."""
    starts = draw_starts(n_stored, stride, n_frames, ORACLE_WINDOWS, generator_of(0, "length", molecule))
    return len(np.unique(starts[:, None] + stride * np.arange(n_frames)))


def over_seeds(evaluations: Sequence[PublishedEvaluation]) -> dict[str, dict[str, float]]:
    """Least and greatest mean of each column over the seeds."""
    rows = [each.to_dict()["oracle"] for each in evaluations]
    means = {column: [row[column]["mean"] for row in rows] for column in COLUMNS if column in rows[0]}
    return {column: {"low": min(x), "high": max(x), "sd": statistics.stdev(x)} for column, x in means.items()}


def main() -> None:
    """Run the benchmark."""
    made = bench.metric_parser(__doc__)
    made.add_argument("--protocol", default="qm9", choices=("qm9", "drugs"))
    made.add_argument("--generated", type=Path, help="what a model made of these molecules")
    options = made.parse_args()
    protocol = protocol_of(options.protocol)
    run = bench.Run(f"python benchmarks/as_published.py REFERENCE --protocol {options.protocol} --seed {options.seed}")
    seeds = [options.seed + seed for seed in SEEDS]
    first = evaluate_as_published(options.generated, options.reference, options.protocol, seeds[0])
    others = [evaluate_as_published(None, options.reference, options.protocol, seed) for seed in seeds[1:]]
    static: dict[str, list[np.ndarray]] = {kind: [] for kind in RANGES}
    different = []
    for folder in molecule_folders(options.reference).values():
        molecule, replicas, stride, _ = load_trajectories(folder, EvaluationConfig(frame_ps=FRAME_PS))
        for kind, values in every_frame(molecule, replicas[:REPLICAS]).items():
            static[kind] += [values] if len(values) else []
        different.append(different_frames(len(replicas[-1]), stride, protocol.n_frames, molecule.smiles))
    summary = first.to_dict()
    everything = {kind: bootstrap(values) for kind, values in static.items()}
    published = published_trajectories(protocol.dataset, protocol.task)
    spread = over_seeds([first, *others])
    label = f"replica 4 against replicas 0–3, {len(first.oracle)} molecules"
    rows: list[list[str]] = [["published oracle, arXiv 2604.03911, explicit water", *_cells(published["MD oracle"])]]
    rows.append([label, *_cells(summary["oracle"])])
    rows.append(["95 % interval of the mean over molecules", *_intervals(summary["oracle"])])
    rows.append([f"means with {len(seeds)} seeds of the windows", *_spans(spread)])
    rows.append(["no windows: every stored frame of all five", *_cells(everything)])
    if first.generated:
        rows.append([f"generated, {len(first.generated)} molecules", *_cells(summary["generated"])])
        rows.append(["published, EGInterpolator", *_cells(published["EGInterpolator"])])
    result = {
        "protocol": protocol.name,
        "molecules": len(first.oracle),
        "published": published["MD oracle"],
        "oracle": summary["oracle"],
        "generated": summary["generated"],
        "over_seeds": {"seeds": seeds, **spread},
        "every_frame": everything,
        "different_frames_of_the_oracle": {"mean": float(np.mean(different)), "each": different},
        "failures": first.failures,
    }
    heads = [f"{protocol.name}; JSD, mean / median", *COLUMNS.values()]
    run.write_metrics(options, "as_published", result, bench.table(heads, rows))
    print(f"different stored frames in the oracle's windows, mean: {np.mean(different):.0f}")


def _cells(row: dict[str, Any]) -> list[str]:
    return [f"{row[c]['mean']:.3f} / {row[c]['median']:.3f}" if c in row else "–" for c in COLUMNS]


def _intervals(row: dict[str, Any]) -> list[str]:
    return ["{:.3f}–{:.3f}".format(*row[c]["mean_95"]) if c in row else "–" for c in COLUMNS]


def _spans(row: dict[str, dict[str, float]]) -> list[str]:
    return [f"{row[c]['low']:.3f}–{row[c]['high']:.3f}" if c in row else "–" for c in COLUMNS]


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
