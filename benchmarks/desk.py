"""Twenty-four molecules as a newcomer brings them: what runs, what is refused, and what the remedy that is named gives.

    python benchmarks/desk.py --out OUT [--frames 50] [--samples 2] [--num 20] [--results benchmarks/results]

`datasets/lists/desk.smi` goes through `egi generate` and `egi conformers` as it is, in processes of their own. What is
refused is run again with the options that its sentence names (--stereo enumerate, --largest-fragment, --force), as long
as a further sentence names further ones. Then `egi generate --ph 7.4` of the molecules whose charge states are not
what was given. All that came out is judged by RDKit: every record of every SDF is read and sanitised, its graph and
R/S, E/Z (from the coordinates) are those of the molecule; in every frame bonds and stereo (`robustness.py`), and
clashes: heavy atoms five bonds apart or more nearer than .7 of the lower bound of RDKit's distance geometry.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, RDLogger
from rdkit.Chem.rdDistGeom import GetMoleculeBoundsMatrix

import bench
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import read_conformer_folder, read_molecule_folder
from eginterpolator.files.io import sha256
from robustness import wrong_frames

LIST = Path(__file__).resolve().parents[1] / "datasets/lists/desk.smi"
REMEDY = re.compile(r"--(?:stereo enumerate|largest-fragment|force)")
NEAR = 0.7
"""Of the lower bound of a distance: PoseBusters' (J. Chem. Inf. Model. 64 (2024) 4236)."""
PH = "7.4"
WRONG = ("records", "graph", "stereo of records", "bonds", "stereo", "clashes")
OF_RECORDS = WRONG[:3]


def egi(words: Sequence[str], out: Path) -> dict[str, Any]:
    """An `egi` command: exit code, whether it told a traceback, reasons by molecule, and names of what was made."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-c", "from eginterpolator.cli import main; main()", *words, "--out", str(out), "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    reasons = {row["name"]: row["reason"] for row in _rows(out / "failures.csv")}
    made = [row["name"] for row in _rows(out / "summary.csv")]
    said = done.stderr.strip().splitlines()
    return {
        "code": done.returncode, "traceback": "Traceback" in done.stderr, "reasons": reasons, "made": made,
        "said": said[-1] if said else "",
    }  # fmt: skip


def remedies(reason: str) -> list[str]:
    """Options that a sentence names."""
    return REMEDY.findall(reason)


def with_remedies(words: Sequence[str], smiles: str, name: str, reason: str, out: Path) -> dict[str, Any]:
    """A refused molecule, again with the options that are named, until there are no others."""
    options: list[str] = []
    sentences, last = [reason], None
    while further := [option for option in remedies(sentences[-1]) if option not in options]:
        options += further
        given = [word for option in options for word in option.split()]
        last = egi([words[0], smiles, *words[1:], "--name", name, *given], out / name)
        left = [*last["reasons"].values(), *([last["said"]] if last["code"] == 2 else [])]
        if not left:
            break
        sentences.append(left[0])
    folders = {} if last is None else judge(out / name, last["made"])
    codes = {} if last is None else {"code": last["code"], "traceback": last["traceback"]}
    return {"sentences": sentences, "options": options, "folders": folders, **codes}


def judge(out: Path, names: Iterable[str]) -> dict[str, Any]:
    """What RDKit says of each folder, beside what the folder says of itself."""
    return {name: judge_folder(out / name) for name in names}


def judge_folder(folder: Path) -> dict[str, Any]:
    """Records and frames that are wrong, by kind; see `WRONG`."""
    if (folder / "conformers.sdf").is_file():
        ensemble, meta = read_conformer_folder(folder)
        molecule, frames = ensemble.molecule, ensemble.positions
    else:
        molecule, trajectories, meta = read_molecule_folder(folder)
        frames = np.concatenate([trajectory.positions for trajectory in trajectories])
    told = ("smiles", "model", "valid", "stereo_retention", "warnings")
    wrong = wrong_records(folder, meta["smiles"]) + wrong_frames(molecule, frames)
    wrong["clashes"] = int(clashes(molecule, frames).sum())
    return {**{key: meta[key] for key in told}, **{key: wrong[key] for key in ("read", "frames", *WRONG)}}


def wrong_records(folder: Path, smiles: str) -> Counter[str]:
    """Records of the folder's SDF files that RDKit does not read (`records`), or reads as another molecule."""
    found: Counter[str] = Counter()
    wanted = Chem.MolFromSmiles(smiles)
    for path in sorted(folder.glob("*.sdf")):
        for mol in Chem.SDMolSupplier(str(path), removeHs=False):
            found["read"] += 1
            if mol is None:
                found["records"] += 1
                continue
            Chem.AssignStereochemistryFrom3D(mol)
            plain = Chem.RemoveHs(mol)
            same = _smiles(plain, False) == _smiles(wanted, False)
            found["graph"] += not same
            found["stereo of records"] += same and not _same_stereo(plain, wanted)
    return found


