"""What a chemist calls a torsion: its kind, the symmetry of its ends, and names of angles (docs/populations.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule

PLANAR = Chem.MolFromSmarts("[CX3](=[O,S,N])-!@[N,O,S]")
"""Bonds as stiff as double ones: amides, esters, acids, thioesters, amidines; the bond is of atoms 0 and 2."""
_SP2 = (Chem.HybridizationType.SP2, Chem.HybridizationType.SP)


def atom_label(atoms: Any, symbols: Sequence[str]) -> str:
    """Atoms as a reader sees them: 'C1–C2–O3'."""
    return "–".join(f"{symbols[int(i)]}{int(i) + 1}" for i in atoms)


def bond_kinds(molecule: Molecule, quadruples: np.ndarray) -> list[str]:
    """Kind of the middle bond of each torsion [K, 4]: 'ring', 'double', 'planar', 'conjugated' or 'single'.

    `planar` bonds are those of amides, esters and their like, `conjugated` the other single bonds of two sp2 atoms.
    """
    mol = molecule.heavy_mol
    stiff = {frozenset((match[0], match[2])) for match in mol.GetSubstructMatches(PLANAR)}
    kinds = []
    for i, j in quadruples[:, 1:3].tolist():
        bond = mol.GetBondBetweenAtoms(i, j)
        if bond.IsInRing():
            kinds.append("ring")
        elif bond.GetBondType() == Chem.BondType.DOUBLE:
            kinds.append("double")
        elif frozenset((i, j)) in stiff:
            kinds.append("planar")
        else:
            flat = all(atom.GetHybridization() in _SP2 for atom in (bond.GetBeginAtom(), bond.GetEndAtom()))
            kinds.append("conjugated" if flat else "single")
    return kinds


def folds(molecule: Molecule, quadruples: np.ndarray) -> np.ndarray:
    """How many turns of the middle bond by 360°/n give the same molecule again: int64 [K], 1 for most.

    2 of a phenyl or a carboxylate, 3 of a trifluoromethyl or a t-butyl; of both ends the least common multiple. Ring
    torsions have 1.
    """
    mol = molecule.rdmol
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    return np.array(
        [
            1
            if mol.GetBondBetweenAtoms(i, j).IsInRing()
            else math.lcm(_fold(mol, ranks, i, j), _fold(mol, ranks, j, i))
            for i, j in quadruples[:, 1:3].tolist()
        ],
        dtype=np.int64,
    ).reshape(-1)


def _fold(mol: Chem.Mol, ranks: list[int], i: int, other: int) -> int:
    """Of the end i of the bond to `other`: two equal neighbours of a flat atom, three of a tetrahedral one."""
    atom = mol.GetAtomWithIdx(i)
    around = [n for n in atom.GetNeighbors() if n.GetIdx() != other]
    same = len({ranks[n.GetIdx()] for n in around}) == 1 or _resonant(around)
    flat = atom.GetHybridization() in _SP2
    return len(around) if same and len(around) == (2 if flat else 3) else 1


def _resonant(around: list[Chem.Atom]) -> bool:
    """Ends that only differ by how resonance is drawn: the oxygens of a nitro group or a carboxylate."""
    looks = {(n.GetAtomicNum(), n.GetIsotope(), n.GetDegree(), n.GetTotalNumHs(True)) for n in around}
    return len(looks) == 1 and all(
        n.GetAtomicNum() in (7, 8, 16) and n.GetDegree() - n.GetTotalNumHs(True) == 1 for n in around
    )


def well_name(kind: str, fold: int, degrees: float) -> str:
    """Name of an angle of a torsion, degrees; where `fold` is over 1 within ±180°/fold.

    Klyne and Prelog's ranges (Experientia 16 (1960) 521) under their usual names: within 30° of 0 cis, to ±90 gauche,
    to ±150 anticlinal, beyond trans. Bonds that do not turn know cis and trans only.
    """
    size, sign = abs(degrees), "+" if degrees >= 0 else "-"
    if fold == 1:
        if kind in ("double", "planar"):
            return "cis" if size <= 90 else "trans"
        s = "s-" if kind == "conjugated" else ""
        if size <= 30 or size >= 150:
            return f"{s}cis" if size <= 30 else f"{s}trans"
        return f"gauche{sign}" if size <= 90 else f"anticlinal{sign}"
    if fold == 2:
        return "planar" if size <= 30 else "perpendicular" if size > 60 else f"twisted{sign}"
    if fold == 3:
        return "eclipsed" if size <= 30 else "staggered"
    return "rotor"


def distinct(names: Sequence[str], degrees: Sequence[float]) -> list[str]:
    """The names, with the angle behind those that several wells have: 'gauche+ (48)'."""
    return [
        f"{name} ({round(angle)})" if names.count(name) > 1 else name
        for name, angle in zip(names, degrees, strict=True)
    ]
