"""Frames 20.8 ps, 104 ps and a nanosecond apart in the order of a measured clock, beside simulations of as much CPU.

    python benchmarks/long_lag.py held_out/held_out_qm9 qm9-obc2_thermalised --longer 50ns --take 001 004 --out lags

REFERENCE is a list of `held_out.py`, GENERATED what `judged.py` made of it: independent frames, and the script only
draws their order, and that of pieces of the clock's MD. --longer is a folder of longer simulations of some of the
molecules (`egi simulate LIST --replicas 16 --ns 50 --save-ps 20.8`), which are the reference then. Rows: the frames
with the shares that the model gives them, with those that the clock's jumps correct (C5 of docs/clock.md), what `egi
generate` makes of the clock's MD, plain lanes of --cpu CPU seconds, and the oracle, one half of the reference's
replicas against the other half. Plain lanes are the first part of the replicas in REFERENCE, judged by the longer
simulation, or without one of the first half of the replicas, judged by the other half.

States are joint wells of the reference's slow torsions (`egi simulate` writes the same into states.csv). `populations`
is the largest difference of a state's share; `chapman` the largest difference in a state of 5 % or more between staying
two steps by the square of what was found for one, and the reference's two; `own` the same against one's own two.
Times are those of each of these torsions: -lag / ln of the second eigenvalue of its jumps between wells, where the
reference's is over half of the lag and under half of a replica. A molecule is a file in --out, and the same command
goes on. Writes `long_lag.json` and `.md` into --results.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import bench
from eginterpolator.analysis.jumps import movers, weights
from eginterpolator.analysis.states import slow_torsions, telling
from eginterpolator.analysis.wells import Torsion, angles_of, find_wells, folded
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_times import shipped_times
from eginterpolator.chemistry.wells import well_indices
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.io import write_json
from eginterpolator.generation.clock import ClockSettings, default_seconds
from eginterpolator.generation.order import ordered
from eginterpolator.generation.pieces import Pieces
from eginterpolator.generation.replicas import simulate
from eginterpolator.simulation.engines.lanes.speed import PREPARE_SECONDS, estimated_seconds

SPACING_PS = 20.8
LAGS_PS = (20.8, 104.0, 998.4)
"""Of 1, 5 and 48 frames of the reference."""
FRAMES = 500
LISTED, JUDGED = 0.01, 0.05
"""Share of a state that is one of its own, and of one whose staying is judged."""
FEWEST = 20
"""Frames in a state below which nothing is said of staying in it."""
ROWS = ("frames' shares", "corrected shares", "as generated", "plain lanes", "oracle")


def joint_wells(torsions: Sequence[Torsion], used: Sequence[int], angles: np.ndarray) -> np.ndarray:
    """Wells of the torsions `used` in angles [T, K]: one number a frame, int64 [T]."""
    code = np.zeros(len(angles), dtype=np.int64)
    for k in used:
        code = code * torsions[k].n_wells + well_paths(torsions[k], k, [angles])[0]
    return code


def well_paths(torsion: Torsion, k: int, angles: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Wells of torsion k in angles [T, K] of each trajectory: int64 [T]."""
    return [well_indices(folded(x[:, k], torsion.fold), torsion.ends) for x in angles]


def counts_of(paths: Sequence[np.ndarray], lag: int, n: int) -> np.ndarray:
    """Pairs of states `lag` frames apart, both ways: float64 [n, n]."""
    found = np.zeros((n, n))
    for path in paths:
        np.add.at(found, (path[: len(path) - lag], path[lag:]), 1.0)
    return found + found.T


def transitions_of(counts: np.ndarray) -> np.ndarray:
    """Rows of the counts as shares; a state that has none stays."""
    rows = counts.sum(axis=1, keepdims=True)
    return np.where(rows > 0, counts / np.maximum(rows, 1), np.eye(len(counts)))


def well_time_ps(paths: Sequence[np.ndarray], lag: int, lag_ps: float) -> float:
    """-lag / ln(second eigenvalue) of the jumps [T] of a torsion between the wells that it visits; 0 where it is not
    positive, inf where it is 1."""
    counts = counts_of(paths, lag, 1 + max(int(x.max()) for x in paths))
    seen = counts.sum(axis=1) > 0
    if seen.sum() < 2:
        return float("nan")
    second = float(np.sort(np.linalg.eigvals(transitions_of(counts[np.ix_(seen, seen)])).real)[-2])
    return 0.0 if second <= 0 else float("inf") if second > 1 - 1e-9 else -lag_ps / float(np.log(second))


def times_against(
    ours: Sequence[Sequence[np.ndarray]], theirs: Sequence[Sequence[np.ndarray]], steps: tuple[int, int], lag_ps: float
) -> dict[str, Any]:
    """Times of torsions by the paths of their wells: of those that the reference has measured."""
    most = max(len(x) for x in theirs[0]) / steps[1] * lag_ps / 2 if theirs else 0.0
    known = [well_time_ps(x, steps[1], lag_ps) for x in theirs]
    found = [well_time_ps(x, steps[0], lag_ps) for x in ours]
    pairs = [(f, k) for f, k in zip(found, known, strict=True) if lag_ps / 2 < k < most]
    return {
        "ratios": [round(min(f / k, 1e3), 4) if np.isfinite(f) or f > 0 else 1e3 for f, k in pairs],
        "reference_ps": [round(k, 1) for _, k in pairs],
    }