def _same_stereo(mol: Chem.Mol, wanted: Chem.Mol) -> bool:
    """Whether R/S and E/Z that a molecule says are those of coordinates: what it leaves open, as N-H+, may be any."""
    for match in mol.GetSubstructMatches(wanted, useChirality=False, maxMatches=1000):
        said = Chem.Mol(mol)
        for atom, at in zip(wanted.GetAtoms(), match, strict=True):
            if atom.GetChiralTag() == Chem.ChiralType.CHI_UNSPECIFIED:
                said.GetAtomWithIdx(at).SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        if _smiles(said, True) == _smiles(wanted, True):
            return True
    return False


def clashes(molecule: Molecule, frames: np.ndarray) -> np.ndarray:
    """Frames [T, N, 3], Å, with heavy atoms five bonds apart or more that are too near: bool [T]."""
    mol, n = molecule.rdmol, molecule.n_heavy
    bounds = GetMoleculeBoundsMatrix(mol, set15bounds=False, scaleVDW=True)[:n, :n]
    first, second = np.triu_indices(n, 1)
    apart = Chem.GetDistanceMatrix(mol)[:n, :n][first, second] >= 5
    first, second = first[apart], second[apart]
    distances = np.linalg.norm(frames[:, first] - frames[:, second], axis=-1)
    return np.asarray((distances < NEAR * bounds[second, first]).any(axis=1))


