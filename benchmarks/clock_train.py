"""Train the learned clock on the counts of `clock_data.py`, some minutes of a core.

    python benchmarks/clock_train.py --counts counts.jsonl [--molecules N] [--networks 5] [--epochs 24] [--seed 0]
        --out FOLDER

Molecules whose split is `train` are trained on, those of `validation` stretch the intervals and choose nothing else;
`test` is not looked at. Of torsions with one well only jumps are no news and the time counts `SINGLE`. Writes
`clock.safetensors` and `clock.json` with the hash of the counts.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bench
from eginterpolator.analysis.torsion_counts import TorsionCounts
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_graph import TorsionGraph, torsion_graph
from eginterpolator.chemistry.torsion_times import TorsionTimes, all_classes
from eginterpolator.errors import EGIError, InputError
from eginterpolator.files.io import sha256
from eginterpolator.models.torsion_clock import ClockBatch, ClockEnsemble, TorsionClock, collate, loss

SINGLE = 0.05
"""Weight of the time of a torsion with one well: it is the library of a well, and never one that a clock is for."""
LEAST_PS = 0.3
"""Shorter times, less than a quarter of a frame, count as this."""
JUMPS_WEIGHT = 0.3
"""Of the likelihood of jumps beside that of times."""
RATE, DECAY, DROPOUT = 1e-3, 0.05, 0.2
STEPS = (150, 1600)
"""Least, so that few molecules train for as many as a network needs, and most."""


@dataclass(frozen=True)
class Example:
    """A molecule, its conditions and what was counted of its torsions."""

    record: dict[str, Any]
    molecule: Molecule
    graph: TorsionGraph
    counts: list[TorsionCounts]

    @property
    def conditions(self) -> tuple[float, float]:
        """Friction in 1/ps and temperature in K."""
        return self.record["friction_per_ps"], self.record["temperature_K"]


def listed(record: Mapping[str, Any]) -> Molecule:
    """The molecule of a line of `clock_data.py`."""
    return Molecule.from_smiles(record["smiles"], record["name"])


def read_examples(
    path: Path,
    splits: Sequence[str] = ("train", "validation", "test"),
    molecule_of: Callable[[Mapping[str, Any]], Molecule] = listed,
) -> list[Example]:
    """Of a file of `clock_data.py`; molecules that failed are left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "failed" in record or record["split"] not in splits:
            continue
        try:
            molecule = molecule_of(record)
            graph = torsion_graph(molecule)
        except EGIError as error:
            print(f"{record['name']}: {error}")
            continue
        counts = [TorsionCounts.from_dict(values) for values in record["torsions"]]
        if [each.atoms for each in counts] != [tuple(row) for row in graph.torsions.tolist()]:
            raise InputError(f"'{path}' has other torsions of {record['name']} than this version; make it again.")
        found.append(Example(record, molecule, graph, counts))
    return found


def best_time(count: TorsionCounts) -> float:
    """For a table: the time, or, where it was not seen, the bound or what the jumps allow, the longer one."""
    if math.isfinite(count.time_ps):
        return max(count.time_ps, LEAST_PS)
    return max(count.bound_ps, count.exposure_ps / (count.total_jumps + 1))


def classed(example: Example, shift: float = 0.0) -> list[tuple[list[str], float]]:
    """Classes and times (divided by exp(shift)) of a molecule's torsions with several wells."""
    mol = example.molecule.heavy_mol
    return [
        (all_classes(mol, *count.atoms[1:3]), best_time(count) / math.exp(shift))
        for count in example.counts
        if len(count.spent_ps) > 1
    ]


def table_of(examples: Sequence[Example]) -> tuple[TorsionTimes, dict[float, float]]:
    """Times by class of bond, and by how much the logarithms at each friction lie above the table."""
    shift = dict.fromkeys(sorted({example.conditions[0] for example in examples}), 0.0)
    for _ in range(3):
        logs: dict[str, list[float]] = {}
        for example in examples:
            for keys, time in classed(example, shift[example.conditions[0]]):
                for key in keys:
                    logs.setdefault(key, []).append(math.log(time))
        table = TorsionTimes({key: (math.fsum(values), len(values)) for key, values in logs.items()})
        for friction in shift:
            away = [
                math.log(time) - math.log(table.of_bond(example.molecule.heavy_mol, *count.atoms[1:3]))
                for example in examples if example.conditions[0] == friction
                for count, (_, time) in zip((c for c in example.counts if len(c.spent_ps) > 1), classed(example),
                                            strict=True)
            ]  # fmt: skip
            shift[friction] = float(np.mean(away)) if away else 0.0
    return table, shift


def by_class(table: TorsionTimes, shift: dict[float, float], example: Example, seen: bool) -> np.ndarray:
    """The table's logarithms [K] of a molecule's torsions; of one that is `seen` in the table, without its part."""
    own = classed(example, shift.get(example.conditions[0], 0.0)) if seen else []
    return np.log((table.without(own) if own else table).of_torsions(example.molecule))


@dataclass(frozen=True)
class Target:
    """What the loss is of; float32 [K] each, but `censored`."""

    log_ps: torch.Tensor
    censored: torch.Tensor
    jumps: torch.Tensor
    exposure_ps: torch.Tensor
    weight: torch.Tensor


