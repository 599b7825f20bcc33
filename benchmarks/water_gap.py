"""How far is implicit MD from explicit water, on molecules that nothing was chosen by?

    python benchmarks/water_gap.py REFERENCE --work WORK [--frictions 1 20]

REFERENCE holds simulations in water: a packed file (`datasets/water/test.h5`) or molecule folders. Of each molecule 16
lanes of OBC2, as long as its replicas in water and with their spacing, run at each friction into WORK, where what is
there is taken. Both are judged by our protocol (docs/evaluation.md), whose oracle is each replica in water in turn
against the others. "One replica" is a replica of OBC2 in the place of that replica, so that both are as long and judged
alike (mean over all lanes); "all" is what `egi evaluate trajectories` says of all 16 lanes against all of the
reference. Torsion times are those of our protocol, 5.2 ps apart, and once more as `friction.py` counts them, every
frame. Writes `water_gap.json` and `water_gap.md` into --results.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.benchmark.data import hash_of
from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.leave_one_out import averaged, leave_one_out
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories
from eginterpolator.evaluation.published import published_beside
from eginterpolator.evaluation.sources import trajectory_sources
from eginterpolator.evaluation.summary import differences, summarise
from eginterpolator.evaluation.trajectories import evaluate_folders
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.simulation.api import simulate_to_folder
from eginterpolator.simulation.protocol import WATER_FRICTION_PER_PS, ImplicitProtocol
from water.pace import EQUILIBRATION_PS, REPLICAS, SEED, Water, compared, read_water
from water.ratios import rows_of, told

FIGURES = ("length", "angle", "torsion", "tica_0", "tica_01", "within_factor_two", "median_ratio", "timescale_error")
STATIC = ("length", "angle", "torsion", "tica_0")


def in_the_place(reference: Reference, implicit: Sequence[np.ndarray], stride: int, seed: int = 0) -> Comparison:
    """Replicas of implicit MD [T, N, 3] one by one, instead of each replica of the reference, against its others."""
    found = []
    count = len(reference.observed.heavy)
    for k in range(count):
        others = [j for j in range(count) if j != k]
        rest = Reference.observed_as(
            reference.molecule, reference.features, reference.observed.take(others), reference.frame_ps, seed
        )
        found += [rest.compare([replica], stride=stride) for replica in implicit[k::count]]
    return averaged(found)


def simulated(water: Water, friction: float, work: Path) -> Path:
    """The folder of a friction, with the molecule's lanes in it."""
    out = work / f"obc2_{friction:g}"
    protocol = ImplicitProtocol(friction_per_ps=friction, equilibration_ps=EQUILIBRATION_PS)
    simulate_to_folder(
        water.molecule, out, protocol, replicas=REPLICAS, ns=water.ns, save_ps=water.frame_ps, seed=SEED,
        engine="lanes", threads=1,
    )  # fmt: skip
    return out


def of_folder(work: Path) -> Any:
    """`pace.Simulated` that reads what `simulated` wrote."""

    def read(water: Water, friction: float) -> list[np.ndarray]:
        _, trajectories, _ = read_molecule_folder(work / f"obc2_{friction:g}" / water.molecule.name)
        return [trajectory.positions for trajectory in trajectories]

    return read


def figures(summary: dict[str, Any]) -> dict[str, Any]:
    """Those of `FIGURES`, wherever they stand in a summary."""
    flat = {**summary, **summary["torsion_times"], **summary["slow_modes"]}
    return {name: flat.get(name) for name in FIGURES} | {"measured": summary["torsion_times"]["measured"]}


def cell(value: Any) -> str:
    """A mean with its interval; – of what is not known."""
    if not value or value.get("mean") is None:
        return "–"
    if "mean_95" not in value:
        return f"{value['mean']:.3f}"
    low, high = ("?" if end is None else f"{end:.3f}" for end in value["mean_95"])
    return f"{value['mean']:.3f} ({low} to {high})"