def _smiles(mol: Chem.Mol, stereo: bool) -> str:
    return Chem.CanonSmiles(Chem.MolToSmiles(mol, isomericSmiles=stereo))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open() as stream:
        return list(csv.DictReader(stream))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run everything; a dictionary a molecule, and the exit codes of the lists."""
    molecules = {name: smiles for smiles, name in (line.split() for line in LIST.read_text().splitlines())}
    short = ["--frames", str(options.frames), "--samples", str(options.samples), "--seed", "1", "--no-report"]
    commands = {
        "generate": ["generate", *short],
        "conformers": ["conformers", "--num", str(options.num), "--seed", "1", "--no-report"],
    }
    found: dict[str, dict[str, Any]] = {name: {"smiles": smiles} for name, smiles in molecules.items()}
    lists = {}
    for kind, words in commands.items():
        whole = egi([words[0], str(LIST), *words[1:]], options.out / kind)
        lists[kind] = {"code": whole["code"], "traceback": whole["traceback"]}
        plain = {_plain(name): name for name in molecules}
        for name in whole["made"]:
            found[plain[_plain(name)]][kind] = {"folders": judge(options.out / kind, [name])}
        for name, reason in whole["reasons"].items():
            own = plain[_plain(name)]
            if kind not in found[own]:
                place = options.out / f"{kind}_remedies"
                found[own][kind] = with_remedies(words, molecules[own], own, reason, place)
        print(kind, lists[kind], flush=True)
    lists["ph"] = charged(commands["generate"], found, options.out)
    return {"lists": lists, "molecules": found}


def charged(words: Sequence[str], found: dict[str, dict[str, Any]], out: Path) -> dict[str, Any]:
    """`--ph` of the molecules that ran as they are; charge states that are not what was given are kept."""
    ran = {name: each["smiles"] for name, each in found.items() if "sentences" not in each["generate"]}
    listed = out / "ph.smi"
    listed.write_text("".join(f"{smiles} {name}\n" for name, smiles in ran.items()))
    said = subprocess.run(
        [sys.executable, "-c", "from eginterpolator.cli import main; main()", words[0], str(listed), "--ph", PH,
         "--dry-run"], capture_output=True, text=True, check=False,
    ).stderr  # fmt: skip
    states = re.findall(rf"^((\S+)_pH{re.escape(PH)}(?:_[a-z])?): (\S+)$", said, re.M)
    other = {name for _, name, smiles in states if Chem.CanonSmiles(smiles) != Chem.CanonSmiles(ran[name])}
    listed.write_text("".join(f"{ran[name]} {name}\n" for name in ran if name in other))
    whole = egi([words[0], str(listed), *words[1:], "--ph", PH], out / "ph")
    for made in whole["made"]:
        name = re.sub(rf"_pH{re.escape(PH)}(_[a-z])?$", "", made)
        found[name].setdefault("ph", {})[made] = judge_folder(out / "ph" / made)
    for made, reason in whole["reasons"].items():
        name = re.sub(rf"_pH{re.escape(PH)}(_[a-z])?$", "", made)
        found[name].setdefault("ph", {}).setdefault(made, {})["reason"] = reason
    return {"code": whole["code"], "traceback": whole["traceback"], "molecules": sorted(other)}


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)


def faults(folders: Mapping[str, Mapping[str, Any]]) -> str:
    """What RDKit finds wrong in some folders: 'bonds 1 of 100, clashes 2 of 100', or 'none of 100'."""
    judged = [each for each in folders.values() if "frames" in each]
    if not judged:
        return "nothing was made"
    total = {key: sum(each[key] for each in judged) for key in ("read", "frames", *WRONG)}
    wrong = [f"{key} {total[key]} of {total['read' if key in OF_RECORDS else 'frames']}" for key in WRONG if total[key]]
    return ", ".join(wrong) or f"none of {total['frames']}"


def _warned(folders: Mapping[str, Mapping[str, Any]]) -> str:
    said = list(dict.fromkeys(text for each in folders.values() for text in each.get("warnings", [])))
    return _cell("; ".join(said) or "–")


def _cell(text: str, most: int = 260) -> str:
    short = text if len(text) <= most else text[: most - 1] + "…"
    return short.replace("|", "\\|")


def _sentence(reason: str) -> str:
    """A reason without the SMILES that it begins with."""
    return _cell(re.sub(r"^'[^']*' ", "", reason))


def page(result: Mapping[str, Any]) -> str:
    """The Markdown page."""
    molecules = result["molecules"]
    ran, refused, states = [], [], []
    for name, each in molecules.items():
        generated, conformers = each["generate"], each["conformers"]
        if "sentences" not in generated:
            (only,) = generated["folders"].values()
            kept = f"{only['valid']:.2f}, {only['stereo_retention']:.2f}"
            wrong = [faults(generated["folders"]), faults(conformers["folders"])]
            ran.append([name, only["model"], *wrong, kept, _warned(generated["folders"])])
        else:
            steps = " Then: ".join(_sentence(sentence) for sentence in generated["sentences"])
            taken = " ".join(f"`{option}`" for option in generated["options"]) or "none"
            folders = generated["folders"]
            valid = ", ".join(f"{made['valid']:.2f}" for made in folders.values())
            refused.append([name, steps, taken, str(len(folders)), faults(folders), faults(conformers["folders"]),
                            valid or "–", _warned(folders)])  # fmt: skip
        for made, state in each.get("ph", {}).items():
            said = f" ({_sentence(state['reason'])})" if "reason" in state else ""
            valid = f"{state['valid']:.2f}" if "valid" in state else "–"
            smiles = f"`{state['smiles']}`" if "smiles" in state else ""
            states.append([made, smiles, faults({made: state}), valid, _warned({made: state}) + said])
    codes = ", ".join(f"{kind} {each['code']}" for kind, each in result["lists"].items())
    torn = sum(each["traceback"] for each in result["lists"].values()) + sum(
        bool(each[kind].get("traceback")) for each in molecules.values() for kind in ("generate", "conformers")
    )
    return "\n".join([
        "# Twenty-four molecules as a newcomer brings them", "",
        f"`{result['command']}`, {bench.listed(result['machine'])}.", "",
        f"{len(ran)} of {len(molecules)} run as they are, {len(refused)} are refused. "
        f"Exit codes of the lists: {codes}; tracebacks: {torn}. Wrong by RDKit: records or frames whose sanitising, "
        "graph, bonds, R/S and E/Z, or contacts fail (what each means is in the script's first lines). "
        "RDKit does not see the hand of an axis: of allenes `valid` says it.", "",
        "## What runs", "",
        bench.table(["molecule", "model", "trajectories, wrong by RDKit", "conformers, wrong by RDKit",
                     "valid and stereo kept, by `meta.json`", "warnings"], ran), "",
        "## What is refused, and what its remedy gives", "",
        bench.table(["molecule", "sentence", "options that it names", "molecules that they give",
                     "trajectories, wrong by RDKit", "conformers, wrong by RDKit", "valid", "warnings"], refused), "",
        f"## Charge states at pH {PH}", "",
        bench.table(["name", "SMILES", "trajectories, wrong by RDKit", "valid", "warnings"], states),
    ])  # fmt: skip


def main() -> None:
    """Measure and write `desk.json` and `desk.md`."""
    parser = bench.parser(__doc__)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--num", type=int, default=20, help="conformers of each molecule")
    parser.add_argument("--out", type=Path, required=True, help="folder of everything that is made")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    asked = f"--frames {options.frames} --samples {options.samples} --num {options.num}"
    run = bench.Run(f"python benchmarks/desk.py {asked} --out OUT")
    result = {**run.made_by, "list_sha256": sha256(LIST), **measure(options)}
    run.write(options.results, "desk", result, page(result))
    print(json.dumps(result["lists"]))


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
