"""What thermalising does to generated frames, setting by setting, against MD of the same molecules.

    egi generate LIST --model qm9-obc2 --samples 4 --frames 300 --seed 1 --out GENERATED
    egi simulate LIST --replicas 16 --ns 2.6 --save-ps 1.3 --out REFERENCE
    python benchmarks/thermalise.py --set LABEL GENERATED REFERENCE [--set ...] [--settings none 0.5:20] [--name NAME]

A setting is `none`, or picoseconds and friction per ps. Every setting takes the same frames. JSD and times of torsions
are those of our protocol. H...H contacts are pairs of hydrogens under 1.6 Å that are more than two bonds apart.
Energies are those of the System that the reference ran in, of reference and generated frames alike as an XTC holds
them (0.01 Å), without those of frames that failed. Seconds are of one thread. Writes `NAME.json` and `NAME.md` into
--results.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

import bench
from eginterpolator.benchmark.data import hash_of
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.comparison import Comparison, Reference
from eginterpolator.evaluation.leave_one_out import leave_one_out
from eginterpolator.evaluation.loading import EvaluationConfig, load_trajectories, molecule_folders
from eginterpolator.evaluation.summary import summarise
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.generation.thermalise import ThermaliseSettings, thermalise_frames
from eginterpolator.simulation.engines.lanes.engine import Lanes
from eginterpolator.simulation.engines.lanes.system import LaneSystem, lane_system
from eginterpolator.simulation.forcefield import build_system
from eginterpolator.simulation.protocol import ImplicitProtocol

SETTINGS = ("none", "0.1:20", "0.25:20", "0.5:20", "1:20", "0.5:1", "0.5:5", "0.5:50")
CONTACT_ANGSTROM = 1.6
XTC_ANGSTROM = 0.01
METRICS = ("length", "angle", "torsion", "tica_0")
CHANGES = ("basin_changed", "stereo_changed", "failed")


@dataclass(frozen=True)
class Compared:
    """A molecule's frames and what they are compared with.

    frames [T, n_atoms, 3] Å are of trajectories end to end, which are split at `parts`; reference_kj are the energies
    of the reference's frames, kJ/mol.
    """

    molecule: Molecule
    frames: np.ndarray
    parts: np.ndarray
    system: LaneSystem
    prepare_seconds: float
    reference: Reference
    replicas: list[np.ndarray]
    reference_kj: np.ndarray
    reference_contacts: float

    @classmethod
    def read(cls, generated: Path, reference: Path, config: EvaluationConfig) -> Compared:
        """From two molecule folders; InputError when they are not of one molecule with its hydrogens."""
        molecule, trajectories, _ = read_molecule_folder(generated)
        known, replicas, stride, _ = load_trajectories(reference, config)
        same = known.smiles == molecule.smiles and known.bonds.tolist() == molecule.bonds.tolist()
        if not same or not trajectories[0].has_hydrogens:
            raise InputError(f"'{generated}' is not what '{reference}' is, atom by atom; generate it from that list.")
        began = time.process_time()
        built = build_system(molecule, trajectories[0].positions[0], ImplicitProtocol())
        seconds = time.process_time() - began
        system, every = lane_system(built.system), np.concatenate(replicas)
        return cls(
            molecule, np.concatenate([t.positions for t in trajectories]),
            np.cumsum([t.n_frames for t in trajectories])[:-1], system, seconds,
            Reference.of(known, replicas, config.frame_ps, config.seed, stride), replicas, energies(system, every),
            float(contacts(molecule, every).mean()),
        )  # fmt: skip


def energies(system: LaneSystem, frames: np.ndarray) -> np.ndarray:
    """Potential energy of each frame [T, n_atoms, 3] Å at the precision of XTC, float64 [T] kJ/mol."""
    engine = Lanes(system)
    nm = np.round(frames / XTC_ANGSTROM) * np.float32(XTC_ANGSTROM / 10)
    rows = np.arange(-(-len(nm) // engine.width) * engine.width).reshape(-1, engine.width) % len(nm)
    found = []
    for block in rows:
        engine.positions_nm = nm[block]
        found.append(sum(term.astype(np.float64) for term in engine.evaluate()[1].values()))
    return np.concatenate(found)[: len(nm)]


def contacts(molecule: Molecule, frames: np.ndarray) -> np.ndarray:
    """Whether two hydrogens more than two bonds apart come under `CONTACT_ANGSTROM`, bool [T]."""
    hydrogens = np.flatnonzero(molecule.atomic_numbers == 1)
    i, j = np.triu_indices(len(hydrogens), 1)
    pairs = np.stack([hydrogens[i], hydrogens[j]], axis=1)
    pairs = pairs[Chem.GetDistanceMatrix(molecule.rdmol)[pairs[:, 0], pairs[:, 1]] > 2]
    close = np.zeros(len(frames), dtype=bool)
    for first, second in pairs:
        close |= ((frames[:, first] - frames[:, second]) ** 2).sum(axis=1) < CONTACT_ANGSTROM**2
    return close


def judged(each: Compared, setting: str, seed: int) -> tuple[Comparison, dict[str, Any]]:
    """Comparison of a molecule's frames after a setting, and the figures that it does not hold."""
    frames, kept = each.frames, np.ones(len(each.frames), dtype=bool)
    row: dict[str, Any] = dict.fromkeys(CHANGES, 0) | {"seconds": 0.0, "temperature_K": None}
    if setting != "none":
        ps, friction = (float(part) for part in setting.split(":"))
        began = time.process_time()
        made = thermalise_frames(
            each.molecule, frames, ThermaliseSettings(ps=ps, friction_per_ps=friction), seed, threads=1
        )
        row["seconds"] = max(0.0, time.process_time() - began - each.prepare_seconds)
        frames, kept, row["temperature_K"] = made.positions, ~made.failed, made.temperature_K
        row |= {name: int(getattr(made, name).sum()) for name in CHANGES}
    potential = energies(each.system, frames[kept])
    row |= {
        "frames": len(frames), "contacts": float(contacts(each.molecule, frames).mean()),
        "energy_kj": float(potential.mean() - each.reference_kj.mean()),
        "energy_median_kj": float(np.median(potential) - np.median(each.reference_kj)),
        "energy_sd_kj": float(potential.std() - each.reference_kj.std()),
    }  # fmt: skip
    return each.reference.compare(np.split(frames, each.parts)), row


