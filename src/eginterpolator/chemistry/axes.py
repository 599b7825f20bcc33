"""Axes of chirality: biaryls that turn too slowly, allenes and longer cumulenes. RDKit molecules only.

RDKit keeps the handedness of some biaryls, and none of allenes, so an axis is kept here as a property of its atoms: it
then follows them through renumbering, added hydrogens, copies and pickles.

Which biaryls count as stable (`_turns_slowly`) follows what is known of their racemisation (Eliel and Wilen,
Stereochemistry of Organic Compounds, 1994, section 14-5; Bringmann et al., Angew. Chem. Int. Ed. 44 (2005) 5384;
LaPlante et al., J. Med. Chem. 54 (2011) 7005): three or four groups beside the bond hold it for months or longer,
unless several of them are as small as F or OR; two hold it for minutes at most, unless they are very large.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from rdkit import Chem

_PROPERTY = "_egi_axes"
_ATROPISOMER = {Chem.BondStereo.STEREOATROPCW: 1, Chem.BondStereo.STEREOATROPCCW: -1}
_DOUBLE = Chem.BondType.DOUBLE
SMALLEST_RING = 9
"""An axis within a smaller ring is not counted: bridged biaryls turn over, and small cyclic allenes are not stable."""
SIX_RINGS, WITH_FIVE_RING = 2.5, 3.5
"""How much must stand beside the bond (`_blocking`): between two six-membered rings, and where one has five members."""
_BLOCKING = {1: 0.0, 8: 0.5, 9: 0.0}
"""What a group beside the bond counts, by its atom; 1 for every other element."""
_UNDECIDED = 1e-3


@dataclass(frozen=True)
class Axis:
    """An axis between the atoms `ends` = (i, j), which are bonded or joined by cumulated double bonds.

    Attributes
    ----------
    ends : (int, int)
    left, right : (int,) or (int, int)
        Heavy atoms bound to i and to j, off the axis.
    twisted : bool
        Whether the two planes are across each other (biaryls, allenes), or are one (butatrienes, which are E or Z).
    sign : int
        Of the sine (`twisted`) or cosine of the torsion left[0]-i-j-right[0]: +1 is right-handed, or cis; 0 where the
        input does not say.
    """

    ends: tuple[int, int]
    left: tuple[int, ...]
    right: tuple[int, ...]
    twisted: bool
    sign: int = 0

    def renumbered(self, where: dict[int, int]) -> Axis:
        """The same axis for atoms in other places, written in one way only: lowest numbers first."""
        left, right = [where[k] for k in self.left], [where[k] for k in self.right]
        ends = where[self.ends[0]], where[self.ends[1]]
        flips = sum(side != sorted(side) for side in (left, right))
        left, right = sorted(left), sorted(right)
        if ends[0] > ends[1]:
            ends, left, right = ends[::-1], right, left
        return Axis(ends, tuple(left), tuple(right), self.twisted, self.sign * (-1) ** flips)

    def sorted(self) -> Axis:
        """The same axis, lowest numbers first."""
        atoms = (*self.ends, *self.left, *self.right)
        return self.renumbered({k: k for k in atoms})

    def values(self, positions: np.ndarray) -> np.ndarray:
        """Sine (`twisted`) or cosine of the torsion left[0]-i-j-right[0] between the two planes; float64 [T].

        `positions` [T, N, 3]. With two atoms on a side, what is used is the line between them, so that a bent ring
        or an allene that is not straight does not change the sign.
        """
        x = np.asarray(positions, dtype=np.float64)
        i, j = self.ends
        along = _unit(x[:, j] - x[:, i])
        first, second = (
            x[:, side[0]] - x[:, side[1] if len(side) == 2 else end]
            for side, end in ((self.left, i), (self.right, j))
        )  # fmt: skip
        u, v = (_unit(w - (w * along).sum(-1, keepdims=True) * along) for w in (first, second))
        if self.twisted:
            return cast(np.ndarray, np.einsum("ti,ti->t", along, np.cross(u, v)))
        return cast(np.ndarray, np.einsum("ti,ti->t", u, v))

    def keeps(self, positions: np.ndarray) -> np.ndarray:
        """Whether frames [T, N, 3] have this axis' sign; bool [T], all true where it is not said."""
        if self.sign == 0:
            return np.ones(len(positions), dtype=bool)
        return np.asarray(np.sign(self.values(positions)) == self.sign)


