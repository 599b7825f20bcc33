"""The learned clock beside the table by class of bond, on molecules that neither was made of.

    python benchmarks/learned_clock.py --counts counts.jsonl --refs HELD_OUT [--clock FOLDER] [--numbers 100 200 400]
        [--networks 5] [--epochs 24] [--seed 0]

Judged are torsions with at least ten jumps and a time of 5 to 2,000 ps: of the held-out lists' references
(`held_out.py`, folder HELD_OUT, 16 replicas of 2.6 or 10 ns, 1/ps; their counts are kept beside --counts), and of the
molecules of `clock_data.py` whose split is `test`. Columns: the mean of all trained torsions; the table that ships; a
table made again of the same counts; networks trained on the first so many molecules; and --clock. Intervals are
bootstrap ones over molecules. Writes `learned_clock.json` and `.md`.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bench
import clock_train
from clock_train import Example
from eginterpolator.analysis.clocks import MEASURED_TRANSITIONS
from eginterpolator.analysis.torsion_counts import TorsionCounts, count_torsions
from eginterpolator.analysis.wells import angles_of
from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_times import shipped_times
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.io import sha256, write_text
from eginterpolator.models.torsion_clock import ClockEnsemble, read_clock

LOW_PS, HIGH_PS = 5.0, 2000.0
RANGES = ((5.0, 50.0), (50.0, 200.0), (200.0, 2000.0))
DRAWS = 1000
NINETY = math.log(19) * math.sqrt(3) / math.pi
"""Deviations of a logistic distribution within which 90 % of it lie."""
Guess = tuple[np.ndarray, np.ndarray | None]
"""Logarithms of times of a molecule's torsions, and their spread if it is told."""


def references(folder: Path, cache: Path) -> list[Example]:
    """Counts of the references of the held-out lists, read from their trajectories once."""
    if not cache.is_file():
        lines = []
        for each in sorted(folder.glob("*/*/meta.json")):
            molecule, replicas, meta = read_molecule_folder(each.parent)
            angles = angles_of(molecule, [replica.positions for replica in replicas])
            counts = count_torsions(torsion_quadruples(molecule), angles, replicas[0].frame_ps)
            record = {
                "name": molecule.name, "split": "test", "list": each.parent.parent.name,
                "friction_per_ps": meta["protocol"]["friction_per_ps"],
                "temperature_K": meta["protocol"]["temperature_K"], "torsions": [c.to_dict() for c in counts],
            }  # fmt: skip
            lines.append(json.dumps(record))
        write_text(cache, "".join(f"{line}\n" for line in lines))

    def molecule_of(record: Mapping[str, Any]) -> Molecule:  # atoms are in the folder's order, not in that of a SMILES
        return Molecule.from_sdf(folder / record["list"] / record["name"] / "molecule.sdf", record["name"])

    return clock_train.read_examples(cache, molecule_of=molecule_of)


def is_measured(count: TorsionCounts) -> bool:
    """Whether a torsion is one to judge by."""
    return count.total_jumps >= MEASURED_TRANSITIONS and LOW_PS <= count.time_ps <= HIGH_PS


def table_of(examples: Sequence[Example]) -> Callable[[Example], Guess]:
    """Times by class of bond, of torsions with several wells."""
    table, shift = clock_train.table_of(examples)
    return lambda example: (
        np.log(table.of_torsions(example.molecule)) + shift.get(example.conditions[0], 0.0), None
    )  # fmt: skip


def constant_of(examples: Sequence[Example]) -> Callable[[Example], Guess]:
    """The mean logarithm of the measured torsions of `examples`."""
    mean = np.mean([math.log(c.time_ps) for example in examples for c in example.counts if is_measured(c)])
    return lambda example: (np.full(len(example.counts), mean), None)


def learned(clock: ClockEnsemble) -> Callable[[Example], Guess]:
    """Times by a network."""

    def guess(example: Example) -> Guess:
        found = clock.of_molecule(example.molecule, *example.conditions)
        return np.log(found.ps), found.spread

    return guess


def judged(guess: Callable[[Example], Guess], examples: Sequence[Example], seed: int) -> dict[str, Any]:
    """How the guesses of the measured torsions of some molecules are."""
    away, inside, owner, wanted = [], [], [], []
    for k, example in enumerate(examples):
        rows = [r for r, count in enumerate(example.counts) if is_measured(count)]
        if not rows:
            continue
        middle, spread = guess(example)
        log_ps = np.log([example.counts[r].time_ps for r in rows])
        away += (middle[rows] - log_ps).tolist()
        wanted += log_ps.tolist()
        owner += [k] * len(rows)
        if spread is not None:
            inside += (np.abs(middle[rows] - log_ps) <= NINETY * spread[rows]).tolist()
    errors, owners, logs = np.array(away), np.array(owner), np.array(wanted)
    if not len(errors):
        return {"molecules": 0, "torsions": 0}
    names = np.unique(owners)
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(DRAWS):
        weights = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))
        each = weights[np.searchsorted(names, owners)]
        draws.append(math.sqrt((each * errors**2).sum() / max(1, each.sum())))
    result: dict[str, Any] = {
        "molecules": len(names), "torsions": len(errors), "rms": float(np.sqrt((errors**2).mean())),
        "rms_95": np.quantile(draws, (0.025, 0.975)).tolist(),
        "within_two": float((np.abs(errors) <= math.log(2)).mean()),
        "median_ratio": float(np.exp(np.median(errors))),
        "inside_90": float(np.mean(inside)) if inside else None,
    }  # fmt: skip
    for low, high in RANGES:
        use = (logs >= math.log(low)) & (logs < math.log(high))
        if use.any():
            result[f"{low:g} to {high:g} ps"] = {"torsions": int(use.sum()),
                                                "rms": float(np.sqrt((errors[use] ** 2).mean()))}  # fmt: skip
    return result


