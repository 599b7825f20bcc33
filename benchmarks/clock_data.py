"""Counts of torsions' jumps in short replicas of many molecules, for the learned clock; what is done is not done twice.

    python benchmarks/clock_data.py --qm9 qm9.smi --drugs drugs.smi [--exclude FILE_OR_DIR ...] [--cpu-minutes 60]
        [--seed 41] --out OUT

Of the lists (as `organic_lists.py` writes them) molecules in random order, none of them on a list of the package or in
--exclude (`data.splits`): all with two torsions of chains, and one in five of the others that have torsions. Each is 16
replicas in the lanes of one core, OBC2 at 300 K, friction 20/ps or, two of five, 1/ps, frames of 1.3 ps, from ETKDG's
conformers. All run 200 ps; those in which a torsion with two wells has jumped fewer than ten times go on to .8, 2.5 or
5 ns, as far as each may by a draw of its own (`CAPS`). Molecules that `data.splits.split_of` puts into `test` (a tenth)
are never trained on and run .8 ns. One in ten is drug-like, of at most 28 heavy atoms.

`OUT/counts.jsonl` gets a line a molecule: `smiles`, `list`, `split`, conditions, `replica_ps`, `cpu_s`, and `torsions`
as `analysis.torsion_counts` has them. It ends after --cpu-minutes; the same command goes on.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.analysis.torsion_counts import count_torsions
from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.splits import exclusions, split_fraction, split_of
from eginterpolator.errors import EGIError
from eginterpolator.files.tables import smiles_lines
from eginterpolator.simulation.engines.lanes.run import LaneSettings, run_lanes
from eginterpolator.simulation.engines.lanes.system import LaneSystem, lane_system
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.protocol import lanes_protocol

REPLICAS, FRAME_PS = 16, 1.3
ROUNDS_PS = (200.0, 800.0, 2500.0, 5000.0)
CAPS = ((0.88, 200.0), (0.97, 800.0), (0.995, 2500.0), (1.0, 5000.0))
"""Draws up to these may run so long."""
TEST_ROUNDS_PS = (800.0,)
ENOUGH_JUMPS = 10
FRICTIONS, SLOW_SHARE = (20.0, 1.0), 0.4
LARGEST_DRUG, FEW_SHARE = 28, 0.2
VALIDATION, TEST = 0.1, 0.1
EQUILIBRATION_STEPS, COLD_STEPS = 2500, 1000


def cap_ps(key: str) -> float:
    """How long each replica of a molecule may become."""
    draw = split_fraction(f"cap {key}")
    return next(ps for share, ps in CAPS if draw <= share)


def friction_of(key: str) -> float:
    """Of a molecule, 1/ps."""
    return FRICTIONS[split_fraction(f"friction {key}") < SLOW_SHARE]


def wanted(molecule: Molecule) -> bool:
    """Whether a molecule's torsions are worth its time: two of chains, or, of one in five, any."""
    middles = torsion_quadruples(molecule)[:, 1:3].tolist()
    chains = sum(not molecule.heavy_mol.GetBondBetweenAtoms(i, j).IsInRing() for i, j in middles)
    return chains > 1 or (bool(middles) and split_fraction(f"few {molecule.split_key}") < FEW_SHARE)


def listed(path: Path, left_out: dict[str, str], seed: int) -> Iterator[tuple[Molecule, str, str]]:
    """Molecules with torsions, their split and SMILES as listed (atoms are in its order), in random order."""
    rows = [(smiles, name) for _, smiles, name in smiles_lines(path)]
    random.Random(seed).shuffle(rows)
    for smiles, name in rows:
        try:
            molecule = Molecule.from_smiles(smiles, name)
        except EGIError as error:
            print(f"{name}: {error}", flush=True)
            continue
        if molecule.split_key not in left_out and wanted(molecule):
            yield molecule, split_of(molecule.split_key, VALIDATION, TEST), smiles