def possible_axes(mol: Chem.Mol) -> list[Axis]:
    """Every axis by which isomers differ that do not turn into one another, with sign 0, lowest numbers first."""
    found = [*_cumulenes(mol), *_biaryls(mol)]
    return sorted((axis.sorted() for axis in found if _differs(mol, axis)), key=lambda axis: axis.ends)


def axes_of(mol: Chem.Mol) -> list[Axis]:
    """The axes whose sign is known, as `set_axes` wrote them."""
    parts: dict[int, dict[str, list[int]]] = {}
    for atom in mol.GetAtoms():
        if atom.HasProp(_PROPERTY):
            for part in atom.GetProp(_PROPERTY).split():
                number, role, sign = part.split(":")
                parts.setdefault(int(number), {}).setdefault(role, []).append(atom.GetIdx())
                parts[int(number)].setdefault("sign", [int(sign)])
    return sorted((_axis_of(part) for part in parts.values()), key=lambda axis: axis.ends)


def set_axes(mol: Chem.Mol, axes: Iterable[Axis]) -> None:
    """Write axes into the properties of the atoms, in place of those that were there; sign 0 is left out."""
    roles: dict[int, list[str]] = {}
    for number, axis in enumerate(axis for axis in axes if axis.sign):
        kind = "" if axis.twisted else "flat_"
        named = [("i", axis.ends[0]), ("j", axis.ends[1])]
        named += [(f"left_{k}", atom) for k, atom in enumerate(axis.left)]
        named += [(f"right_{k}", atom) for k, atom in enumerate(axis.right)]
        for role, atom in named:
            roles.setdefault(atom, []).append(f"{number}:{kind}{role}:{axis.sign}")
    for atom in mol.GetAtoms():
        atom.ClearProp(_PROPERTY)
        if atom.GetIdx() in roles:
            atom.SetProp(_PROPERTY, " ".join(roles[atom.GetIdx()]))


def adopt_rdkit_axes(mol: Chem.Mol) -> None:
    """Turn RDKit's atropisomer labels (from wedged bonds or CXSMILES) into axes, and take the labels away.

    They count from the atoms with the lowest numbers, and RDKit does not adjust them when atoms are renumbered: they
    are right only as they come out of a file.
    """
    axes = axes_of(mol)
    known = {axis.ends for axis in axes}
    for bond in mol.GetBonds():
        sign = _ATROPISOMER.get(bond.GetStereo())
        if sign is None:
            continue
        bond.SetStereo(Chem.BondStereo.STEREONONE)
        for name in ("_MolFileBondStereo", "_MolFileBondCfg", "_UnknownStereo"):
            for marked in (*bond.GetBeginAtom().GetBonds(), *bond.GetEndAtom().GetBonds()):
                marked.ClearProp(name)
        axis = _between_rings(bond, sign)
        if axis is not None and axis.sorted().ends not in known and _differs(mol, axis):
            axes.append(axis.sorted())
    set_axes(mol, axes)


def read_axes(mol: Chem.Mol) -> None:
    """Set the signs of all axes, possible or known, from conformer 0; one that is undecided there is left out."""
    axes = {axis.ends: axis for axis in (*possible_axes(mol), *axes_of(mol))}
    frame = mol.GetConformer().GetPositions()[None]
    read = []
    for axis in axes.values():
        value = float(axis.values(frame)[0])
        read.append(replace(axis, sign=0 if abs(value) < _UNDECIDED else int(np.sign(value))))
    set_axes(mol, read)


def open_axes(mol: Chem.Mol) -> list[Axis]:
    """Axes that the molecule may have and that nobody set."""
    known = {axis.ends for axis in axes_of(mol)}
    return [axis for axis in possible_axes(mol) if axis.ends not in known]


def _axis_of(part: dict[str, list[int]]) -> Axis:
    kind = "flat_" if "flat_i" in part else ""
    left, right = (
        tuple(part[name][0] for k in (0, 1) if (name := f"{kind}{side}_{k}") in part) for side in ("left", "right")
    )
    ends = part[f"{kind}i"][0], part[f"{kind}j"][0]
    return Axis(ends, left, right, twisted=not kind, sign=part["sign"][0]).sorted()


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def _heavy(atom: Chem.Atom, without: Iterable[int] = ()) -> list[int]:
    return [n.GetIdx() for n in atom.GetNeighbors() if n.GetAtomicNum() > 1 and n.GetIdx() not in without]


