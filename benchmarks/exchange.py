"""Replica exchange over the lanes beside plain lanes: the same where torsions are fast, and what it gains where not.

    python benchmarks/exchange.py [--parts fast slow] [--molecules SMILES ...] [--results benchmarks/results]

fast: mean energy and populations of torsions' wells at 300 K, of the coldest rung (errors of blocks of time) and of all
rungs reweighted (jackknife over replicas), beside plain replicas (errors over replicas), as z-scores.
slow: a torsion behind a barrier that plain replicas do not cross in nanoseconds. Error of its populations over
independent repeats of the same number of steps, from starts that are all in one well and from spread conformers. The
reference is plain lanes at 300 K with the barrier lowered by a known torsion term and weighed back; in dimethyl
disulfide the wells are mirror images, so that it must be one half.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

import bench
from eginterpolator.chemistry.features import torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.wells import well_indices
from eginterpolator.simulation.engines.lanes.engine import BOLTZMANN
from eginterpolator.simulation.engines.lanes.exchange import ExchangeFrames, exchange, ladder
from eginterpolator.simulation.engines.lanes.library import widths
from eginterpolator.simulation.engines.lanes.run import LaneFrames, LaneSettings, run_lanes
from eginterpolator.simulation.engines.lanes.system import LaneSystem, lane_system
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.protocol import ImplicitProtocol
from eginterpolator.simulation.reweight import TorsionWell, boltzmann_weights, jackknife, torsion_populations
from eginterpolator.simulation.starts import start_conformers

FAST = ("CC[C@H](O)C#CCOC", "CS(=O)(=O)Nc1ccc(Cl)cc1", "CCOP(=O)(OCC)OC(=C)Br")
FAST_PLAIN_NS, FAST_EXCHANGE_NS = 2.0, 8.0
KELVIN, HIGH_KELVIN = 300.0, 600.0
FRAME_PS, EQUILIBRATION_PS = 1.0, 20.0
REPEATS, REPEAT_NS, CHECKPOINTS = 6, 5.0, (0.5, 1.0, 2.5, 5.0)
REFERENCE_NS = 20.0
PROTOCOL = ImplicitProtocol()


@dataclass(frozen=True)
class Slow:
    """A molecule with a slow torsion: its atoms, the middle of the well whose share is looked at and its half width,
    the barrier that the reference is freed of (kJ/mol) and its phase, and where the share is known, that."""

    name: str
    smiles: str
    atoms: tuple[int, int, int, int]
    middle_degrees: float
    barrier_kj: float
    phase: float
    exact: float | None = None

    def inside(self, positions: np.ndarray) -> np.ndarray:
        """Whether the torsion is within 90 degrees of the middle, bool [...] of positions [..., N, 3]."""
        angle = self.angle(positions) - np.radians(self.middle_degrees)
        return np.asarray(np.cos(angle) > 0)

    def crossings(self, positions: np.ndarray) -> int:
        """How often the torsion of replicas [R, T, N, 3] goes from within 60 degrees of one middle to the other's."""
        cosines = np.cos(self.angle(positions) - np.radians(self.middle_degrees))
        return sum(int((np.diff(each[np.abs(each) > 0.5] > 0)).sum()) for each in cosines)

    def angle(self, positions: np.ndarray) -> np.ndarray:
        """The torsion, radians [...]."""
        flat = positions.reshape(-1, *positions.shape[-2:])
        return torsions(flat, np.array([self.atoms]))[:, 0].reshape(positions.shape[:-2])


SLOW = (
    Slow("5-hydroxymethylfurfural (training list water_qm9_029)", "O=Cc1ccc(CO)o1", (0, 1, 2, 8), 0.0, 30.0, np.pi),
    Slow("dimethyl disulfide", "CSSC", (0, 1, 2, 3), 90.0, 30.0, 0.0, 0.5),
)


def prepared(smiles: str) -> tuple[Molecule, LaneSystem, Any]:
    """Molecule, its lanes' System, and OpenMM's."""
    molecule = Molecule.from_smiles(smiles)
    built = build_system(molecule, start_conformers(molecule, 1)[0], PROTOCOL).system
    return molecule, lane_system(built), built


def plain(system: LaneSystem, starts: np.ndarray, ns: float, seed: int) -> LaneFrames:
    """Plain replicas at 300 K."""
    settings = LaneSettings(
        n_frames=round(ns * 1000 / FRAME_PS),
        stride=PROTOCOL.steps(FRAME_PS),
        temperature_K=KELVIN,
        equilibration_steps=PROTOCOL.steps(EQUILIBRATION_PS),
    )
    seeds = [int(word) for word in np.random.SeedSequence(seed).generate_state(len(starts), np.uint64)]
    return run_lanes(system, starts, settings, seeds, threads=1)


