"""How long ranking takes, how far cheap relative energies are from GFN2-xTB's, and thermal populations against MD.

    python benchmarks/conformer_ranking.py
    python benchmarks/conformer_ranking.py --parts populations --ns 10

*ranking*: of each molecule 50 structures of the shipped network are ranked with Sage, MMFF94s and GFN2-xTB: seconds of
it beside those of the network, in this process, whose imports are done before. Then the minima of Sage and of MMFF94s
within 6 kcal/mol are minimised by GFN2-xTB: mean absolute difference of energies above the mean of the same minima.

*populations*: clusters of Sage's minima, populations by minima and thermal, beside 16 plain replicas of `--ns` each
from the same minima, whose frames are relaxed and counted in the same way. Molecules are the first ones of the
published test list; nothing is chosen by them. A second call keeps what the other part measured.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from functools import partial
from typing import Any

import numpy as np

import bench
from eginterpolator.api import conformers
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.trajectory import ConformerEnsemble
from eginterpolator.simulation.conformer_populations import DRAWN, counted, to_minima
from eginterpolator.simulation.conformers import TEMPERATURE_K, RankSettings, ranked
from eginterpolator.simulation.engines.lanes.run import LaneSettings, run_lanes
from eginterpolator.simulation.engines.lanes.system import lane_system
from eginterpolator.simulation.ensembles import pair_rmsd
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.protocol import ImplicitProtocol
from eginterpolator.simulation.refine import relaxer

REPLICAS = 16
MOLECULES = ("NC(=O)NCC[C@H]1CO1", "C[C@@H](C#N)C(=O)CCO", "C[C@@H](O)[C@@H](O)[C@@H](N)C#N")


def timed(ensemble: ConformerEnsemble, energies: str) -> dict[str, float | int]:
    """Wall and CPU seconds of a ranking, what is left, and the least RMSD of two that are."""
    began, cpu = time.perf_counter(), time.process_time()
    found = ranked(ensemble, RankSettings.of(energies), seed=1)
    spent = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    apart = pair_rmsd(found.molecule, found.positions, found.positions)
    least = apart[np.triu_indices(len(found), 1)].min() if len(found) > 1 else np.inf
    return {**spent, "kept": len(found), "least_rmsd": float(least)}


def errors(ensemble: ConformerEnsemble, energies: str) -> dict[str, float | int]:
    """Mean absolute error of relative energies against GFN2-xTB minimised from the same minima, kcal/mol."""
    found = ranked(ensemble, RankSettings.of(energies), seed=1)
    assert found.energies_kcal is not None
    truth = relaxer("xtb", found.molecule)(found.positions.astype(np.float64))
    known = np.isfinite(truth.energies_kcal)
    ours, theirs = found.energies_kcal[known], truth.energies_kcal[known]
    error = np.abs((ours - ours.mean()) - (theirs - theirs.mean()))
    return {"minima": int(known.sum()), "error_kcal": float(error.mean()), "same_lowest": int(theirs.argmin() == 0)}


def ranking(smiles: str, num: int) -> dict[str, Any]:
    """Seconds and errors of one molecule, by step."""
    began, cpu = time.perf_counter(), time.process_time()
    made = conformers(Molecule.from_smiles(smiles), num, seed=1)
    row: dict[str, Any] = {
        "network": {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    }
    for energies in ("sage", "mmff", "gfn2"):
        row[energies] = timed(made, energies)
    for energies in ("sage", "mmff"):
        row[energies] |= errors(made, energies)
    return row


def populations(smiles: str, num: int, ns: float) -> dict[str, Any]:
    """Populations of the clusters of one molecule: by minima, thermal, and of plain replicas."""
    made = conformers(Molecule.from_smiles(smiles), num, seed=1)
    cpu = time.process_time()
    found = ranked(made, RankSettings.of("sage", populations="thermal"), seed=1)
    cpu = time.process_time() - cpu
    assert found.clusters is not None and found.table is not None
    molecule, minima = found.molecule, found.positions.astype(np.float64)
    names = found.clusters["cluster"]
    labels = np.array([names.index(name) for name in found.table["cluster"]])
    protocol = ImplicitProtocol(temperature_K=TEMPERATURE_K)
    system = lane_system(build_system(molecule, minima[0], protocol).system)
    n_frames = max(50, round(DRAWN / REPLICAS))
    settings = LaneSettings(
        n_frames=n_frames, stride=protocol.steps(1000 * ns / n_frames), temperature_K=TEMPERATURE_K,
        equilibration_steps=protocol.steps(100.0), cold_steps=0,
    )  # fmt: skip
    run = run_lanes(system, np.resize(minima, (REPLICAS, *minima.shape[1:])), settings, range(REPLICAS))
    frames = run.positions.reshape(-1, *minima.shape[1:])
    apart, right = to_minima(molecule, system, frames, minima)
    plain = counted(apart, labels, np.repeat(np.arange(REPLICAS), n_frames)[right])
    rows = [
        {
            "cluster": row["cluster"], "minima": [row["population"], row["population_low"], row["population_high"]],
            "thermal": [row["thermal"], row["thermal_low"], row["thermal_high"]], "plain": plain[k].tolist(),
        }
        for k, row in enumerate(found.clusters.rows)
    ]  # fmt: skip
    thermal = found.meta["ranking"]["thermal"]
    return {"ns": ns, "clusters": rows, "elsewhere": thermal["elsewhere"], "cpu_seconds": cpu}


def page(result: dict[str, Any]) -> str:
    """Markdown of what there is."""
    lines = ["# Ranking conformers", ""]
    if result.get("ranking"):
        head = ["molecule", "step", "wall, s", "CPU, s", "kept", "least RMSD, Å", "mean error to GFN2-xTB, kcal/mol"]
        cells = [
            [f"`{smiles}`", name, *(f"{each[key]:.2f}" for key in ("seconds", "cpu_seconds")),
             str(each.get("kept", "–")), f"{each['least_rmsd']:.3f}" if "least_rmsd" in each else "–",
             f"{each['error_kcal']:.2f} ({each['minima']} minima)" if "error_kcal" in each else "–"]
            for smiles, row in result["ranking"].items() for name, each in row.items()
        ]  # fmt: skip
        lines += [
            f"{result['num']} structures of the shipped network (300 K), ranked.",
            "",
            bench.table(head, cells),
            "",
        ]
    if result.get("populations"):
        head = ["molecule", "cluster", "minima, %", "thermal, %", "plain replicas, %"]
        cells = []
        for smiles, row in result["populations"].items():
            largest = sorted(row["clusters"], key=lambda each: -each["plain"][0])[:2]
            for each in largest:
                shares = [f"{100 * a:.0f} ({100 * b:.0f}–{100 * c:.0f})" for a, b, c in
                          (each[name] for name in ("minima", "thermal", "plain"))]  # fmt: skip
                cells.append([f"`{smiles}`", each["cluster"], *shares])
        ns = next(iter(result["populations"].values()))["ns"]
        lines += [f"The two largest clusters (0.5 Å) in {REPLICAS} x {ns:g} ns of plain replicas by Sage in OBC2, "
                  f"{TEMPERATURE_K:g} K; 95 % intervals.", "", bench.table(head, cells), ""]  # fmt: skip
    return "\n".join([*lines, f"Machine: {bench.listed(result['machine'])}."])


def main() -> None:
    """Measure and write `conformer_ranking.json` and `conformer_ranking.md`; what they hold of another part stays."""
    parser = bench.parser(__doc__)
    parser.add_argument("--parts", nargs="+", choices=("ranking", "populations"), default=["ranking"])
    parser.add_argument("--num", type=int, default=50)
    parser.add_argument("--molecules", type=int, default=2, help="so many of the list")
    parser.add_argument("--ns", type=float, default=10.0, help="of each plain replica")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    run = bench.Run(f"python benchmarks/conformer_ranking.py --parts {' '.join(options.parts)}")
    before = options.results / "conformer_ranking.json"
    result: dict[str, Any] = json.loads(before.read_text()) if before.is_file() else {}
    result |= {**run.made_by, "num": options.num}
    warm = conformers("CCO", 4, energies="sage")
    ranked(ConformerEnsemble(warm.molecule, warm.positions), RankSettings.of("gfn2"))
    for part in options.parts:
        result[part] = {}
        for smiles in MOLECULES[: options.molecules]:
            measure = partial(ranking, smiles) if part == "ranking" else partial(populations, smiles, ns=options.ns)
            result[part][smiles] = measure(num=options.num)
            run.write(options.results, "conformer_ranking", result, page(result))
    print(page(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
