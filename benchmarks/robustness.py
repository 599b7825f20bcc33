"""Do drug molecules run, and is what does not run said? Every molecule of a list through `egi generate`.

    python benchmarks/robustness.py [--list src/eginterpolator/data/lists/robustness_drugs.smi] [--frames 4] --out OUT

The list is ChEMBL's drugs as they are written there (1,000 of them, seed 20261130; `frozen_lists.py`); no model may be
trained on them. `egi generate LIST --largest-fragment --frames 4 --samples 1` runs as a user runs it, in a process of
its own. Then every frame of every molecule is read back and judged by RDKit alone: elements, bonds
(`DetermineConnectivity`), R/S and E/Z from the coordinates. A molecule with a frame that fails is *silent* when neither
a warning nor `failures.csv` says so.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, RDLogger
from rdkit.Chem import rdDetermineBonds

import bench
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.files.io import sha256

LIST = Path(__file__).resolve().parents[1] / "src/eginterpolator/data/lists/robustness_drugs.smi"
NEAR_ACROSS = 1.8
"""Å. RDKit joins carbons nearer than 1.98 Å. Across a four-membered ring MD has them there too: 44 % of the frames of
penicillin G in lanes, 1.87 to 2.1 Å. Such a pair counts as a wrong bond only when it is nearer than this."""
REASONS = {
    "stereo is open": "leaves the stereo",
    "too large for any model": "heavy atoms, more than",
    "an element that no model was trained on": "the model was trained on H|an element that no model knows",
    "several fragments": "several fragments",
    "more than 32 isomers": "more than 32 isomers",
    "nothing usable came out": "nothing usable",
    "no bond between heavy atoms": "no heavy atom|one heavy atom",
}


def reason_class(reason: str) -> str:
    """The class of a reason in failures.csv; the reason itself where it is in none."""
    for name, pattern in REASONS.items():
        if re.search(pattern, reason):
            return name
    return reason[:120]


def wrong_frames(molecule: Molecule, frames: np.ndarray) -> Counter[str]:
    """What RDKit finds wrong in frames [T, N, 3], Å, by kind: numbers of frames; `frames` is how many there are."""
    wanted = {tuple(sorted(map(int, bond))) for bond in molecule.bonds}
    rings = [ring for ring in molecule.rdmol.GetRingInfo().AtomRings() if len(ring) == 4]
    across = {tuple(sorted(pair)) for ring in rings for pair in (ring[::2], ring[1::2])}
    found: Counter[str] = Counter()
    for frame in frames:
        found["frames"] += 1
        symbols = [atom.GetSymbol() for atom in molecule.rdmol.GetAtoms()]
        rows = [f"{s} {x:.4f} {y:.4f} {z:.4f}" for s, (x, y, z) in zip(symbols, frame, strict=True)]
        mol = Chem.MolFromXYZBlock("\n".join([str(len(rows)), "", *rows]))
        if [atom.GetSymbol() for atom in mol.GetAtoms()] != symbols:
            found["elements"] += 1
        rdDetermineBonds.DetermineConnectivity(mol)
        bonds = {tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds()}
        far = {pair for pair in across if np.linalg.norm(frame[pair[0]] - frame[pair[1]]) > NEAR_ACROSS}
        found["bonds"] += bool((bonds ^ wanted) - far)
        found["stereo"] += _stereo(molecule.rdmol, frame) != _stereo(molecule.rdmol, None)
    return found


def _stereo(mol: Chem.Mol, frame: np.ndarray | None) -> list[tuple[int, str]]:
    """Labels of centres and double bonds, as the molecule says them or as a frame shows them."""
    mol = Chem.Mol(mol)
    mol.RemoveAllConformers()
    tagged = {a.GetIdx() for a in mol.GetAtoms() if a.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED}
    double = {b.GetIdx() for b in mol.GetBonds() if b.GetStereo() > Chem.BondStereo.STEREOANY}
    if frame is not None:
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.Set3D(True)
        conformer.SetPositions(frame.astype(np.float64))
        mol.AddConformer(conformer)
        Chem.AssignStereochemistryFrom3D(mol)
    labels = [(i, str(mol.GetAtomWithIdx(i).GetChiralTag())) for i in sorted(tagged)]
    return labels + [(i, str(mol.GetBondWithIdx(i).GetStereo())) for i in sorted(double)]


def measure(listed: Path, out: Path, frames: int) -> dict[str, Any]:
    """Run the list and judge what came out."""
    words = ["generate", str(listed), "--largest-fragment", "--frames", str(frames), "--samples", "1", "--no-report"]
    code = "from eginterpolator.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--out", str(out), "-q"], capture_output=True, text=True, check=False
    )
    with (out / "failures.csv").open() as stream:
        failures = list(csv.DictReader(stream))
    with (out / "summary.csv").open() as stream:
        names = [row["name"] for row in csv.DictReader(stream)]
    wrong: dict[str, Any] = {}
    silent, warned = [], 0
    listed_failures = {row["name"] for row in failures}
    for name in names:
        meta = json.loads((out / name / "meta.json").read_text())
        warned += bool(meta["warnings"])
        molecule, trajectories, _ = read_molecule_folder(out / name)
        found = wrong_frames(molecule, np.concatenate([each.positions for each in trajectories]))
        bad = {kind: found[kind] for kind in ("elements", "bonds", "stereo") if found[kind]}
        if bad:
            wrong[name] = {**bad, "frames": found["frames"], "smiles": meta["smiles"], "warnings": meta["warnings"]}
            if not meta["warnings"] and name not in listed_failures:
                silent.append(name)
    total = sum(bool(line.strip()) for line in listed.read_text().splitlines())
    return {
        "list": listed.name, "list_sha256": sha256(listed), "molecules": total, "ran": len(names),
        "exit_code": done.returncode, "tracebacks": done.stderr.count("Traceback"), "with_a_warning": warned,
        "reasons": Counter(reason_class(row["reason"]) for row in failures), "wrong": wrong, "silent": silent,
        "unaccounted": total - len(set(names) | listed_failures),
    }  # fmt: skip


def page(result: dict[str, Any]) -> str:
    """The Markdown page."""
    rows = [[reason, str(count)] for reason, count in sorted(result["reasons"].items(), key=lambda each: -each[1])]
    unusable, wrong = result["reasons"].get("nothing usable came out", 0), []
    for name, each in result["wrong"].items():
        kinds = ", ".join(f"{kind} in {each[kind]}" for kind in ("elements", "bonds", "stereo") if kind in each)
        said = "; ".join(each["warnings"])[:160] or "none"
        wrong.append([name, f"`{each['smiles'][:60]}`", f"{kinds} of {each['frames']}", said])
    lines = [
        "# A thousand drug molecules",
        "",
        f"`{result['command']}`",
        "",
        f"{result['ran']} of {result['molecules']} molecules gave frames, {result['with_a_warning']} of them with a "
        f"warning, {unusable} of these failed because nothing in their frames is usable; "
        f"exit code {result['exit_code']}, {result['tracebacks']} tracebacks, {result['unaccounted']} molecules "
        "without a word.",
        "",
        "Why molecules failed:",
        "",
        bench.table(["reason", "molecules"], rows),
        "",
        f"Molecules with a frame whose elements, bonds or stereo RDKit finds wrong: {len(result['wrong'])}; without a "
        f"word about it: {len(result['silent'])}.",
        "",
    ]
    if wrong:
        lines += [bench.table(["name", "molecule", "frames that are wrong", "what was said"], wrong), ""]
    return "\n".join(lines)


def main() -> None:
    """Measure and write `robustness.json` and `robustness.md`."""
    parser = bench.parser(__doc__)
    parser.add_argument("--list", type=Path, default=LIST)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--out", type=Path, required=True, help="folder of the molecules; what is finished stays")
    options = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    run = bench.Run(f"python benchmarks/robustness.py --frames {options.frames} --out OUT")
    result = {**run.made_by, **measure(options.list, options.out, options.frames)}
    run.write(options.results, "robustness", result, page(result))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