def compared_set(
    generated: Path, reference: Path, settings: Sequence[str], oracle: bool, seed: int
) -> tuple[dict[str, Any], list[str]]:
    """Rows of the settings over the molecules that both folders have, and the names of those left out, with why."""
    config = EvaluationConfig(seed=seed)
    known = molecule_folders(reference)
    comparisons: dict[str, dict[str, Comparison]] = {setting: {} for setting in ("MD oracle", *settings)}
    rows: dict[str, dict[str, dict[str, Any]]] = {setting: {} for setting in settings}
    facts, left_out = {}, []
    for name, folder in molecule_folders(generated).items():
        try:
            if name not in known:
                raise InputError(f"'{reference}' has no molecule {name}.")
            each = Compared.read(folder, known[name], config)
            found = {setting: judged(each, setting, seed) for setting in settings}
        except EGIError as error:
            left_out.append(f"{name}: {error}")
            continue
        for setting, (comparison, row) in found.items():
            comparisons[setting][name], rows[setting][name] = comparison, row
        if oracle:
            held_out = leave_one_out(each.reference, each.replicas, None, seed)
            if held_out is not None:
                comparisons["MD oracle"][name] = held_out
        facts[name] = {
            "smiles": each.molecule.smiles, "atoms": each.molecule.n_atoms, "contacts": each.reference_contacts,
            "energy_kj": float(each.reference_kj.mean()), "energy_sd_kj": float(each.reference_kj.std()),
            "prepare_seconds": each.prepare_seconds, "reference_sha256": hash_of(known[name]),
        }  # fmt: skip
        print(name, {setting: round(row["energy_kj"], 2) for setting, (_, row) in found.items()}, flush=True)
    if not facts:
        raise InputError(f"'{generated}' and '{reference}' have no molecule in common: {'; '.join(left_out)}")
    summaries = {
        setting: {key: value for key, value in summarise(each, seed).items() if key in (*METRICS, "torsion_times")}
        for setting, each in comparisons.items() if each
    }  # fmt: skip
    return {"reference": facts, "summaries": summaries, "molecules": rows}, left_out


