"""Salts and solvates: the fragment that is the molecule."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors, rdmolops


def largest_fragment(mol: Chem.Mol) -> Chem.Mol:
    """The fragment with the most heavy atoms, one with carbon before one without, then the heaviest, then the first.

    Its charge, coordinates and the properties of `mol` stay.
    """
    fragments = rdmolops.GetMolFrags(mol, asMols=True, sanitizeFrags=True)
    if len(fragments) < 2:
        return mol
    best = max(fragments, key=_rank)
    for name in mol.GetPropNames(True, False):
        if not name.startswith("__"):
            best.SetProp(name, mol.GetProp(name))
    return best


def _rank(mol: Chem.Mol) -> tuple[bool, int, float]:
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    return 6 in numbers, sum(number > 1 for number in numbers), rdMolDescriptors._CalcMolWt(mol)