def page(result: dict[str, Any]) -> str:
    """All tables."""
    rows = [[name, *(cell(found.get(key)) for key in FIGURES)] for name, found in result["rows"].items()]
    apart = [[name, *(cell(found.get(key)) for key in FIGURES)] for name, found in result["minus_oracle"].items()]
    pace = [
        [name, f"{found['torsions']} ({found['molecules']})"]
        + [told(found[key]) for key in ("within", "median_log", "rms_log")]
        for name, found in result["pace"].items()
        if found
    ]
    each = [
        [name, found["smiles"], label, *(f"{row[key]:.3f}" if row[key] is not None else "–" for key in STATIC)]
        for name, found in result["molecules"].items()
        for label, row in found["static"].items()
    ]
    count = len(result["molecules"])
    few = f" An interval over {count} molecules says little." if count < 5 else ""
    return "\n".join(
        [
            "# How far implicit MD is from explicit water",
            f"\n`{result['command']}`, {bench.listed(result['machine'])}; reference SHA-256 "
            f"`{result['reference_sha256'][:16]}`. {count} test molecules, which nothing was chosen by: means "
            f"with 95 % intervals over molecules.{few} Published rows: the published test list, protocol A.\n",
            "## By our protocol",
            f"JSD, smaller is better; times of {result['measured']:g} measured torsions.\n",
            bench.table(["", *FIGURES], rows),
            "\nMinus the oracle, over the same molecules:\n",
            bench.table(["", *FIGURES], apart),
            "\n## Times at every frame",
            "Torsions that water has between 5 and 700 ps, as `friction.md` counts them.\n",
            bench.table(
                ["", "torsions (molecules)", "within a factor of 2", "median log ratio", "rms log ratio"], pace
            ),
            "\n## Molecule by molecule\n",
            bench.table(["", "", "", *STATIC], each),
        ]
    )


def main() -> None:
    """Simulate what is missing, judge, and write the tables."""
    parser = bench.parser(__doc__)
    parser.add_argument("reference", type=Path, help="packed file or molecule folders in water")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--frictions", type=float, nargs="+", default=[1.0, WATER_FRICTION_PER_PS], metavar="PER_PS")
    options = parser.parse_args()
    run = bench.Run(f"python benchmarks/water_gap.py {bench.label_of(options.reference)} --work WORK")
    config = EvaluationConfig()
    waters = {water.molecule.name: water for water in read_water([options.reference])}
    folders = {friction: options.work / f"obc2_{friction:g}" for friction in options.frictions}
    for water in waters.values():
        for friction in folders:
            print(simulated(water, friction, options.work) / water.molecule.name, flush=True)
    oracle: dict[str, Comparison] = {}
    alone: dict[float, dict[str, Comparison]] = {friction: {} for friction in folders}
    for name, source in trajectory_sources(options.reference).items():
        molecule, replicas, stride, _ = load_trajectories(source, config)
        reference = Reference.of(molecule, replicas, config.frame_ps, config.seed, stride)
        found = leave_one_out(reference, replicas, 1, config.seed)
        if found is None:
            continue
        oracle[name] = found
        for friction, made in folders.items():
            _, implicit, own, _ = load_trajectories(made / name, config, molecule)
            alone[friction][name] = in_the_place(reference, implicit, own, config.seed)
    sets = {"MD oracle: a replica in water": oracle}
    sets |= {f"OBC2 at {friction:g}/ps, one replica": each for friction, each in alone.items()}
    for friction, made in folders.items():
        evaluated = evaluate_folders(made, options.reference, EvaluationConfig(oracle=False))
        sets[f"OBC2 at {friction:g}/ps, all"] = evaluated.generated
    rows = {label: figures(summarise(each)) for label, each in sets.items()}
    pace = [compared(water, sorted(folders), of_folder(options.work)) for water in waters.values()]
    result = {
        **run.made_by,
        "reference_sha256": hash_of(options.reference),
        "measured": rows["MD oracle: a replica in water"].pop("measured"),
        "rows": rows | {f"published: {label}": row for label, row in published_beside("qm9").items()},
        "minus_oracle": {label: differences(each, oracle) for label, each in sets.items() if each is not oracle},
        "pace": {
            **{f"OBC2 at {f:g}/ps": rows_of(pace, "friction", f"{f:g}").summary() for f in folders},
            **{f"lanes against lanes, {f:g}/ps": rows_of(pace, "lanes", f"{f:g}").summary() for f in folders},
            "a replica in water against the others": rows_of(pace, "water", "").summary(),
        },
        "molecules": {
            name: {
                "smiles": water.molecule.smiles,
                "static": {label: static(each[name]) for label, each in sets.items() if name in each},
                "pace": found,
            }
            for (name, water), found in zip(waters.items(), pace, strict=True)
        },
    }
    text = page(result)
    run.write(options.results, "water_gap", result, text)
    print(text)


def static(comparison: Comparison) -> dict[str, float | None]:
    """Means over features of one molecule's distances."""
    means = {kind: float(np.mean(comparison.jsd[kind])) for kind in ("length", "angle", "torsion")}
    return {**means, "tica_0": comparison.tica_0}


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