def exchanged(system: LaneSystem, starts: np.ndarray, ns: float, seed: int) -> ExchangeFrames:
    """An exchange from 300 to 600 K as `egi simulate --exchange 300:600` runs it."""
    return exchange(
        system, starts, ladder(KELVIN, HIGH_KELVIN, len(starts)), n_frames=round(ns * 1000 / FRAME_PS),
        stride=PROTOCOL.steps(FRAME_PS), seed=seed, equilibration_frames=round(EQUILIBRATION_PS / FRAME_PS),
    )  # fmt: skip


def blocked(values: np.ndarray, blocks: int = 16) -> tuple[float, float]:
    """Mean of a series [T] and its standard error over blocks of time."""
    means = [block.mean() for block in np.array_split(values, blocks)]
    return float(np.mean(means)), float(np.std(means, ddof=1) / blocks**0.5)


def z_score(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Difference of two (mean, error) in its standard error."""
    return (first[0] - second[0]) / max((first[1] ** 2 + second[1] ** 2) ** 0.5, 1e-12)


def fast(smiles: str, seed: int = 1) -> dict[str, Any]:
    """<U> and populations of plain replicas, of the coldest rung, and of all rungs."""
    width = max(widths())
    molecule, system, _ = prepared(smiles)
    starts = start_conformers(molecule, width, seed)
    direct = plain(system, starts, FAST_PLAIN_NS, seed)
    made = exchanged(system, starts, FAST_EXCHANGE_NS, seed)
    weights = boltzmann_weights(made, KELVIN)
    energies = direct.potential_kj.mean(axis=1)
    values = {
        "plain": (float(energies.mean()), float(energies.std(ddof=1) / width**0.5)),
        "cold": blocked(made.potential_kj[0]),
        "all": jackknife((weights * made.potential_kj).ravel(), weights.ravel(), made.replicas.ravel()),
    }
    rows = [
        {"atoms": atoms, **shares}
        for atoms, wells in _by_torsion(torsion_populations(molecule, made, KELVIN, weights)).items()
        for shares in _shares(atoms, wells, direct, made)
    ]
    result = {
        "smiles": smiles, "atoms": molecule.n_atoms, "energy_kj": values, "wells": rows,
        "energy_z": {name: z_score(values[name], values["plain"]) for name in ("cold", "all")},
        "accepted": [float(made.accepted.min()), float(made.accepted.max())], "round_trips": made.round_trips,
    }  # fmt: skip
    print({key: value for key, value in result.items() if key != "wells"}, flush=True)
    return result


def _by_torsion(wells: list[TorsionWell]) -> dict[tuple[int, ...], list[TorsionWell]]:
    """Torsions with more than one well, and these."""
    found: dict[tuple[int, ...], list[TorsionWell]] = {}
    for well in wells:
        found.setdefault(well.atoms, []).append(well)
    return {atoms: each for atoms, each in found.items() if len(each) > 1}


def _shares(
    atoms: tuple[int, ...], wells: list[TorsionWell], direct: LaneFrames, made: ExchangeFrames
) -> list[dict[str, Any]]:
    """Shares (with errors) of the wells of a torsion but for the last, which the others determine."""
    ends, quadruple = np.radians([well.end_degrees for well in wells]), np.array([atoms])
    replicas = np.stack([well_indices(torsions(x, quadruple)[:, 0], ends) for x in direct.positions])
    cold = well_indices(torsions(made.positions[0], quadruple)[:, 0], ends)
    rows = []
    for k, well in enumerate(wells[:-1]):
        each = (replicas == k).mean(axis=1)
        values = {
            "plain": (float(each.mean()), float(each.std(ddof=1) / len(each) ** 0.5)),
            "cold": blocked((cold == k).astype(float)),
            "all": (well.share, well.error),
        }
        z = {name: z_score(values[name], values["plain"]) for name in ("cold", "all")}
        rows.append({"degrees": [well.start_degrees, well.end_degrees], "shares": values, "z": z})
    return rows


def reference(case: Slow, system: Any, starts: np.ndarray, seed: int) -> tuple[float, float, int]:
    """Share by plain lanes over a lowered barrier, weighed back, its error over replicas, and how often they crossed.

    To the System is added V = -h/2 (1 + cos(2 phi - phase)), and frames are weighed by exp(V / RT).
    """
    import openmm

    copy = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system))
    force = next(each for each in copy.getForces() if isinstance(each, openmm.PeriodicTorsionForce))
    force.addTorsion(*case.atoms, 2, case.phase, -case.barrier_kj / 2)
    made = plain(lane_system(copy), starts, REFERENCE_NS, seed)
    angles = case.angle(made.positions)
    added = -case.barrier_kj / 2 * (1 + np.cos(2 * angles - case.phase))
    weights = np.exp(added / (BOLTZMANN * KELVIN))
    owner = np.repeat(np.arange(len(angles)), angles.shape[1])
    share, error = jackknife((weights * case.inside(made.positions)).ravel(), weights.ravel(), owner)
    return share, error, case.crossings(made.positions)


def one_repeat(case: Slow, system: LaneSystem, starts: np.ndarray, seed: int) -> dict[str, Any]:
    """Shares at the checkpoints and CPU seconds, of plain replicas and of an exchange from the same starts."""
    began = time.process_time()
    made = plain(system, starts, REPEAT_NS, seed)
    inside = case.inside(made.positions)
    direct: dict[str, Any] = {
        "seconds": time.process_time() - began, "crossings": case.crossings(made.positions),
        "shares": [],
    }  # fmt: skip
    began = time.process_time()
    rungs = exchanged(system, starts, REPEAT_NS, seed)
    spent = time.process_time() - began
    hot = case.inside(rungs.positions)
    swapped: dict[str, Any] = {"round_trips": rungs.round_trips, "shares": [], "cold": []}
    for ns in CHECKPOINTS:
        n = round(ns * 1000 / FRAME_PS)
        each = inside[:, :n].mean(axis=1)
        direct["shares"].append([float(each.mean()), float(each.std(ddof=1) / len(each) ** 0.5)])
        began = time.process_time()
        part = replace(rungs, potential_kj=rungs.potential_kj[:, :n], replicas=rungs.replicas[:, :n])
        weights = boltzmann_weights(part, KELVIN)
        found = jackknife((weights * hot[:, :n]).ravel(), weights.ravel(), part.replicas.ravel())
        swapped["seconds"] = spent + time.process_time() - began  # the run, and the reweighting of this checkpoint
        swapped["shares"].append(list(found))
        swapped["cold"].append(float(hot[0, :n].mean()))
    return {"plain": direct, "exchange": swapped}


def slow(case: Slow) -> dict[str, Any]:
    """Repeats of both from starts in one well, in the other, and from spread conformers, beside the reference."""
    width = max(widths())
    molecule, system, built = prepared(case.smiles)
    conformers = start_conformers(molecule, width, seed=1)
    side = case.inside(conformers)
    one = {f"all in the {name} well": conformers[np.flatnonzero(side == inside)[:1].repeat(width)]
           for name, inside in (("first", True), ("second", False))}  # fmt: skip
    if case.exact is not None:  # the second well is the mirror image of the first
        one.popitem()
    share, error, crossings = reference(case, built, conformers, seed=7)
    result: dict[str, Any] = {
        "name": case.name, "smiles": case.smiles, "atoms": molecule.n_atoms, "torsion": case.atoms,
        "middle_degrees": case.middle_degrees, "exact": case.exact, "reference": [share, error],
        "reference_crossings": crossings, "reference_ns": REFERENCE_NS * width, "repeats": {},
    }  # fmt: skip
    print(result, flush=True)
    for label in (*one, "spread"):
        result["repeats"][label] = []
        for seed in range(1, REPEATS + 1):
            starts = one[label] if label in one else start_conformers(molecule, width, seed)
            row = {"started_inside": float(case.inside(starts).mean()), **one_repeat(case, system, starts, seed)}
            result["repeats"][label].append(row)
            print(label, row, flush=True)
    return result


def summary(case: dict[str, Any]) -> list[list[str]]:
    """Rows of the table: root mean square error over repeats and mean of the errors they give, at each checkpoint."""
    truth = case["reference"][0] if case["exact"] is None else case["exact"]
    lines = []
    for label, repeats in case["repeats"].items():
        for name in ("plain", "exchange"):
            shares = np.array([row[name]["shares"] for row in repeats])
            errors = np.sqrt(((shares[..., 0] - truth) ** 2).mean(axis=0))
            given = np.sqrt((shares[..., 1] ** 2).mean(axis=0))
            seconds = np.mean([row[name]["seconds"] for row in repeats])
            cells = [f"{a:.3f} (± {b:.3f})" for a, b in zip(errors, given, strict=True)]
            lines.append([label, name, *cells, f"{shares[:, -1, 0].mean():.3f}", f"{seconds:.1f}"])
    return lines


def page(result: dict[str, Any]) -> str:
    """The Markdown page."""
    lines = ["# Replica exchange beside plain lanes", ""]
    if rows := result.get("fast"):
        lines += [
            f"Fast torsions: plain replicas of {FAST_PLAIN_NS:g} ns and an exchange of {FAST_EXCHANGE_NS:g} ns from "
            "300 to 600 K (± standard error; z: difference from plain in its error; one well a torsion is left out, as "
            "the others determine it).",
            "",
            fast_table(rows),
            "",
        ]
    for case in result.get("slow", []):
        crossings = [row["plain"]["crossings"] for repeats in case["repeats"].values() for row in repeats]
        total = len(crossings) * REPEAT_NS * result["lanes"]
        share, error = case["reference"]
        known = "" if case["exact"] is None else f", exactly {case['exact']:g} by symmetry"
        lines += [
            f"## {case['name']}, `{case['smiles']}`, {case['atoms']} atoms",
            "",
            f"Share of the torsion {'-'.join(map(str, case['torsion']))} within 90 degrees of "
            f"{case['middle_degrees']:g}: reference {share:.3f} ± {error:.3f} ({case['reference_crossings']:,} "
            f"crossings of the lowered barrier in {case['reference_ns']:g} ns){known}. Plain replicas at 300 K crossed "
            f"{sum(crossings)} times in {total:,.0f} ns. Root mean square error over {REPEATS} repeats after so many "
            "ns of every lane, and in brackets the error that a repeat gives itself:",
            "",
            bench.table(["starts", "", *(f"{ns:g} ns" for ns in CHECKPOINTS), "mean share", "CPU s"], summary(case)),
            "",
            *([case["note"], ""] if "note" in case else []),
        ]
    rows = [*result.get("fast", []), *result.get("slow", [])]
    commands = " and ".join(f"`{command}`" for command in dict.fromkeys(row["command"] for row in rows))
    spent = f"{sum(row['cpu_seconds'] for row in rows):.0f} CPU s in all"
    return "\n".join([*lines, f"{commands}, {bench.listed(result['machine'])}; {spent}."])


def fast_table(rows: list[dict[str, Any]]) -> str:
    """Energies and populations beside plain ones."""
    head = ["molecule", "atoms", "U, kJ/mol: plain", "coldest rung", "z", "all rungs", "z", "wells",
            "z of populations, coldest rung: rms (largest)", "all rungs", "swaps taken", "round trips"]  # fmt: skip
    lines = []
    for row in rows:
        energy = {name: f"{mean:.2f} ± {error:.2f}" for name, (mean, error) in row["energy_kj"].items()}
        cells = [f"`{row['smiles']}`", str(row["atoms"]), energy["plain"]]
        for name in ("cold", "all"):
            cells += [energy[name], f"{row['energy_z'][name]:+.1f}"]
        cells.append(str(len(row["wells"])))
        for name in ("cold", "all"):
            z = np.array([well["z"][name] for well in row["wells"]])
            cells.append(f"{np.sqrt((z**2).mean()):.1f} ({np.abs(z).max():.1f})")
        low, high = row["accepted"]
        lines.append([*cells, f"{low:.2f}-{high:.2f}", str(row["round_trips"])])
    return bench.table(head, lines)


def main() -> None:
    """Measure and write `exchange.json` and `exchange.md`; what they hold of other molecules stays."""
    parser = bench.parser(__doc__)
    parser.add_argument("--parts", nargs="+", choices=("fast", "slow"), default=["fast", "slow"])
    parser.add_argument("--molecules", nargs="+", default=[], metavar="SMILES", help="of the parts, only these")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    asked = " ".join(["", "--molecules", *(f"'{smiles}'" for smiles in options.molecules)]) if options.molecules else ""
    run = bench.Run(f"python benchmarks/exchange.py --parts {' '.join(options.parts)}{asked}")
    before = options.results / "exchange.json"
    result: dict[str, Any] = json.loads(before.read_text()) if before.is_file() else {}
    result |= {**run.made_by, "lanes": max(widths())}
    measures: list[tuple[str, str, Callable[[], dict[str, Any]]]] = [
        *(("fast", smiles, partial(fast, smiles, seed=1)) for smiles in FAST),
        *(("slow", case.smiles, partial(slow, case)) for case in SLOW),
    ]
    for part, smiles, measure in measures:
        if part in options.parts and (not options.molecules or smiles in options.molecules):
            began = time.process_time()
            made = measure()
            made |= {"command": run.command, "cpu_seconds": time.process_time() - began}
            others = [row for row in result.get(part, []) if row["smiles"] != smiles]
            result[part] = [*others, made]
            run.write(options.results, "exchange", result, page(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
