"""References of the held-out molecules: 16 replicas of 2.6 ns in lanes, of 10 ns where a torsion is slower than 500 ps.

    python benchmarks/held_out.py --out held_out [--lists held_out_qm9 held_out_drugs] [--short] [--workers 2]

The one definition for every table that settings or models are chosen by: OBC2 at 300 K, friction 1/ps, starts from
spread conformers, frames 1.3 ps apart, in `OUT/LIST/NAME/`. `egi evaluate trajectories GENERATED OUT/LIST` judges
against it, the oracle being blocks of four replicas. Interrupted, the same command goes on; with --short it ends before
the runs of 10 ns. Writes `held_out.json` and
`.md` into --results. The lists are in `src/eginterpolator/data/lists`, and the package leaves them out of all data.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

import bench
from eginterpolator.analysis.clocks import pooled_times
from eginterpolator.benchmark.data import hash_of
from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.evaluation.comparison import Observed
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.inputs import read_inputs
from eginterpolator.jobs.molecules import Hooks
from eginterpolator.jobs.tasks import Workers
from eginterpolator.simulation.job import simulate_many

LISTS = Path(__file__).resolve().parents[1] / "src/eginterpolator/data/lists"
NAMES = ("held_out_qm9", "held_out_drugs")
REPLICAS, SAVE_PS = 16, 1.3
SHORT_NS, LONG_NS = 2.6, 10.0
SLOW_PS = 500.0


def slowest_torsion(folder: Path) -> float:
    """Longest time of a torsion of a simulated molecule, ps: inf where one does not forget within half a replica."""
    molecule, replicas, _ = read_molecule_folder(folder)
    features = FeatureSet.of(molecule)
    if not len(features.torsions):
        return 0.0
    observed = Observed.of(molecule, features, [replica.heavy for replica in replicas], "The reference")
    times = pooled_times(observed.every_torsion(), replicas[0].frame_ps, draws=0).ps
    # nan is the time of a torsion that never moves in a run that is finite: nothing that a longer one would tell
    return float(np.nan_to_num(times, nan=0.0, posinf=np.inf).max())


def length_of(folder: Path) -> float | None:
    """Length of each replica of a finished folder, ns."""
    path = folder / "meta.json"
    return float(json.loads(path.read_text())["ns"]) if path.is_file() else None


def simulated(
    molecules: Sequence[Molecule], out: Path, ns: float, seed: int, workers: Workers | None, overwrite: bool = False
) -> dict[str, str]:
    """Simulate what is not there at this length; returns the reasons of failures."""
    hooks = Hooks(finish=lambda molecule, outcome: print(f"{molecule.name}, {ns:g} ns: {outcome}", flush=True))
    result = simulate_many(
        molecules, out, replicas=REPLICAS, ns=ns, save_ps=SAVE_PS, seed=seed, engine="lanes", overwrite=overwrite,
        hooks=hooks, workers=workers,
    )  # fmt: skip
    return {failure.name: failure.reason for failure in result.failures}


def reference(name: str, out: Path, seed: int, workers: Workers | None, short_only: bool) -> dict[str, Any]:
    """Make the references of one list, and say what they are."""
    molecules, unusable = read_inputs(str(LISTS / f"{name}.smi"))
    failed = {failure.name: failure.reason for failure in unusable}
    short = [molecule for molecule in molecules if length_of(out / molecule.name) in (None, SHORT_NS)]
    failed |= simulated(short, out, SHORT_NS, seed, workers)
    slowest = {m.name: slowest_torsion(out / m.name) for m in short if m.name not in failed}
    slow = [molecule for molecule in short if slowest.get(molecule.name, 0.0) > SLOW_PS]
    if not short_only:
        failed |= simulated(slow, out, LONG_NS, seed, workers, overwrite=True)
    lengths = {molecule.name: length_of(out / molecule.name) for molecule in molecules}
    return {
        "molecules": len(molecules),
        "charged": sum(Chem.GetFormalCharge(molecule.rdmol) != 0 for molecule in molecules),
        "slow_and_short": [molecule.name for molecule in slow] if short_only else [],
        "ns": {name: ns for name, ns in lengths.items() if ns is not None},
        "failures": failed,
        "sha256": hash_of(out),
    }


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of a folder a list")
    parser.add_argument("--lists", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--short", action="store_true", help="leave the runs of 10 ns for later")
    parser.add_argument("--seed", type=int, default=29)
    parser.add_argument("--workers", type=int, default=None)
    options = parser.parse_args()
    asked = f"--lists {' '.join(options.lists)}{' --short' * options.short} --seed {options.seed}"
    run = bench.Run(f"python benchmarks/held_out.py --out OUT {asked}")
    workers = Workers(count=options.workers, threads=1) if options.workers else None
    found = {name: reference(name, options.out / name, options.seed, workers, options.short) for name in options.lists}
    rows = []
    for name, facts in found.items():
        lengths = [sum(ns == wanted for ns in facts["ns"].values()) for wanted in (SHORT_NS, LONG_NS)]
        left = [len(facts[key]) for key in ("slow_and_short", "failures")]
        counts = [facts["molecules"], facts["charged"], *lengths, *left]
        rows.append([name, *map(str, counts), f"`{facts['sha256'][:16]}`"])
    heads = [
        "list",
        "molecules",
        "charged",
        f"{SHORT_NS:g} ns",
        f"{LONG_NS:g} ns",
        "slow, but short yet",
        "failed",
        "SHA-256",
    ]
    failures = [f"- {name}: {why}" for facts in found.values() for name, why in facts["failures"].items()]
    parts = [
        "# References of the held-out molecules",
        "",
        f"{REPLICAS} replicas each in lanes, OBC2 at 300 K, friction 1/ps, frames of {SAVE_PS:g} ps; {LONG_NS:g} ns "
        f"where a torsion is slower than {SLOW_PS:g} ps.",
        "",
        bench.table(heads, rows),
        *(["", "Failed:", *failures] if failures else []),
        "",
        f"`{run.command}`, {bench.listed(run.machine)}.",
    ]
    run.write(options.results, "held_out", {**run.made_by, **found}, "\n".join(parts))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
