"""Which checks of `valid` do frames of simulations pass?

    python benchmarks/validity.py FOLDER ... [--results benchmarks/results]

Each FOLDER holds molecule folders with simulations, such as those of `egi simulate`. Every frame is held against the
checks of `chemistry/validity.py`, with hydrogens and without. Writes `validity.json` and `validity.md`: the share of
the frames that passes all checks, what each check fails, microseconds a frame, and the molecules that lose most. The
folders of the table that is kept: `qm9-md/train`; MD of `datasets/lists/water_drugs.smi` and of
`datasets/lists/functional_groups.smi`, 16 replicas of 50 ps each.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.chemistry.validity import CHECKS, every_check, frame_checks
from eginterpolator.errors import InputError
from eginterpolator.evaluation.loading import molecule_folders
from eginterpolator.files.folder import read_molecule_folder

WORST = 8
"""Molecules of a folder that are named."""


def judge(folder: Path, heavy: bool) -> dict[str, Any]:
    """Shares of the frames of all molecules of a folder, each frame counting the same."""
    failed = dict.fromkeys(CHECKS, 0)
    molecules: dict[str, tuple[str, float]] = {}
    frames, valid, seconds = 0, 0, 0.0
    for name, path in molecule_folders(folder).items():
        molecule, trajectories, _ = read_molecule_folder(path)
        positions = np.concatenate([each.positions for each in trajectories])
        positions = positions[:, : molecule.n_heavy] if heavy else positions
        began = time.perf_counter()
        checks = frame_checks(molecule, positions)
        passed = every_check(checks)
        seconds += time.perf_counter() - began
        for check, each in checks.items():
            failed[check] += int((~each).sum())
        frames, valid = frames + len(passed), valid + int(passed.sum())
        molecules[name] = (molecule.smiles, float(passed.mean()))
    if not frames:
        raise InputError(f"'{folder}' holds no molecule folder with a trajectory.")
    worst = sorted(((share, name, smiles) for name, (smiles, share) in molecules.items() if share < 1))[:WORST]
    return {
        "folder": bench.label_of(folder),
        "atoms": "heavy" if heavy else "all",
        "molecules": len(molecules),
        "frames": frames,
        "valid": valid / frames,
        "failed": failed,
        "microseconds_a_frame": round(1e6 * seconds / frames, 1),
        "worst": [{"name": name, "smiles": smiles, "valid": share} for share, name, smiles in worst],
    }


def page(rows: list[dict[str, Any]]) -> str:
    """The table, and under it the molecules that lose most."""
    columns = ["simulations", "atoms", "molecules", "frames", "valid", *[f"fail {c}" for c in CHECKS], "µs a frame"]
    cells = [
        [row["folder"], row["atoms"], str(row["molecules"]), f"{row['frames']:,}", f"{row['valid']:.5f}"]
        + [str(row["failed"][check]) for check in CHECKS]
        + [f"{row['microseconds_a_frame']:.0f}"]
        for row in rows
    ]
    text = ["# Which checks of `valid` does MD pass?", "", bench.table(columns, cells), ""]
    for row in (row for row in rows if row["atoms"] == "all"):
        named = ", ".join(f"{each['name']} `{each['smiles']}` {each['valid']:.4f}" for each in row["worst"])
        text += [f"- {row['folder']}, least valid: {named or 'none loses a frame'}."]
    return "\n".join(text)


def main() -> None:
    """Run the benchmark."""
    parser = bench.parser(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of molecule folders with simulations")
    options = parser.parse_args()
    run = bench.Run(f"python benchmarks/validity.py {' '.join(bench.label_of(each) for each in options.folders)}")
    rows = [judge(folder, heavy) for folder in options.folders for heavy in (False, True)]
    text = page(rows)
    run.write(options.results, "validity", {**run.made_by, "rows": rows}, text)
    print(text)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