def against(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], n: int, steps: tuple[int, int]) -> dict[str, Any]:
    """The figures of state paths; `steps` are the frames of a lag in both."""
    shares = [np.bincount(np.concatenate(list(x)), minlength=n) / sum(map(len, x)) for x in (ours, theirs)]
    one, two = (counts_of(ours, steps[0] * k, n) for k in (1, 2))
    twice = counts_of(theirs, 2 * steps[1], n)
    stay = [np.diag(transitions_of(each)) for each in (two, twice)]
    foretold = np.diag(np.linalg.matrix_power(transitions_of(one), 2))
    enough = (shares[1] >= JUDGED) & (np.minimum(one.sum(1), twice.sum(1)) >= 2 * FEWEST)
    return {
        "populations": float(np.abs(shares[0] - shares[1]).max()),
        "chapman": float(np.abs(foretold - stay[1])[enough].max()) if enough.any() else None,
        "own": float(np.abs(foretold - stay[0])[enough].max()) if enough.any() else None,
    }


def judged(
    name: str, reference: Path, longer: Path | None, generated: Path, seconds: float | None, cpu: float, seed: int
) -> dict[str, Any]:
    """All figures of a molecule, by lag and row."""
    began = time.process_time()
    molecule, made, _ = read_molecule_folder(generated / name)
    pool = np.concatenate([each.positions for each in made])
    angles = angles_of(molecule, [pool])[0]
    short, _ = angles_at(molecule, reference / name)
    replicas, ns = angles_at(molecule, longer / name) if longer is not None else (short, 0.0)
    torsions = find_wells(molecule, replicas, SPACING_PS)
    paths = [np.stack([each.settled(x[:, k]) for k, each in enumerate(torsions)], axis=1) for x in replicas]
    used = telling(np.concatenate(paths), slow_torsions(torsions, SPACING_PS))
    settings = ClockSettings(seconds=seconds)
    clock = time.process_time()
    lasting = seconds or default_seconds(molecule.n_atoms)
    ran = simulate(molecule, pool, settings.protocol(), lasting, settings.save_ps, seed, threads=1)
    clock = time.process_time() - clock
    budget = 16 * cpu / ((estimated_seconds(molecule.n_atoms, 16, 1.0) or np.nan) - PREPARE_SECONDS)  # ns
    half = replicas[: len(replicas) // 2], replicas[len(replicas) // 2 :]
    plain = short if longer is not None else half[0]
    frames = max(2, round(budget * 1000 / SPACING_PS / len(plain)))
    plain = [x[:frames] for x in plain]
    orders: dict[str, dict[float, np.ndarray]] = {row: {} for row in ROWS[:3]}
    prior, simulated = shipped_times().of_torsions(molecule), np.concatenate(ran.angles)
    for row, spread in zip(ROWS[:3], (0.0, 0.5, 0.5), strict=True):
        found = movers(molecule, angles, ran.angles, settings.save_ps, prior, spread=spread)
        own = Pieces.single(found, len(pool))
        pieces = own if row != "as generated" else Pieces.cut(found, [len(x) for x in ran.angles], 1, 1)
        for lag in LAGS_PS:
            shape = (len(made), FRAMES)
            orders[row][lag] = ordered(found, pieces, shape, lag, seed, weights(found, pieces.heads))
    kinds, counts = np.unique(joint_wells(torsions, used, np.concatenate(replicas)), return_counts=True)
    listed = kinds[counts >= LISTED * counts.sum()]

    def named(x: np.ndarray) -> np.ndarray:
        """States by number; the last is of all that are not listed."""
        code = joint_wells(torsions, used, x)
        at = np.minimum(np.searchsorted(listed, code), len(listed) - 1)
        return np.where(listed[at] == code, at, len(listed))

    n = len(listed) + 1
    of_torsions = [[well_paths(torsions[k], k, x) for k in used] for x in (replicas, *half, plain)]
    result: dict[str, Any] = {}
    whole, first, second, short_paths = ([named(x) for x in each] for each in (replicas, *half, plain))
    pools = dict(zip(ROWS[:3], (angles, angles, simulated), strict=True))
    for lag in LAGS_PS:
        step = round(lag / SPACING_PS)
        rows = {}
        for row, pooled in pools.items():
            order = orders[row][lag]
            wells = [well_paths(torsions[k], k, [pooled])[0] for k in used]
            rows[row] = against([named(pooled)[o] for o in order], whole, n, (1, step))
            rows[row] |= times_against([[x[o] for o in order] for x in wells], of_torsions[0], (1, step), lag)
        judge = (whole, of_torsions[0]) if longer is not None else (second, of_torsions[2])
        rows["plain lanes"] = against(short_paths, judge[0], n, (step, step))
        rows["plain lanes"] |= times_against(of_torsions[3], judge[1], (step, step), lag)
        rows["oracle"] = against(first, second, n, (step, step))
        rows["oracle"] |= times_against(of_torsions[1], of_torsions[2], (step, step), lag)
        result[f"{lag:g}"] = rows
    return {
        "name": name, "smiles": molecule.smiles, "atoms": molecule.n_atoms, "states": n - 1, "torsions": used,
        "reference_ns": ns or len(short[0]) * SPACING_PS / 1000, "longer": longer is not None,
        "plain_ns": len(plain) * frames * SPACING_PS / 1000, "clock_cpu_seconds": round(clock, 2),
        "cpu_seconds": round(time.process_time() - began, 1), "lags": result,
    }  # fmt: skip


def angles_at(molecule: Molecule, folder: Path) -> tuple[list[np.ndarray], float]:
    """Torsions of replicas, `SPACING_PS` apart, and the length of one, ns."""
    _, replicas, meta = read_molecule_folder(folder)
    every = round(SPACING_PS / replicas[0].frame_ps)
    return angles_of(molecule, [each.heavy[::every] for each in replicas]), float(meta["ns"])


def page(found: Sequence[dict[str, Any]], run: bench.Run) -> str:
    """Medians over molecules; of timescales all of them together."""
    lines = ["# Frames far apart, by a measured clock", ""]
    groups = {
        "references of 16 × 50 ns": [each for each in found if each["longer"]],
        "references of 16 × 10 ns": [each for each in found if not each["longer"]],
    }
    for title, group in groups.items():
        if not group:
            continue
        atoms = sorted(each["atoms"] for each in group)
        lines += [f"## {len(group)} molecules of {atoms[0]} to {atoms[-1]} atoms, {title}", ""]
        rows = []
        for lag in group[0]["lags"]:
            for row in ROWS:
                each = [molecule["lags"][lag][row] for molecule in group]
                ratios = np.concatenate([x["ratios"] for x in each])
                within = f"{((ratios > 0.5) & (ratios < 2)).mean():.2f} of {len(ratios)}" if len(ratios) else "–"
                rows.append([
                    f"{lag} ps", row, *(median([x[key] for x in each]) for key in ("populations", "chapman", "own")),
                    f"{sum(x['populations'] <= 0.05 for x in each)} of {len(each)}", within,
                    f"{np.median(ratios):.2f}" if len(ratios) else "–",
                ])  # fmt: skip
        head = ["lag", "", "populations", "Chapman-Kolmogorov", "its own", "populations within .05",
                "timescales within ×2", "median ratio"]  # fmt: skip
        lines += [bench.table(head, rows), ""]
    lines += [
        "Largest differences: median over molecules (most).",
        "",
        f"`{run.command}`, {bench.listed(run.machine)}.",
    ]
    return "\n".join(lines)


def median(values: Sequence[float | None]) -> str:
    """Median and the most."""
    known = [value for value in values if value is not None]
    return f"{np.median(known):.3f} ({max(known):.3f})" if known else "–"


def main() -> None:
    """Run the benchmark."""
    parser = bench.parser(__doc__)
    parser.add_argument("reference", type=Path, nargs="+", help="folders of a list of `held_out.py`")
    parser.add_argument("--generated", type=Path, nargs="+", required=True, help="folders of frames, one a reference")
    parser.add_argument("--longer", type=Path, help="folder of longer simulations of some molecules")
    parser.add_argument("--take", nargs="+", required=True, help="ends of the molecules' names")
    parser.add_argument("--clock", type=float, default=None, metavar="SECONDS", help="the product's by default")
    parser.add_argument("--cpu", type=float, default=15.0, metavar="SECONDS", help="of plain lanes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a file a molecule")
    options = parser.parse_args()
    labels = " ".join(bench.label_of(each) for each in options.reference)
    asked = f"--longer LONGER --take {' '.join(options.take)} --cpu {options.cpu:g}"
    asked += f" --clock {options.clock:g}" if options.clock else ""
    run = bench.Run(f"python benchmarks/long_lag.py {labels} --generated … {asked} --seed {options.seed}")
    found = []
    for reference, generated in zip(options.reference, options.generated, strict=True):
        names = [f.parent.name for f in sorted(reference.glob("*/meta.json"))]
        for name in [name for name in names if name.endswith(tuple(options.take))]:
            kept = options.out / f"{name}.json"
            if not kept.is_file():
                there = options.longer is not None and (options.longer / name / "meta.json").is_file()
                longer = options.longer if there else None
                facts = judged(name, reference, longer, generated, options.clock, options.cpu, options.seed)
                write_json(kept, facts)
                print(name, facts["cpu_seconds"], "CPU s", flush=True)
            found.append(json.loads(kept.read_text()))
    text = page(found, run)
    run.write(options.results, "long_lag", {**run.made_by, "molecules": found}, text)
    print(text)


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
