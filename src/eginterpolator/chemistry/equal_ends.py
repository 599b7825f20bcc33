"""Phosphorus and sulfur whose oxygens resonance or a proton makes equal: no stereocentres. RDKit molecules only.

Two oxygens (or two S, Se or N) without heavy neighbours of their own that differ by a proton, a charge or the order of
their bond: phosphodiesters, phosphinates, sulfinates, sulfonimidic acids. Of different isotopes they are not equal, and
a sulfoxide, a sulfoximine or a phosphorothioate has two different ends.
"""

from __future__ import annotations

from collections import Counter

from rdkit import Chem

_CENTRES = (15, 16, 33, 34, 51, 52)
"""Phosphorus, sulfur and what is below them."""
_ENDS = (7, 8, 16, 34)


def has_equal_ends(atom: Chem.Atom) -> bool:
    """Whether two of the atom's ends differ by less than what makes isomers."""
    if atom.GetAtomicNum() not in _CENTRES:
        return False
    kinds = Counter((end.GetAtomicNum(), end.GetIsotope()) for end in _ends(atom))
    return max(kinds.values(), default=0) > 1


def clear_equal_ends(mol: Chem.Mol) -> bool:
    """Take the R/S label from centres that have none, in place; whether there was one."""
    cleared = False
    for atom in mol.GetAtoms():
        if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED and has_equal_ends(atom):
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
            cleared = True
    return cleared


def with_equal_ends(mol: Chem.Mol) -> tuple[Chem.Mol, list[int]]:
    """A copy for perception in which ends that are equal look equal, and where its atoms stand in `mol`."""
    centres = [atom.GetIdx() for atom in mol.GetAtoms() if has_equal_ends(atom)]
    if not centres:
        return mol, list(range(mol.GetNumAtoms()))
    changed = Chem.RWMol(mol)
    for atom in changed.GetAtoms():
        atom.SetIntProp("_place", atom.GetIdx())
    hydrogens = []
    for centre in centres:
        atom = changed.GetAtomWithIdx(centre)
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        atom.SetFormalCharge(0)
        atom.SetNumExplicitHs(atom.GetTotalNumHs())
        atom.SetNoImplicit(True)
        for end in _ends(atom):
            changed.GetBondBetweenAtoms(centre, end.GetIdx()).SetBondType(Chem.BondType.SINGLE)
            end.SetFormalCharge(0)
            end.SetNumExplicitHs(0)
            end.SetNoImplicit(True)
            hydrogens += [n.GetIdx() for n in end.GetNeighbors() if n.GetAtomicNum() == 1]
    for index in sorted(hydrogens, reverse=True):
        changed.RemoveAtom(index)
    changed.UpdatePropertyCache(strict=False)
    return changed, [atom.GetIntProp("_place") for atom in changed.GetAtoms()]


def _ends(atom: Chem.Atom) -> list[Chem.Atom]:
    """Neighbours of `_ENDS` whose only heavy neighbour the atom is."""
    return [
        n for n in atom.GetNeighbors()
        if n.GetAtomicNum() in _ENDS and sum(other.GetAtomicNum() > 1 for other in n.GetNeighbors()) == 1
    ]  # fmt: skip
