"""Does a system drift? Its trajectories judged a quarter at a time against the reference.

    python benchmarks/drift.py REFERENCE NAME=TRAJECTORIES ... [--results benchmarks/results]

TRAJECTORIES are folders of molecule folders, such as `samples/forward/*` of `egi benchmark`; frames 5.2 ps apart.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("systems", nargs="+", help="NAME=FOLDER")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
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
    lines = ["| | quarter | length | angle | torsion | stereo retention | valid |", "|---|---|---|---|---|---|---|"]
    for label, parts in found.items():
        for k, part in enumerate(parts):
            summary = summarise(part)
            cells = []
            for kind in KINDS:
                low, high = summary[kind]["mean_95"]
                cells.append(f"{summary[kind]['mean']:.3f} ({low:.3f}–{high:.3f})")
            cells += [f"{summary['stereo_retention']:.4f}", f"{summary['valid']:.4f}"]
            lines.append(f"| {label} | {k + 1} | {' | '.join(cells)} |")
    made_by = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in machine().items())
    count = len(next(iter(found.values()))[0])
    head = [
        f"# Forward simulation a quarter at a time, {count} test molecules",
        "",
        "`python benchmarks/drift.py REFERENCE NAME=FOLDER ...`. Mean Jensen-Shannon distance over features, 95 % "
        "bootstrap interval over molecules; a quarter has few frames, so that distances are larger than those of whole "
        f"trajectories. Reference: SHA-256 {hash_of(options.reference)}. {made_by}.",
        "",
    ]
    write_text(options.results / "drift.md", "\n".join([*head, *lines]) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