def jump_times(clock: ClockEnsemble, examples: Sequence[Example]) -> dict[str, Any]:
    """How far the logarithm of tau of jumps (what a measured clock takes as prior) is off, and the table's for it."""
    ours, table = [], []
    for example in examples:
        found = clock.of_molecule(example.molecule, *example.conditions)
        shipped = shipped_times().of_torsions(example.molecule)
        for k, count in enumerate(example.counts):
            tau = count.exposure_ps / max(1, count.total_jumps)
            if count.total_jumps >= MEASURED_TRANSITIONS and LOW_PS <= tau <= HIGH_PS:
                ours.append(math.log(found.jump_ps[k] / tau))
                table.append(math.log(shipped[k] / tau))
    rms = [float(np.sqrt(np.mean(np.square(values)))) if values else None for values in (ours, table)]
    return {"torsions": len(ours), "learned": rms[0], "shipped_table": rms[1]}


def page(result: Mapping[str, Any], run: bench.Run, shown: Sequence[str]) -> str:
    """The Markdown table."""
    parts = ["# A learned clock", "",
             "Torsions with ten jumps and a time of 5 to 2,000 ps, of molecules that nothing was trained on.",
             "Width, layers and steps of the networks were chosen on the held-out lists.", ""]  # fmt: skip
    heads = ["", "molecules", "torsions", "rms of log time", "5 to 50", "50 to 200", "200 to 2,000 ps",
             "within a factor of two", "median ratio", "in 90 % intervals"]  # fmt: skip
    for name in shown:
        rows = []
        for label, found in result["sets"][name].items():
            if not found["torsions"]:
                continue
            low, high = found["rms_95"]
            by_range = [found.get(f"{a:g} to {b:g} ps") for a, b in RANGES]
            rows.append([
                label, str(found["molecules"]), str(found["torsions"]),
                f"{found['rms']:.2f} ({low:.2f} to {high:.2f})",
                *("" if each is None else f"{each['rms']:.2f} ({each['torsions']})" for each in by_range),
                f"{found['within_two']:.2f}", f"{found['median_ratio']:.2f}",
                "" if found["inside_90"] is None else f"{found['inside_90']:.2f}",
            ])  # fmt: skip
        parts += [f"## {name}", "", bench.table(heads, rows), ""]
    jumps = result["jump_times"]
    parts += [
        f"Of {jumps['torsions']} torsions the time of jumps, which a measured clock takes as its prior: rms of its "
        f"logarithm {jumps['learned']:.2f} learned, {jumps['shipped_table']:.2f} by the table that ships.", "",
        f"Counts {result['counts_sha256'][:16]}, {result['molecules']}. `{run.command}`, {bench.listed(run.machine)}.",
    ]  # fmt: skip
    return "\n".join(parts)


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.parser(__doc__)
    parser.add_argument("--counts", type=Path, required=True)
    parser.add_argument("--refs", type=Path, required=True, help="folder of a folder a held-out list")
    parser.add_argument("--clock", type=Path, help="folder of `clock_train.py`, the last column")
    parser.add_argument("--numbers", type=int, nargs="*", default=[100, 200, 400])
    parser.add_argument("--networks", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    numbers = " ".join(map(str, options.numbers))
    run = bench.Run(f"python benchmarks/learned_clock.py --counts counts.jsonl --refs HELD_OUT --clock CLOCK "
                    f"--numbers {numbers} --networks {options.networks} --epochs {options.epochs} "
                    f"--seed {options.seed}")  # fmt: skip
    examples = clock_train.read_examples(options.counts)
    held = references(options.refs, options.counts.parent / "held_out.jsonl")
    train = clock_train.nested(examples, None)
    validation = [each for each in examples if each.record["split"] == "validation"]
    fresh = [each for each in examples if each.record["split"] == "test"]
    sets = {
        **{name: [e for e in held if e.record["list"] == name] for name in sorted({e.record["list"] for e in held})},
        **{f"fresh, {friction:g}/ps": [e for e in fresh if e.conditions[0] == friction] for friction in (1.0, 20.0)},
        "all": held + fresh,
    }  # fmt: skip
    ways: dict[str, Callable[[Example], Guess]] = {
        "mean of all": constant_of(train),
        "table that ships": lambda example: (np.log(shipped_times().of_torsions(example.molecule)), None),
        f"table, {len(train)} molecules": table_of(train),
    }
    clock = None
    for number in options.numbers:
        if number < len(train):
            clock = clock_train.fit_ensemble(
                clock_train.nested(examples, number), validation, options.networks, options.seed, options.epochs
            )
            ways[f"learned, {number} molecules"] = learned(clock)
    if options.clock is not None:
        clock = read_clock(options.clock)
        ways[f"learned, {clock.facts['molecules']} molecules"] = learned(clock)
    found = {
        name: {label: judged(guess, those, options.seed) for label, guess in ways.items()}
        for name, those in sets.items()
    }
    result = {
        **run.made_by, "seed": options.seed, "counts_sha256": sha256(options.counts),
        "molecules": f"{len(train)} molecules trained on at most, {len(validation)} for the intervals",
        "asked": {name: len(those) for name, those in sets.items()}, "sets": found,
        "jump_times": jump_times(clock, sets["all"]) if clock else None,
    }  # fmt: skip
    run.write(options.results, "learned_clock", result, page(result, run, list(sets)))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
