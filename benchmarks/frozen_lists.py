"""The frozen lists of molecules: made once; trained on by no model, or kept for one purpose.

    python benchmarks/frozen_lists.py --smiles ../shared/data/smiles --exclude ../shared/data/qm9-md \
        --chembl chembl_drugs.csv chembl_samples.csv --seed 20261130 --out datasets/lists

| list | molecules | for |
|---|---|---|
| held_out_qm9 | 68 of QM9, 7 to 9 heavy atoms, with a rotatable bond | to choose by; never trained on |
| held_out_drugs | 33 of ChEMBL, 12 to 36 heavy atoms, a third of them charged | to choose by; never trained on |
| robustness_drugs | 1,000 of ChEMBL's drugs, as they are written there | commands must take them; never trained on |
| water_qm9, water_drugs | 60 and 30, a third of the latter charged | explicit water, training and calibration |
| water_test_qm9, water_test_drugs | 10 and 6 of the published test lists | explicit water, tests only |

No molecule is in two lists that must be apart, nor in the published test lists (but for the water tests): the key is
`split_key`: the SMILES without stereo, isotopes, atom maps and charges. `held_out_qm9` and `water_qm9` also leave out
the molecules of the lists that `docs/training.md` says how to make again, so that no shipped model was trained on
simulations of them. What is held out is kept in `src/eginterpolator/data/lists`, beside the published test lists: the
package leaves those molecules out of every dataset (`data.splits.held_out_lists`). The others are in `datasets/lists`.

    python benchmarks/frozen_lists.py --amend drugs.smi drugs_ez.smi broad.smi --chembl ... --out src/.../data/lists

takes molecules of these files, which shipped weights were trained on (docs/training.md makes them), out of the held-out
lists, and those that ETKDG finds no structure of; to the drug-like ones it appends new molecules, so that there are 33,
a third of them charged. Done once, on the day that the lists were made and before any figure was taken from them.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem, rdMolDescriptors

import bench
import molecule_lists
from eginterpolator.chemistry.identity import split_key as key
from eginterpolator.chemistry.isomers import open_isomers
from eginterpolator.data.splits import held_out_lists, read_exclusions

TRAINED_QM9 = ((77, 3400), (79, 5000))
"""Seed and length of the lists of QM9 molecules that the shipped weights were trained on: docs/training.md."""
PURPOSES = Path(__file__).resolve().parents[1] / "datasets" / "lists"
PROTONATED = ("[NX3;H2,H1,H0;!$(N-[!#6;!#1]);!$(N-C=[O,N,S]);!$(N-[c,n]);!$(N-C=C);!$(N-C#N);!$(N-S)]",)
ACID = "[CX3](=O)[OX2H1]"


def charged(mol: Chem.Mol) -> Chem.Mol | None:
    """The molecule with its first amine protonated, else its first carboxylic acid without its proton; None without."""
    for pattern in PROTONATED:
        if match := mol.GetSubstructMatches(Chem.MolFromSmarts(pattern)):
            atom = Chem.RWMol(mol).GetAtomWithIdx(match[0][0])
            changed = atom.GetOwningMol()
            atom.SetNumExplicitHs(atom.GetTotalNumHs() + 1)
            atom.SetFormalCharge(1)
            atom.SetNoImplicit(True)
            Chem.SanitizeMol(changed)
            return Chem.Mol(changed)
    if match := mol.GetSubstructMatches(Chem.MolFromSmarts(ACID)):
        changed = Chem.RWMol(mol)
        changed.GetAtomWithIdx(match[0][2]).SetFormalCharge(-1)
        Chem.SanitizeMol(changed)
        return Chem.Mol(changed)
    return None


def isomer(mol: Chem.Mol, choice: random.Random) -> str | None:
    """SMILES with every stereo said; None for a molecule with too many isomers, or that RDKit cannot embed."""
    try:
        smiles = Chem.MolToSmiles(choice.choice(open_isomers(mol)))
    except Exception:  # more than 32 isomers: another molecule is taken
        return None
    whole = Chem.AddHs(Chem.MolFromSmiles(smiles))
    parameters = AllChem.ETKDGv3()  # type: ignore[attr-defined]
    parameters.randomSeed, parameters.timeout = 7, 20
    return smiles if AllChem.EmbedMolecule(whole, parameters) == 0 else None  # type: ignore[attr-defined]


def chembl(sources: list[Path], choice: random.Random) -> list[Chem.Mol]:
    """Largest fragments of all SMILES of the CSV files, in random order."""
    found: dict[str, Chem.Mol] = {}
    for part in molecule_lists.largest_fragments(sources):
        found.setdefault(Chem.MolToSmiles(part), part)
    mols = list(found.values())
    choice.shuffle(mols)
    return mols


def drug_like(mols: list[Chem.Mol], taken: set[str], ions: int, choice: random.Random) -> Iterator[tuple[str, bool]]:
    """SMILES of drug-like molecules; the first `ions` of them that can be are charged."""
    for mol in mols:
        if not molecule_lists.usable(mol) or key(Chem.MolToSmiles(mol)) in taken:
            continue
        if not 1 <= rdMolDescriptors.CalcNumRotatableBonds(mol) <= 10:
            continue
        ion = charged(mol) if ions else None
        smiles = isomer(ion or mol, choice)
        if smiles:
            ions -= ion is not None
            taken.add(key(smiles))
            yield smiles, ion is not None


def amend(out: Path, trained: list[Path], sources: list[Path], seed: int) -> None:
    """Take out what was trained on or cannot be embedded, and fill the drug-like list up."""
    seen = read_exclusions(trained)
    taken = seen | set(held_out_lists()) | read_exclusions(sorted(PURPOSES.glob("*.smi")))
    for name in ("held_out_qm9", "held_out_drugs"):
        path = out / f"{name}.smi"
        rows = [line for line in path.read_text().splitlines() if key(line.split()[0]) not in seen]
        rows = [line for line in rows if isomer(Chem.MolFromSmiles(line.split()[0]), random.Random(seed))]
        if name == "held_out_drugs":
            ions = 11 - sum(Chem.GetFormalCharge(Chem.MolFromSmiles(line.split()[0])) != 0 for line in rows)
            neutral = 33 - len(rows) - ions
            wanted = {True: ions, False: neutral}
            number = int(path.read_text().split()[-1].rsplit("_", 1)[1])
            choice = random.Random(seed + 1)
            for smiles, is_ion in drug_like(chembl(sources, choice), taken, ions, choice):
                if wanted[is_ion]:
                    wanted[is_ion] -= 1
                    number += 1
                    rows.append(f"{smiles} {name}_{number:03d}")
                if not any(wanted.values()):
                    break
        path.write_text("".join(f"{row}\n" for row in rows))
        print(name, len(rows), flush=True)


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("--smiles", type=Path, help="folder of qm9_test.smi and drugs_test.smi")
    parser.add_argument("--exclude", type=Path, help="folder of simulated molecules")
    parser.add_argument("--amend", type=Path, nargs="+", help="files of molecules that were trained on")
    parser.add_argument("--chembl", type=Path, nargs="+", required=True)
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    if options.amend:
        amend(options.out, options.amend, options.chembl, options.seed)
        return
    choice = random.Random(options.seed)
    tests = [options.smiles / f"{name}_test.smi" for name in ("qm9", "drugs")]
    published = {key(line.split()[0]) for test in tests for line in test.read_text().splitlines()}
    simulated = read_exclusions([options.exclude])
    taken = published | {key(smiles) for smiles in simulated}

    def write(name: str, smiles: list[str]) -> None:
        rows = [f"{each} {name}_{number:03d}\n" for number, each in enumerate(smiles)]
        (options.out / f"{name}.smi").write_text("".join(rows))
        print(name, len(rows), flush=True)

    for name, test, count, sizes in (("qm9", tests[0], 10, (7, 9)), ("drugs", tests[1], 6, (15, 30))):
        chosen = []
        for line in test.read_text().splitlines():
            mol = Chem.MolFromSmiles(line.split()[0])
            turns = rdMolDescriptors.CalcNumRotatableBonds(mol)
            if sizes[0] <= mol.GetNumHeavyAtoms() <= sizes[1] and turns >= 2 and len(open_isomers(mol)) == 1:
                chosen.append(Chem.MolToSmiles(mol))
        write(f"water_test_{name}", chosen[:: max(1, len(chosen) // count)][:count])

    trained = set()
    for seed, count in TRAINED_QM9:
        for number, (smiles, _) in enumerate(molecule_lists.flexible(simulated, seed)):
            if number == count:
                break
            trained.add(key(smiles))
    small = []
    for smiles, _ in molecule_lists.flexible(simulated, options.seed):
        if key(smiles) not in taken | trained:
            taken.add(key(smiles))
            small.append(smiles)
            if len(small) == 132:
                break
    write("held_out_qm9", small[:72])
    write("water_qm9", small[72:])

    mols = chembl(options.chembl, choice)
    for name, ions, neutral in (("held_out_drugs", 12, 24), ("water_drugs", 10, 20)):
        rows = {True: [], False: []}  # type: dict[bool, list[str]]
        for smiles, is_ion in drug_like(mols, taken, ions, choice):
            rows[is_ion].append(smiles)
            if len(rows[True]) >= ions and len(rows[False]) >= neutral:
                break
        mixed = [each for k in range(ions) for each in (rows[False][2 * k], rows[False][2 * k + 1], rows[True][k])]
        write(name, mixed)
    with options.chembl[0].open() as file:
        drugs = sorted({row[0] for row in list(csv.reader(file))[1:] if Chem.MolFromSmiles(row[0]) is not None})
    choice.shuffle(drugs)
    apart = [smiles for smiles in drugs if all(key(part) not in taken for part in smiles.split("."))]
    write("robustness_drugs", apart[:1000])


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