def _differs(mol: Chem.Mol, axis: Axis) -> bool:
    """Whether the two atoms on each side differ, seen from the axis: else its mirror image is itself."""
    marked = Chem.Mol(mol)
    for atom in marked.GetAtoms():
        atom.SetAtomMapNum(0)
    for number, index in enumerate(axis.ends, 1):
        marked.GetAtomWithIdx(index).SetAtomMapNum(number)
    ranks = list(Chem.CanonicalRankAtoms(marked, breakTies=False))
    return all(len(side) == 1 or ranks[side[0]] != ranks[side[1]] for side in (axis.left, axis.right))


def _in_small_ring(mol: Chem.Mol, i: int, j: int) -> bool:
    bond = mol.GetBondBetweenAtoms(i, j)
    return any(bond.IsInRingSize(size) for size in range(3, SMALLEST_RING))


def _cumulenes(mol: Chem.Mol) -> list[Axis]:
    """Chains of two or more cumulated C=C whose last atoms carry two groups each, at least one of them heavy."""
    found = []
    for start in mol.GetAtoms():
        if not _is_end(start):
            continue
        chain, atom = [start.GetIdx()], start
        while True:
            ahead = [n for n in _double_neighbours(atom) if n.GetIdx() not in chain]
            if len(ahead) != 1 or ahead[0].GetAtomicNum() != 6:
                break
            atom = ahead[0]
            chain.append(atom.GetIdx())
            if _is_end(atom):
                break
        if len(chain) < 3 or not _is_end(atom) or chain[0] > chain[-1]:
            continue
        if any(_in_small_ring(mol, a, b) for a, b in zip(chain, chain[1:], strict=False)):
            continue
        left, right = _heavy(start, chain), _heavy(atom, chain)
        if left and right:
            found.append(Axis((chain[0], chain[-1]), tuple(left), tuple(right), twisted=len(chain) % 2 == 1))
    return found


def _double_neighbours(atom: Chem.Atom) -> list[Chem.Atom]:
    return [bond.GetOtherAtom(atom) for bond in atom.GetBonds() if bond.GetBondType() == _DOUBLE]


def _is_end(atom: Chem.Atom) -> bool:
    return atom.GetAtomicNum() == 6 and atom.GetTotalDegree() == 3 and len(_double_neighbours(atom)) == 1


def _biaryls(mol: Chem.Mol) -> list[Axis]:
    found = []
    for bond in mol.GetBonds():
        if not (bond.GetBeginAtom().GetIsAromatic() and bond.GetEndAtom().GetIsAromatic()):
            continue
        axis = _between_rings(bond)
        if axis is not None and _turns_slowly(mol, axis) and not _in_small_ring(mol, *axis.ends):
            found.append(axis)
    return found


def _between_rings(bond: Chem.Bond, sign: int = 0) -> Axis | None:
    """The axis along a single bond between two planar atoms; `sign` counts from the lowest numbers."""
    if bond.GetBondType() != Chem.BondType.SINGLE:
        return None
    i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
    left, right = sorted(_heavy(bond.GetBeginAtom(), [j])), sorted(_heavy(bond.GetEndAtom(), [i]))
    if len(left) not in (1, 2) or len(right) not in (1, 2):
        return None
    return Axis((i, j), tuple(left), tuple(right), twisted=True, sign=sign)


def _turns_slowly(mol: Chem.Mol, axis: Axis) -> bool:
    """Whether a biaryl's isomers live for months at room temperature, by what stands beside the bond."""
    rings = mol.GetRingInfo()
    sizes, blocking, ortho_groups = [], 0.0, []
    for end, side in ((axis.ends[0], axis.left), (axis.ends[1], axis.right)):
        ring = next((set(r) for r in rings.AtomRings() if end in r and set(side) <= set(r) and len(r) in (5, 6)), None)
        if ring is None or len(side) != 2:
            return False
        sizes.append(len(ring))
        ortho_groups += [_blocking(mol.GetAtomWithIdx(k), ring) for k in side]
    blocking = sum(ortho_groups)
    return blocking >= (SIX_RINGS if sizes == [6, 6] else WITH_FIVE_RING)


def _blocking(ortho: Chem.Atom, ring: set[int]) -> float:
    """What the group on the ring atom `ortho` counts: 0 for none, H and F, 1/2 for O, else 1."""
    groups = [_BLOCKING.get(n.GetAtomicNum(), 1.0) for n in ortho.GetNeighbors() if n.GetIdx() not in ring]
    return max(groups, default=0.0)
