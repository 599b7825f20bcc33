"""Wall time of the evaluation: 24 molecules x 10 x 500 frames, and the RMSD matrix against a double loop of GetBestRMS.

    python benchmarks/evaluation_speed.py GENERATED REFERENCE SMILES_FILE [--workers 2] [--molecules 24]

GENERATED and REFERENCE are folders of molecule folders with the same names; where they hold fewer than --molecules,
some are judged again under other names. The RMSD matrices are of ETKDG conformers of the first molecules of
SMILES_FILE, computed both ways in turn, --repeats times. Writes `evaluation_speed.json` into --results. Seconds depend
on what else the machine does, so its load and the CPU seconds stand beside them; ratios are of times taken side by
side.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdMolAlign

import bench
from eginterpolator.chemistry.rmsd import MAX_MATCHES, numberings
from eginterpolator.evaluation.conformers import rmsd_matrix
from eginterpolator.evaluation.trajectories import EvaluationConfig, evaluate_folders
from eginterpolator.jobs.tasks import Workers

REFERENCES, GENERATED = 50, 100


def trajectories(generated: Path, reference: Path, count: int, workers: int) -> dict[str, Any]:
    """Seconds to judge `count` molecules with the MD oracle beside."""
    names = sorted(path.parent.name for path in generated.glob("*/molecule.sdf"))
    with tempfile.TemporaryDirectory() as scratch:
        for root, source in (("generated", generated), ("reference", reference)):
            (Path(scratch) / root).mkdir()
            for k in range(count):
                link = Path(scratch) / root / f"m{k:03d}"
                link.symlink_to((source / names[k % len(names)]).resolve())
        began, used, load = time.perf_counter(), cpu_seconds(), os.getloadavg()[0]
        found = evaluate_folders(
            Path(scratch) / "generated", Path(scratch) / "reference", EvaluationConfig(),
            Workers(count=workers) if workers > 1 else None,
        )  # fmt: skip
        seconds, used = time.perf_counter() - began, cpu_seconds() - used
    if found.failures:
        raise SystemExit(f"failed: {found.failures}")
    first = next(iter(found.generated.values()))
    return {
        "molecules": count,
        "different_molecules": min(count, len(names)),
        "trajectories_each": first.n_trajectories,
        "frames_each": first.n_frames // first.n_trajectories,
        "workers": workers,
        "seconds": seconds,
        "cpu_seconds": used,
        "load_average_before": load,
        "load_average_after": os.getloadavg()[0],
    }


def cpu_seconds() -> float:
    """CPU seconds of this process and of the workers that it has ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def ensembles(smiles_file: Path, count: int) -> list[tuple[Chem.Mol, Chem.Mol]]:
    """Generated and reference conformers without hydrogens of the first molecules that embed."""
    result: list[tuple[Chem.Mol, Chem.Mol]] = []
    for line in smiles_file.read_text().splitlines():
        if len(result) == count:
            break
        mol = Chem.AddHs(Chem.MolFromSmiles(line.split()[0]))
        groups = []
        for n, seed in ((GENERATED, 1), (REFERENCES, 2)):
            rdDistGeom.EmbedMultipleConfs(mol, n, randomSeed=seed)
            groups.append(Chem.RemoveHs(mol))
        if all(group.GetNumConformers() for group in groups):
            result.append((groups[0], groups[1]))
    return result


def double_loop(generated: Chem.Mol, reference: Chem.Mol) -> np.ndarray:
    """The plain way: GetBestRMS of every pair."""
    probe = Chem.Mol(generated)  # it is moved
    return np.array(
        [
            [
                rdMolAlign.GetBestRMS(probe, reference, a.GetId(), b.GetId(), maxMatches=MAX_MATCHES)
                for b in reference.GetConformers()
            ]
            for a in generated.GetConformers()
        ]
    )


def timed(
    compute: Callable[[Chem.Mol, Chem.Mol], np.ndarray], pair: tuple[Chem.Mol, Chem.Mol]
) -> tuple[np.ndarray, np.ndarray]:
    """Wall and CPU seconds [2] of one matrix, and the matrix."""
    began = np.array([time.perf_counter(), time.process_time()])
    found = compute(*pair)
    return np.array([time.perf_counter(), time.process_time()]) - began, found


def matrices(pairs: list[tuple[Chem.Mol, Chem.Mol]], repeats: int) -> dict[str, Any]:
    """Ratio of the two ways, over all molecules, in each repeat; and the largest difference of the RMSDs."""
    sums = np.zeros((repeats, 2, 2))  # repeat, way, clock
    worst = 0.0
    for repeat in range(repeats):
        for pair in pairs:
            (fast, ours), (slow, theirs) = timed(rmsd_matrix, pair), timed(double_loop, pair)
            sums[repeat] += (fast, slow)
            worst = max(worst, float(np.abs(ours - theirs).max()))
    clocks = {}
    for k, clock in enumerate(("wall", "cpu")):
        ratios = (sums[:, 1, k] / sums[:, 0, k]).tolist()
        clocks[clock] = {
            "seconds_rmsd_matrix": sums[:, 0, k].tolist(),
            "seconds_double_loop": sums[:, 1, k].tolist(),
            "ratio": {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)},
        }
    return {
        "molecules": len(pairs),
        "matrix": [GENERATED, REFERENCES],
        "numberings": [len(numberings(*pair).atoms) for pair in pairs],
        "repeats": repeats,
        **clocks,
        "largest_difference_angstrom": worst,
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    """Run the benchmark."""
    parser = bench.parser(__doc__)
    parser.add_argument("generated", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("smiles", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--molecules", type=int, default=24)
    parser.add_argument("--matrices", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    run = bench.Run(
        "python benchmarks/evaluation_speed.py GENERATED REFERENCE SMILES_FILE "
        f"--workers {options.workers} --molecules {options.molecules} --matrices {options.matrices} "
        f"--repeats {options.repeats}"
    )
    result: dict[str, Any] = {
        **run.made_by,
        "cores": os.cpu_count(),
        "rmsd": matrices(ensembles(options.smiles, options.matrices), options.repeats),
    }
    print(result["rmsd"], flush=True)
    result["trajectories"] = trajectories(options.generated, options.reference, options.molecules, options.workers)
    print(result["trajectories"])
    run.write(options.results, "evaluation_speed", result)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
