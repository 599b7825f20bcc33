"""What models made of a reference's molecules, as it came and thermalised, by the published protocol and by ours.

    egi generate REFERENCE --model qm9-obc2 --samples 10 --frames 500 --seed 1 --out plain
    egi generate REFERENCE --model qm9-obc2 --samples 10 --frames 500 --seed 1 --thermalise 0.5 --out thermal
    python benchmarks/judged.py REFERENCE plain thermal --protocol qm9 [--workers 2]

Each folder is a row beside the oracle. Of our protocol a row of differences to the oracle stands below it, with what
of them is at the oracle. Without --protocol (references of less than 5 ns) only ours is judged. Writes `judged.json`
and `judged.md` into --results.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bench
from eginterpolator.benchmark.data import hash_of
from eginterpolator.evaluation.published_protocol.folders import evaluate_as_published
from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
from eginterpolator.jobs.tasks import Workers

PUBLISHED = ("length", "angle", "torsion", "decorrelation", "tica_0", "tica_01", "msm")
OURS = (
    "length", "angle", "torsion", "tica_0", "tica_01", "within_factor_two", "median_ratio", "timescale_error",
    "density_divergence",
)  # fmt: skip
ABSOLUTE = ("stereo_retention", "valid")


def ours_of(summary: dict[str, Any]) -> dict[str, Any]:
    """The figures of our protocol by name, whatever part of the summary they stand in."""
    return {**summary, **summary["torsion_times"], **summary["slow_modes"]}


def _cell(value: Any) -> str:
    if value is None or value.get("mean") is None:
        return "–"
    low, high = ("?" if end is None else f"{end:.3f}" for end in value["mean_95"])
    mark = " =" if value.get("at_oracle") else ""
    return f"{value['mean']:.3f} ({low} to {high}){mark}"


def row(head: str, values: dict[str, Any], names: tuple[str, ...], shares: tuple[str, ...] = ()) -> list[str]:
    """A row of the table: means with their intervals, then plain shares."""
    return [head, *(_cell(values.get(name)) for name in names), *(f"{values[name]:.4f}" for name in shares)]


def main() -> None:
    """Run the benchmark."""
    parser = bench.metric_parser(__doc__)
    parser.add_argument("generated", type=Path, nargs="+", help="folders of what was made")
    parser.add_argument("--protocol", choices=("qm9", "drugs"), help="judge by the published protocol too")
    parser.add_argument("--workers", type=int, default=None)
    options = parser.parse_args()
    label = bench.label_of(options.reference)
    names = [folder.name for folder in options.generated]
    asked = f" --protocol {options.protocol}" if options.protocol else ""
    run = bench.Run(f"python benchmarks/judged.py {label} {' '.join(names)}{asked} --seed {options.seed}")
    workers = Workers(count=options.workers) if options.workers else None
    result: dict[str, Any] = {"reference_sha256": hash_of(options.reference), "published": {}, "ours": {}}
    published: list[list[str]] = []
    ours: list[list[str]] = []
    for name, folder in zip(names, options.generated, strict=True):
        found = evaluate_folders(folder, options.reference, EvaluationConfig(seed=options.seed), workers).to_dict()
        kept = {key: found[key] for key in ("generated", "oracle", "differences", "failures")}
        result["ours"][name] = kept
        if not ours:
            ours.append(row("MD oracle", ours_of(kept["oracle"]), OURS, ABSOLUTE))
        ours.append(row(name, ours_of(kept["generated"]), OURS, ABSOLUTE))
        ours.append([*row(f"{name} minus oracle", kept["differences"], OURS), "", ""])
        if options.protocol:
            whole = evaluate_as_published(folder, options.reference, options.protocol, options.seed).to_dict()
            result["published"][name] = {key: whole[key] for key in ("generated", "oracle")}
            if not published:
                published.append(row("MD oracle", whole["oracle"], PUBLISHED))
            published.append(row(name, whole["generated"], PUBLISHED))
    count = result["ours"][names[0]]["generated"]["molecules"]
    parts = [f"# What was made of {count} molecules of `{label}`", ""]
    if published:
        parts += ["As published: JSD, mean (95 % over molecules).", "", bench.table(["", *PUBLISHED], published), ""]
    parts += [
        "By our protocol; `within_factor_two` and `median_ratio` are of the times of measured torsions; '=' is at the "
        "oracle.",
        "",
        bench.table(["", *OURS, *ABSOLUTE], ours),
        "",
        f"`{run.command}`, {bench.listed(run.machine)}; reference SHA-256 `{result['reference_sha256'][:16]}`.",
    ]
    run.write(options.results, "judged", {**run.made_by, **result}, "\n".join(parts))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
