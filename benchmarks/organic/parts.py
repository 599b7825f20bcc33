"""Fragments of molecules by BRICS (Degen et al. 2008), new molecules of them, and iodine and phosphorus on some."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator

from rdkit import Chem
from rdkit.Chem import BRICS, rdChemReactions

RARE_SHARE = 0.12
"""Chance of a molecule to begin with a fragment that holds a rare element or a charge."""
RARE = Chem.MolFromSmarts("[I,P,Br,$([+;!$([+]~[-])]),$([-;!$([-]~[+])])]")
CHANGES = {
    "[cX3H1:1]>>[c:1]I": 0.05,
    "[CX4H3:1]>>[CH2:1]I": 0.01,
    "[OX2H1:1][#6:2]>>[O:1]([#6:2])P(=O)(O)O": 0.03,
    "[OX2H1:1][c,C:2]>>[O:1]([*:2])P(=O)(OCC)OCC": 0.01,
    "[cX3H1:1]>>[c:1]P(=O)(O)O": 0.015,
    "[CX3:1](=[O:2])[OX2H1]>>[P:1](=[O:2])(O)O": 0.03,
    "[cX3H1:1]>>[c:1]P(=O)(C)C": 0.01,
    "[cX3H1:1]>>[c:1]Br": 0.02,
    "[NX3H1:1]([C:2])[C:3]>>[N+:1](C)(C)([C:2])[C:3]": 0.015,
    "[cX3H1:1]>>[c:1]S(=O)(=O)O": 0.01,
    "[nX2:1]>>[n+:1]([O-])": 0.015,
}
"""Reactions, and the chance of each to change a molecule."""
MOST_TRIED, MOST_FRAGMENTS = 12, 5

Fragment = tuple[Chem.Mol, tuple[int, ...]]
"""A fragment with labelled dummy atoms, and these labels."""


def fragments_of(mols: Iterable[Chem.Mol]) -> list[Fragment]:
    """Different fragments of 1 to 25 heavy atoms, with at most three open ends, in the order in which they come."""
    found: dict[str, None] = {}
    for mol in mols:
        for smiles in sorted(BRICS.BRICSDecompose(mol)):  # type: ignore[attr-defined]
            found.setdefault(smiles)
    result = []
    for smiles in found:
        mol = Chem.MolFromSmiles(smiles)
        labels = tuple(atom.GetIsotope() for atom in mol.GetAtoms() if atom.GetAtomicNum() == 0)
        if 1 <= len(labels) <= 3 and mol.GetNumHeavyAtoms() - len(labels) <= 25:
            result.append((mol, labels))
    return result


def _partners() -> dict[int, set[int]]:
    """Labels of BRICS that may be joined; double bonds are left to the fragments."""
    found: dict[int, set[int]] = defaultdict(set)
    for group in BRICS.reactionDefs:  # type: ignore[attr-defined]
        for first, second, bond in group:
            if bond == "-":
                a, b = (int(label.rstrip("ab")) for label in (first, second))
                found[a].add(b)
                found[b].add(a)
    return found


def recombined(fragments: list[Fragment], choice: random.Random, heavy: tuple[int, int]) -> Iterator[Chem.Mol]:
    """Endless new molecules of `heavy` atoms: a fragment, and at each open end one that BRICS lets bind there."""
    partners = _partners()
    by_label: dict[int, list[Fragment]] = defaultdict(list)
    for fragment in fragments:
        for label in set(fragment[1]):
            by_label[label].append(fragment)
    fitting = {
        label: [each for other in sorted(others) for each in by_label[other]] for label, others in partners.items()
    }
    caps = {label: [each for each in found if len(each[1]) == 1] for label, found in fitting.items()}
    rare = [each for each in fragments if each[0].HasSubstructMatch(RARE)]
    while True:
        begin = choice.choice(rare if rare and choice.random() < RARE_SHARE else fragments)
        mol, parts = begin[0], 1
        for _ in range(MOST_TRIED):
            ends = [atom for atom in mol.GetAtoms() if atom.GetAtomicNum() == 0]
            if not ends:
                break
            end = choice.choice(ends)
            label = end.GetIsotope()
            pool = fitting if parts + len(ends) < MOST_FRAGMENTS and mol.GetNumHeavyAtoms() < heavy[1] // 2 else caps
            if not pool.get(label):
                break
            other, labels = choice.choice(pool[label])
            open_to = [index for index, each in enumerate(labels) if each in partners[label]]
            if not open_to:
                break
            mol, parts = joined(mol, end.GetIdx(), other, choice.choice(open_to)), parts + 1
        done = not any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms())
        if done and heavy[0] <= mol.GetNumHeavyAtoms() <= heavy[1]:
            try:
                Chem.SanitizeMol(mol)
            except Chem.MolSanitizeException:
                continue
            found = Chem.MolFromSmiles(Chem.MolToSmiles(mol))
            if found is not None:
                yield found


def joined(mol: Chem.Mol, end: int, other: Chem.Mol, which: int) -> Chem.Mol:
    """Two molecules with a single bond between the neighbours of dummy `end` and of the `which`-th dummy of `other`."""
    shift = mol.GetNumAtoms()
    second = [atom.GetIdx() for atom in other.GetAtoms() if atom.GetAtomicNum() == 0][which] + shift
    both = Chem.RWMol(Chem.CombineMols(mol, other))
    ends = [both.GetAtomWithIdx(index).GetNeighbors()[0].GetIdx() for index in (end, second)]
    both.AddBond(ends[0], ends[1], Chem.BondType.SINGLE)
    for index in sorted((end, second), reverse=True):
        both.RemoveAtom(index)
    return both.GetMol()


def decorated(mol: Chem.Mol, choice: random.Random) -> Chem.Mol:
    """The molecule after those of `CHANGES` that the dice say, each at a random place; as it was where none fits."""
    for smarts, chance in CHANGES.items():
        if choice.random() >= chance:
            continue
        made = products(smarts, mol)
        if made:
            found = Chem.MolFromSmiles(choice.choice(made))
            mol = mol if found is None else found
    return mol


def products(smarts: str, mol: Chem.Mol) -> list[str]:
    """SMILES of what a reaction makes of a molecule, sorted, so that a seed chooses the same one everywhere."""
    found = set()
    for (product,) in rdChemReactions.ReactionFromSmarts(smarts).RunReactants((mol,)):
        try:
            Chem.SanitizeMol(product)
        except Chem.MolSanitizeException:
            continue
        found.add(Chem.MolToSmiles(product))
    return sorted(found)