def target(examples: Sequence[Example]) -> Target:
    """Targets of the torsions of some molecules, one after another."""
    counts = [each for example in examples for each in example.counts]
    known = [math.isfinite(each.time_ps) for each in counts]
    times = [each.time_ps if ok else each.bound_ps for each, ok in zip(counts, known, strict=True)]
    several = [len(each.spent_ps) > 1 for each in counts]
    return Target(
        torch.tensor(times).clamp(min=LEAST_PS).log(),
        ~torch.tensor(known),
        torch.tensor([float(each.total_jumps) for each in counts]),
        torch.tensor([each.exposure_ps for each in counts]),
        torch.tensor([1.0 if yes else SINGLE for yes in several]),
    )


def batch_of(examples: Sequence[Example], told: Mapping[str, np.ndarray]) -> ClockBatch:
    """The batch of some molecules, with the table's logarithms by name."""
    return collate(
        [each.graph for each in examples],
        [each.conditions for each in examples],
        [told[each.record["name"]] for each in examples],
    )


def mean_loss(network: TorsionClock, batch: ClockBatch, wanted: Target) -> torch.Tensor:
    """Weighted mean over torsions of both likelihoods."""
    of_time, of_jumps = loss(network(batch), wanted.log_ps, wanted.censored, wanted.jumps, wanted.exposure_ps)
    return ((of_time + JUMPS_WEIGHT * of_jumps) * wanted.weight).sum() / wanted.weight.sum()


def fit(
    train: Sequence[Example],
    validation: Sequence[Example],
    told: Mapping[str, np.ndarray],
    seed: int,
    epochs: int,
    size: int = 64,
    **config: Any,
) -> TorsionClock:
    """Train one network; the rate falls to nothing along a cosine."""
    torch.manual_seed(seed)
    order = random.Random(seed)
    network = TorsionClock(dropout=DROPOUT, **config)
    steps = min(STEPS[1], max(STEPS[0], epochs * math.ceil(len(train) / size)))
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    held, wanted = batch_of(validation, told), target(validation)
    pool: list[Example] = []
    for step in range(steps):
        if len(pool) < min(size, len(train)):
            pool = list(train)
            order.shuffle(pool)
        chosen, pool = pool[:size], pool[size:]
        network.train()
        value = mean_loss(network, batch_of(chosen, told), target(chosen))
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if (step + 1) % max(1, steps // 4) == 0:
            network.eval()
            with torch.no_grad():
                print(f"  {step + 1}/{steps}: {float(value):.3f}, held {float(mean_loss(network, held, wanted)):.3f}",
                      flush=True)  # fmt: skip
    return network.eval()


def stretched(clock: ClockEnsemble, validation: Sequence[Example], told: Mapping[str, np.ndarray]) -> float:
    """Factor of the spreads with which 90 % of the measured torsions of `validation` lie in their 90 % intervals."""
    found = clock.of_batch(batch_of(validation, told))
    wanted = target(validation)
    use = (~wanted.censored & (wanted.jumps >= 10) & (wanted.log_ps > math.log(5.0))).numpy()
    if use.sum() < 20:
        return 1.0
    away = np.abs(np.log(found.ps[use]) - wanted.log_ps.numpy()[use]) / found.spread[use]
    return float(np.quantile(away, 0.9) / 1.6449)


def fit_ensemble(
    train: Sequence[Example], validation: Sequence[Example], networks: int, seed: int, epochs: int, **config: Any
) -> ClockEnsemble:
    """Some networks of different seeds and their common stretch."""
    table, shift = table_of(train)
    told = {each.record["name"]: by_class(table, shift, each, seen=True) for each in train}
    told |= {each.record["name"]: by_class(table, shift, each, seen=False) for each in validation}
    made = [fit(train, validation, told, seed + 1000 * k, epochs, **config) for k in range(networks)]
    clock = ClockEnsemble(made, table)
    clock.stretch = stretched(clock, validation, told)
    return clock


def nested(examples: Sequence[Example], count: int | None) -> list[Example]:
    """The first `count` molecules to train on: larger numbers hold the smaller ones."""
    train = [each for each in examples if each.record["split"] == "train"]
    return train if count is None else train[:count]


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("--counts", type=Path, required=True)
    parser.add_argument("--molecules", type=int, help="by default all")
    parser.add_argument("--networks", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = bench.Run(f"python benchmarks/clock_train.py --counts counts.jsonl --networks {options.networks} "
                    f"--epochs {options.epochs} --width {options.width} --seed {options.seed} --out OUT")  # fmt: skip
    examples = read_examples(options.counts, ("train", "validation"))
    train = nested(examples, options.molecules)
    validation = [each for each in examples if each.record["split"] == "validation"]
    clock = fit_ensemble(train, validation, options.networks, options.seed, options.epochs, width=options.width)
    clock.facts = {
        **run.made_by, "minutes": run.minutes, "counts_sha256": sha256(options.counts), "molecules": len(train),
        "torsions": sum(len(each.counts) for each in train), "validation_molecules": len(validation),
    }  # fmt: skip
    clock.save(options.out)
    print(f"{len(train)} molecules, {run.minutes} minutes, stretch {clock.stretch:.2f}: {options.out}")


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