def table(found: dict[str, Any]) -> str:
    """The table of a set: a row a setting."""
    head = ["ps at friction/ps", *METRICS, "torsion times within a factor of 2 (median ratio)", "H...H < 1.6 Å, %",
            "mean U, kJ/mol", "median U", "sd of U", "T, K", "other basin, %", "stereo, failed, of frames",
            "s a molecule"]  # fmt: skip
    facts = found["reference"].values()
    lines = []
    for setting, summary in found["summaries"].items():
        times = summary["torsion_times"]
        within, ratio = (times[key] and times[key]["mean"] for key in ("within_factor_two", "median_ratio"))
        cells = [f"{summary[name]['mean']:.3f}" if name in summary else "–" for name in METRICS]
        cells.append("–" if within is None else f"{within:.2f} ({'–' if ratio is None else f'{ratio:.2f}'})")
        rows = list(found["molecules"].get(setting, {}).values())
        if not rows:
            contact = f"{100 * np.mean([fact['contacts'] for fact in facts]):.3f}"
            lines.append([setting, *cells, contact, *[""] * 7])
            continue
        total = sum(row["frames"] for row in rows)
        kelvin = [row["temperature_K"] for row in rows if row["temperature_K"] is not None]
        cells.append(f"{100 * np.mean([row['contacts'] for row in rows]):.3f}")
        cells += [
            f"{np.mean([row[key] for row in rows]):+.1f}" for key in ("energy_kj", "energy_median_kj", "energy_sd_kj")
        ]
        cells.append(f"{np.mean(kelvin):.0f}" if kelvin else "")
        if setting == "none":
            lines.append([setting, *cells, "", "", ""])
            continue
        cells.append(f"{100 * sum(row['basin_changed'] for row in rows) / total:.1f}")
        cells.append(f"{sum(row['stereo_changed'] for row in rows)}, {sum(row['failed'] for row in rows)}, {total:,}")
        lines.append([setting, *cells, f"{np.mean([row['seconds'] for row in rows]):.2f}"])
    return bench.table(head, lines)


def page(result: dict[str, Any]) -> str:
    """The Markdown page."""
    lines = [
        "# Generated frames before and after thermalising",
        "",
        "JSD to MD of the same molecules (length, angle, torsion, TICA 0) and torsion times by our protocol; mean, "
        "median and sd of the potential energy minus the reference's, means over molecules; seconds without charges "
        "and parameters.",
        "",
    ]
    for label, found in result["sets"].items():
        facts = list(found["reference"].values())
        atoms = [fact["atoms"] for fact in facts]
        lines += [
            f"## {label}: {len(facts)} molecules of {min(atoms)} to {max(atoms)} atoms", "", table(found), "",
            f"Reference: contacts in {100 * np.mean([f['contacts'] for f in facts]):.3f} % of frames, sd of the energy "
            f"{np.mean([f['energy_sd_kj'] for f in facts]):.1f} kJ/mol (mean over molecules). Charges and parameters: "
            f"{np.mean([f['prepare_seconds'] for f in facts]):.2f} s a molecule.",
            "",
        ]  # fmt: skip
        if found["left_out"]:
            lines += ["Left out: " + " ".join(found["left_out"]), ""]
    return "\n".join([*lines, f"`{result['command']}`, {bench.listed(result['machine'])}."])


def main() -> None:
    """Run the benchmark."""
    parser = bench.parser(__doc__)
    parser.add_argument("--set", nargs=3, action="append", required=True, metavar=("LABEL", "GENERATED", "REFERENCE"))
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), help="none, or ps:friction")
    parser.add_argument("--oracle", action="store_true", help="a row of blocks of the reference against the others")
    parser.add_argument("--name", default="thermalise", help="of the files that are written")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sets = [(label, Path(generated), Path(reference)) for label, generated, reference in options.set]
    asked = " ".join(f"--set '{label}' {bench.label_of(a)} {bench.label_of(b)}" for label, a, b in sets)
    oracle = " --oracle" if options.oracle else ""
    run = bench.Run(
        f"python benchmarks/thermalise.py {asked} --settings {' '.join(options.settings)}{oracle} --name {options.name}"
    )
    result: dict[str, Any] = {**run.made_by, "sets": {}}
    for label, generated, reference in sets:
        found, left_out = compared_set(generated, reference, options.settings, options.oracle, options.seed)
        result["sets"][label] = {**found, "left_out": left_out}
    run.write(options.results, options.name, result, page(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
