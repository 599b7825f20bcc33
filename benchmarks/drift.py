"""Does a system drift? Its trajectories judged a quarter at a time against the reference.

    python benchmarks/drift.py REFERENCE NAME=TRAJECTORIES ... [--results benchmarks/results]

TRAJECTORIES are folders of molecule folders, such as `samples/forward/*` of `egi benchmark`; frames 5.2 ps apart.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import bench
from eginterpolator.benchmark.data import hash_of
from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories, molecule_folders, windows_of_folder
from eginterpolator.evaluation.trajectories import summarise
from eginterpolator.files.io import write_text
from eginterpolator.machine.provenance import machine

QUARTERS = 4
KINDS = ("length", "angle", "torsion")


def quarters(trajectories: list[np.ndarray]) -> list[list[np.ndarray]]:
    """The frames [T, N, 3] of every trajectory in four parts of equal length; a rest is left out."""
    size = min(len(x) for x in trajectories) // QUARTERS
    return [[x[k * size : (k + 1) * size] for x in trajectories] for k in range(QUARTERS)]


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("systems", nargs="+", help="NAME=FOLDER")
    options = parser.parse_args()
    config = EvaluationConfig()
    found: dict[str, list[dict[str, Comparison]]] = {}
    for name, folder in molecule_folders(options.reference).items():
        molecule, windows, _ = windows_of_folder(folder, config)
        known = Reference.of(molecule, windows, config.frame_ps, config.seed)
        for system in options.systems:
            label, path = system.split("=")
            _, made, stride, _ = load_trajectories(Path(path) / name, config, molecule)
            parts = found.setdefault(label, [{} for _ in range(QUARTERS)])
            for k, frames in enumerate(quarters([x[::stride] for x in made])):
                parts[k][name] = known.compare(frames)
    rows = []
    for label, parts in found.items():
        for k, part in enumerate(parts):
            summary = summarise(part)
            cells = [bench.interval(summary[kind], between="–") for kind in KINDS]
            cells += [f"{summary[name]:.4f}" for name in ("stereo_retention", "valid")]
            rows.append([label, str(k + 1), *cells])
    text = bench.table(["", "quarter", *KINDS, "stereo retention", "valid"], rows)
    count = len(next(iter(found.values()))[0])
    head = [
        f"# Forward simulation a quarter at a time, {count} test molecules",
        "",
        "`python benchmarks/drift.py REFERENCE NAME=FOLDER ...`. Mean Jensen-Shannon distance over features, 95 % "
        "bootstrap interval over molecules; a quarter has few frames, so that distances are larger than those of whole "
        f"trajectories. Reference: SHA-256 {hash_of(options.reference)}. {bench.listed(machine())}.",
        "",
    ]
    write_text(options.results / "drift.md", "\n".join([*head, text]) + "\n")
    print(text)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
