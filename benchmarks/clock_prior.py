"""The measured clock with the table by class of bond as its prior, and with the learned clock.

    python benchmarks/clock_prior.py --refs HELD_OUT --counts counts.jsonl --generated GENERATED --keep KEPT
        --clock FOLDER [--list held_out_qm9] [--every 3] [--kept] [--seconds 3] [--seed 0]

Every third molecule of a held-out list: its generated frames (`egi generate --thermalise 0.5`, a folder a molecule),
replicas of --seconds as `egi generate --clock measured` runs them, and the time of jumps of each torsion
(`Mover.time_ps`) beside that of the reference's own counts, of torsions with at least ten jumps there and a time of
memory of 5 to 2,000 ps. The first parts of the replicas are clocks of a tenth and a third of the seconds; none of them
leaves the prior. Priors: the table with a = .75, the learned time with a = .75, and with the network's own a. Writes
`clock_prior_LIST.json` and `.md`.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path
from typing import Any

import numpy as np
import torch

import bench
from clock_train import Example
from eginterpolator.analysis.jumps import PRIOR_SHAPE, jump_rates, movers
from eginterpolator.analysis.torsion_counts import TorsionCounts
from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.torsion_times import shipped_times
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.generation.clock import ClockSettings
from eginterpolator.generation.replicas import simulate
from eginterpolator.models.torsion_clock import ClockEnsemble, read_clock
from learned_clock import is_measured, references

PARTS = (0.0, 0.1, 1 / 3, 1.0)
JUMPS = ((0, 2), (3, 9), (10, 10**9))


def relaxation_ps(count: TorsionCounts) -> float:
    """Slowest relaxation time of the reference's own jumps."""
    spent = np.array(count.spent_ps)
    rates = jump_rates(spent / spent.sum(), np.array(count.jumps, dtype=float), spent, 1.0, 1e-9)
    return float(-1 / np.sort(np.linalg.eigvals(rates).real)[-2])


def kept_angles(kept: Path, generated: Path, seconds: float, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Torsions of the generated frames [F, K] and of the clock's replicas [T, K] each; they are run once and kept."""
    if not kept.is_file():
        molecule, made, _ = read_molecule_folder(generated)
        frames = np.concatenate([each.positions for each in made])
        settings = ClockSettings(seconds=seconds)
        ran = simulate(molecule, frames, settings.protocol(), seconds, settings.save_ps, seed, threads=1)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, pool=torsions(frames, torsion_quadruples(molecule)), sim=np.stack(ran.angles))
    with np.load(kept) as found:
        return found["pool"], list(found["sim"])


def rows_of(
    example: Example, pool: np.ndarray, ran: list[np.ndarray], clock: ClockEnsemble, save_ps: float
) -> list[dict[str, Any]]:
    """Of each measured torsion, part and prior: the logarithm of the clock's time over the reference's."""
    wanted = {k: relaxation_ps(count) for k, count in enumerate(example.counts) if is_measured(count)}
    learned = clock.of_molecule(example.molecule, *example.conditions)
    table = shipped_times().of_torsions(example.molecule)
    priors: dict[str, tuple[np.ndarray, Any]] = {
        "table": (table, PRIOR_SHAPE), "learned, a = .75": (learned.jump_ps, PRIOR_SHAPE),
        "learned": (learned.jump_ps, learned.shape),
    }  # fmt: skip
    found = []
    for part in PARTS:
        short = [x[: max(2, round(part * len(x)))] for x in ran] if part else []
        for name, (prior, shape) in priors.items():
            for mover in movers(example.molecule, pool, short, save_ps, prior, shape):
                if len(mover.torsions) == 1 and mover.torsions[0] in wanted:
                    error = float(np.log(mover.time_ps / wanted[mover.torsions[0]]))
                    found.append({"part": part, "prior": name, "jumps": mover.jumps, "error": error})
    return found


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rms, share within a factor of two and median ratio of some rows, and rms by the jumps that were counted."""
    errors = np.array([row["error"] for row in rows])
    jumps = np.array([row["jumps"] for row in rows])
    by = {}
    for low, high in JUMPS:
        use = (jumps >= low) & (jumps <= high)
        if use.any():
            rms = float(np.sqrt(np.mean(errors[use] ** 2)))
            by[f"{low} to {high}" if high < 10**9 else f"{low} and more"] = (int(use.sum()), rms)
    return {
        "torsions": len(rows), "rms": float(np.sqrt(np.mean(errors**2))),
        "within_two": float((np.abs(errors) <= np.log(2)).mean()), "median_ratio": float(np.exp(np.median(errors))),
        "by_jumps": by,
    }  # fmt: skip


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("--refs", type=Path, required=True, help="folder of a folder a held-out list")
    parser.add_argument("--counts", type=Path, required=True, help="of `clock_data.py`; the references' lie beside it")
    parser.add_argument("--list", default="held_out_qm9")
    parser.add_argument("--generated", type=Path, required=True, help="folder of molecule folders")
    parser.add_argument("--keep", type=Path, required=True, help="folder that the clock's replicas are kept in")
    parser.add_argument("--kept", action="store_true", help="only molecules whose replicas are kept")
    parser.add_argument("--clock", type=Path, required=True, help="folder of `clock_train.py`")
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = bench.Run(f"python benchmarks/clock_prior.py --refs HELD_OUT --counts COUNTS --list {options.list} "
                    f"--generated GENERATED --keep KEPT {'--kept ' * options.kept}--clock CLOCK "
                    f"--every {options.every} --seconds {options.seconds:g} --seed {options.seed}")  # fmt: skip
    clock = read_clock(options.clock)
    held = {e.molecule.name: e for e in references(options.refs, options.counts.parent / "held_out.jsonl")}
    listed = [e.parent.name for e in sorted((options.refs / options.list).glob("*/meta.json"))]
    names = [name for name in listed if (options.generated / name / "meta.json").is_file()][:: options.every]
    if options.kept:
        names = [name for name in listed if (options.keep / f"{name}.npz").is_file()]
    rows: list[dict[str, Any]] = []
    for name in names:
        pool, ran = kept_angles(options.keep / f"{name}.npz", options.generated / name, options.seconds, options.seed)
        rows += rows_of(held[name], pool, ran, clock, ClockSettings().save_ps)
    done = len(names)
    priors = list(dict.fromkeys(row["prior"] for row in rows))
    cells = {
        f"{options.seconds * part:.1f} s, {name}": summary([r for r in rows if (r["part"], r["prior"]) == (part, name)])
        for part in PARTS
        for name in priors
    }
    heads = ["", "torsions", "rms of log time", "within a factor of two", "median ratio", "rms by jumps counted"]
    table = [
        [label, str(each["torsions"]), f"{each['rms']:.2f}", f"{each['within_two']:.2f}", f"{each['median_ratio']:.2f}",
         "; ".join(f"{key}: {rms:.2f} ({n})" for key, (n, rms) in each["by_jumps"].items())]
        for label, each in cells.items()
    ]  # fmt: skip
    text = "\n".join([
        "# The prior of the measured clock", "",
        f"{done} held-out molecules; times of jumps of single torsions beside the reference's.", "",
        bench.table(heads, table), "", f"`{run.command}`, {bench.listed(run.machine)}.",
    ])  # fmt: skip
    result = {**run.made_by, "molecules": done, "counts_sha256": clock.facts.get("counts_sha256"), "rows": cells}
    run.write(options.results, f"clock_prior_{options.list}", result, text)
    print(text)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