def mixed(qm9: Iterator[tuple[Any, ...]], drugs: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Molecules, splits, SMILES and lists in the order in which they run: one in ten drug-like."""
    small = (each for each in drugs if each[0].n_heavy <= LARGEST_DRUG and each[1] != "test")
    for k, each in enumerate(qm9):
        yield *each, "qm9"
        if k % 9 == 8 and (drug := next(small, None)) is not None:
            yield *drug, "drugs"


def start(molecule: Molecule, seed: int) -> np.ndarray:
    """Conformers by ETKDG [16, n_atoms, 3], repeated where it finds fewer."""
    mol = embed(molecule, REPLICAS, seed)
    found = [conformer.GetPositions() for conformer in mol.GetConformers()]
    if not found:
        raise EGIError(f"ETKDG finds no structure of {molecule.smiles}.")
    return np.stack([found[k % len(found)] for k in range(REPLICAS)])


def longer(system: LaneSystem, starts: np.ndarray, ps: float, friction: float, seed: int, first: bool) -> np.ndarray:
    """Positions [R, T, n_atoms, 3] of replicas that go on from `starts`, cooled and warmed if it is the first time."""
    protocol = lanes_protocol("thermal", friction_per_ps=friction)
    settings = LaneSettings(
        n_frames=round(ps / FRAME_PS), stride=protocol.steps(FRAME_PS), timestep_fs=protocol.timestep_fs,
        friction_per_ps=friction, equilibration_steps=EQUILIBRATION_STEPS if first else 0,
        cold_steps=COLD_STEPS if first else 0,
    )  # fmt: skip
    seeds = [int(word) for word in np.random.default_rng(seed).integers(1 << 62, size=len(starts))]
    found = run_lanes(system, starts, settings, seeds, threads=1).positions
    return np.asarray(found[np.isfinite(found).all(axis=(1, 2, 3))])


def observed(molecule: Molecule, split: str, seed: int) -> dict[str, Any]:
    """Run a molecule until its torsions have turned or it may not run longer."""
    began = time.process_time()
    key, quadruples = molecule.split_key, torsion_quadruples(molecule)
    friction = friction_of(key)
    starts = start(molecule, seed)
    protocol = lanes_protocol("thermal", friction_per_ps=friction)
    system = lane_system(build_system(molecule, starts[0], protocol).system)
    rounds = TEST_ROUNDS_PS if split == "test" else [ps for ps in ROUNDS_PS if ps <= cap_ps(key)]
    angles: list[np.ndarray] = []
    spent = 0.0
    for k, until in enumerate(rounds):
        found = longer(system, starts, until - spent, friction, seed + k, k == 0)
        if len(found) < len(starts):
            if k:
                break  # rounds of different replicas do not join: what there is counts
            if not len(found):
                raise EGIError(f"No replica of {molecule.smiles} stayed finite.")
        turned = [torsions(x, quadruples) for x in found]
        angles = [np.concatenate(pair) for pair in zip(angles, turned, strict=True)] if angles else turned
        starts, spent = found[:, -1].astype(np.float64), until
        counts = count_torsions(quadruples, angles, FRAME_PS)
        if all(each.total_jumps >= ENOUGH_JUMPS for each in counts if len(each.spent_ps) > 1):
            break
    return {
        "name": molecule.name, "split": split, "friction_per_ps": friction,
        "temperature_K": 300.0, "replicas": len(angles), "replica_ps": round(len(angles[0]) * FRAME_PS, 1),
        "cpu_s": round(time.process_time() - began, 2), "torsions": [each.to_dict() for each in counts],
    }  # fmt: skip


def finished(path: Path) -> set[str]:
    """Names of the molecules that have a line; a line that was cut off is cut away."""
    if not path.is_file():
        return set()
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
        path.write_text("".join(lines), encoding="utf-8")
    return {json.loads(line)["name"] for line in lines}


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("--qm9", type=Path, required=True)
    parser.add_argument("--drugs", type=Path, required=True)
    parser.add_argument("--exclude", type=Path, action="append", default=[], help=".smi, or molecule folders")
    parser.add_argument("--cpu-minutes", type=float, default=60.0, help="of this call")
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "counts.jsonl"
    left_out, done = exclusions(options.exclude), finished(path)
    order = mixed(listed(options.qm9, left_out, options.seed), listed(options.drugs, left_out, options.seed))
    with path.open("a", encoding="utf-8") as stream:
        for molecule, split, smiles, source in order:
            if molecule.name in done:
                continue
            if time.process_time() > 60 * options.cpu_minutes:
                break
            try:
                line = observed(molecule, split, options.seed)
            except EGIError as error:
                line = {"name": molecule.name, "failed": str(error), "torsions": []}
            stream.write(json.dumps({**line, "smiles": smiles, "list": source}) + "\n")
            stream.flush()
            done.add(molecule.name)
            if len(done) % 100 == 0:
                print(f"{len(done)} molecules, {time.process_time() / 60:.1f} CPU minutes", flush=True)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
