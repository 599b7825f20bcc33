"""What a sound structure of a molecule looks like, from its graph alone: what `validity` holds frames against.

The limits are those that molecular dynamics at 300 K keeps, with a margin. They were set on the 48 training molecules
of `qm9-md` (192,000 frames) and on simulations of 102 further molecules in the same force field (OpenFF Sage, OBC2; 16
replicas of 50 ps each): the 30 of `datasets/lists/water_drugs.smi`, and 72 chosen for their functional groups.
docs/evaluation.md says how many frames pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from rdkit import Chem
from rdkit.Chem.rdDistGeom import GetMoleculeBoundsMatrix

from eginterpolator.chemistry.molecule import Molecule

LINEAR_DEGREES = 153.0
"""Least angle at an sp centre outside of a ring. In MD it stays over 158."""
LINEAR_IN_RING_DEGREES = 120.0
CHAIN_DEGREES = {"SP2": (88.0, 158.0), "SP3": (78.0, 146.0)}
"""Angles at a centre of that hybridisation, but for rings of up to 7 atoms. MD: 88 to 147, 85 to 139."""
RING_DEGREES = {3: (44.0, 78.0), 4: (70.0, 122.0), 5: (76.0, 130.0), 6: (78.0, 142.0), 7: (84.0, 150.0)}
"""Angles inside of a ring, by its size. MD: 53 to 69, 78 to 114, 86 to 122, 87 to 131, 94 to 137."""
BESIDE_CUMULATED_DEGREES = 176.0
"""Largest angle at nitrogen or oxygen beside an sp centre (isothiocyanates in MD: 156), B, Si or P."""
TWIST_DEGREES = {"double": 45.0, "double_in_large_ring": 65.0, "amide": 60.0, "ester": 70.0}
"""Largest twist about a bond from planarity. MD, .999 quantile: 25, no data, 43, 50; see `twisting_bonds`."""
AXIS_DEGREES = 45.0
"""Largest deviation of an allene's end planes from a right angle, and of a butatriene's from zero."""
CENTRE_ANGSTROM = 0.45
"""Largest height of a trigonal carbon over the plane of its three neighbours. MD: 0.35; a tetrahedron: 0.5."""
BOUND_SHARE, CLASH_SHARE = 0.25, 0.3
"""How far a distance may leave RDKit's bounds: the limits of PoseBusters (Buttenschoen et al. 2024)."""

_H = Chem.HybridizationType
_AMIDE = Chem.MolFromSmarts("[CX3](=[O,S])-[#7X3;!$([#7]~[!#6;!#1])]")
_ESTER = Chem.MolFromSmarts("[CX3](=[O,S])-[OX2,SX2]")
_ALKENE = Chem.MolFromSmarts("[C;X3;^2](*)(*)=[C;X3;^2](*)(*)")
_PUCKERED = tuple(
    Chem.MolFromSmarts(smarts)
    for smarts in (
        "[C,O,S,N;R1]~1[C,O,S,N;R1][C,O,S,N;R1][C,O,S,N;R1][C,O,S,N;R1][C,O,S,N;R1]1",
        "[C;R1]~1[C;R1][C,O,S,N;R1]~[C,O,S,N;R1][C;R1][C;R1]1",
        "[C;R1]~1[C;R1][C;R1]~[C;R1][C,O,S,N;R1][C;R1]1",
        "[C;R1]~1[C;R1][C;R1][C,O,S,N;R1]~[C,O,S,N;R1][C;R1]1",
        "[C;R1]~1[C;R1][C,O,S,N;R1][C;R1]~[C;R1][C;R1]1",
    )
)
"""Six-membered rings that cannot be flat; those and `_ALKENE` are the patterns of PoseBusters."""


@dataclass(frozen=True)
class Ideal:
    """Limits of one molecule; atom indices are those of all its atoms.

    Attributes
    ----------
    angles : int64 [A, 3], angle_limits : float64 [A, 2]
        Bond angles, the vertex in the middle, and what they may be, radians.
    distances : int64 [P, 2], distance_limits : float64 [P, 2], distance_kinds : int64 [P]
        Pairs of heavy atoms, the distances they may have (Å), and whether they are bonded (0), ends of an angle (1) or
        further apart (2).
    twists : list of Twist
        Bonds that must be flat.
    axes : list of Twist
        Cumulated centres: bonds C=C=C whose ends stand at right angles.
    centres : int64 [C, 4]
        Trigonal carbons and their three neighbours.
    alkenes : int64 [D, 6]
        Atoms that lie in one plane: both ends of a C=C and their substituents.
    puckered : int64 [R, 6]
        Rings that are not flat.
    """

    angles: np.ndarray
    angle_limits: np.ndarray
    distances: np.ndarray
    distance_limits: np.ndarray
    distance_kinds: np.ndarray
    twists: list[Twist]
    axes: list[Twist]
    centres: np.ndarray
    alkenes: np.ndarray
    puckered: np.ndarray


@dataclass(frozen=True)
class Twist:
    """Two ends of a bond, or of a chain of cumulated bonds, and how far the planes at them may be turned.

    Attributes
    ----------
    kind : str
        What it is: a key of `TWIST_DEGREES`, or `axis`.
    ends : (int, int)
    substituents : (list of int, list of int)
        One or two further neighbours of each end.
    limit : float
        Radians.
    right_angle : bool
        Whether the planes should be perpendicular instead of equal.
    """

    kind: str
    ends: tuple[int, int]
    substituents: tuple[list[int], list[int]]
    limit: float
    right_angle: bool = False


@lru_cache(maxsize=32)
def ideal_geometry(molecule: Molecule) -> Ideal:
    """The limits of a molecule with all its atoms; what belongs to hydrogens is left out by whoever has none."""
    mol = molecule.rdmol
    rings = [tuple(ring) for ring in mol.GetRingInfo().AtomRings()]
    triples, limits = _angles(mol, rings)
    pairs, bounds, kinds = _distances(molecule)
    centres = [
        (atom.GetIdx(), *_neighbours(atom))
        for atom in mol.GetAtoms()
        if atom.GetAtomicNum() == 6 and atom.GetDegree() == 3 and atom.GetHybridization() == _H.SP2
        and _smallest_ring(rings, atom.GetIdx()) not in (3, 4)
    ]  # fmt: skip
    puckered = {tuple(match) for pattern in _PUCKERED for match in mol.GetSubstructMatches(pattern)}
    return Ideal(
        triples,
        limits,
        pairs,
        bounds,
        kinds,
        twisting_bonds(molecule),
        cumulated_axes(molecule),
        _rows(centres, 4),
        _rows(mol.GetSubstructMatches(_ALKENE), 6),
        _rows(sorted(puckered), 6),
    )


def twisting_bonds(molecule: Molecule) -> list[Twist]:
    """Bonds about which nothing turns at 300 K: double bonds, amides, esters and their like.

    Left out: aromatic bonds (rings are checked as a whole), bonds at a charged or radical centre, whose double bond may
    be drawn elsewhere, amides at a bridgehead, and single bonds about which MD turns freely (amidines, enones, aryls).
    """
    mol = molecule.rdmol
    amides = {frozenset((match[0], match[2])) for match in mol.GetSubstructMatches(_AMIDE)}
    esters = {frozenset((match[0], match[2])) for match in mol.GetSubstructMatches(_ESTER)}
    sizes = {bond.GetIdx(): _bond_ring(mol, bond) for bond in mol.GetBonds()}
    found = []
    for bond in mol.GetBonds():
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        i, j = (atom.GetIdx() for atom in ends)
        if bond.GetIsAromatic() or any(atom.GetDegree() not in (2, 3) for atom in ends):
            continue
        kind = ""
        if bond.GetBondType() == Chem.BondType.DOUBLE:
            neutral = all(not atom.GetFormalCharge() and not atom.GetNumRadicalElectrons() for atom in ends)
            if neutral and all(atom.GetSymbol() in ("C", "N") and atom.GetHybridization() == _H.SP2 for atom in ends):
                kind = "double_in_large_ring" if sizes[bond.GetIdx()] >= 8 else "double"
        elif not all(atom.GetIsAromatic() for atom in ends):
            kind = "amide" if {i, j} in amides else "ester" if {i, j} in esters else ""
        if not kind or (bond.IsInRing() and kind in ("amide", "ester") and any(map(_at_bridge, ends))):
            continue
        sides = ([n for n in _neighbours(ends[0]) if n != j], [n for n in _neighbours(ends[1]) if n != i])
        found.append(Twist(kind, (i, j), sides, np.radians(TWIST_DEGREES[kind])))
    return found


def cumulated_axes(molecule: Molecule) -> list[Twist]:
    """Chains of cumulated double bonds between carbons: the planes of an allene's ends are perpendicular."""
    mol, found = molecule.rdmol, []
    for start in mol.GetAtoms():
        for bond in start.GetBonds():
            chain = [start.GetIdx(), bond.GetOtherAtomIdx(start.GetIdx())]
            if not _is_double(bond) or _cumulated(start):
                continue
            while _cumulated(mol.GetAtomWithIdx(chain[-1])):
                around = mol.GetAtomWithIdx(chain[-1]).GetBonds()
                further = [b.GetOtherAtomIdx(chain[-1]) for b in around if _is_double(b)]
                chain.append(next(n for n in further if n != chain[-2]))
            ends = [mol.GetAtomWithIdx(chain[k]) for k in (0, -1)]
            if len(chain) < 3 or chain[0] > chain[-1] or any(a.GetSymbol() != "C" or a.GetDegree() < 3 for a in ends):
                continue
            sides = (
                [n for n in _neighbours(ends[0]) if n != chain[1]],
                [n for n in _neighbours(ends[1]) if n != chain[-2]],
            )
            found.append(
                Twist("axis", (chain[0], chain[-1]), sides, np.radians(AXIS_DEGREES), right_angle=len(chain) % 2 == 1)
            )
    return found


def _angles(mol: Chem.Mol, rings: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
    rows, limits = [], []
    for atom in mol.GetAtoms():
        centre = atom.GetIdx()
        for a, b in combinations(_neighbours(atom), 2):
            found = _angle_limits(mol, atom, a, b, rings)
            if found is not None:
                rows.append((a, centre, b))
                limits.append(np.radians(found))
    return _rows(rows, 3), np.array(limits, dtype=np.float64).reshape(-1, 2)


def _angle_limits(
    mol: Chem.Mol, atom: Chem.Atom, a: int, b: int, rings: list[tuple[int, ...]]
) -> tuple[float, float] | None:
    """Degrees that the angle a-atom-b may have; None for centres of which nothing is known (hypervalent, metals)."""
    kind, centre = str(atom.GetHybridization()), atom.GetIdx()
    size = min((len(ring) for ring in rings if {a, centre, b} <= set(ring)), default=0)
    if kind == "SP":
        return (LINEAR_IN_RING_DEGREES if size else LINEAR_DEGREES), 180.0
    if kind not in CHAIN_DEGREES:
        return None
    if size in RING_DEGREES:
        return RING_DEGREES[size]
    low, high = CHAIN_DEGREES[kind]
    if atom.GetSymbol() in ("N", "O") and any(
        n.GetHybridization() == _H.SP or n.GetSymbol() in ("B", "Si", "P") for n in atom.GetNeighbors()
    ):
        high = BESIDE_CUMULATED_DEGREES
    elif _smallest_ring(rings, centre) in (3, 4):
        high += 8.0  # outside of a small ring there is more room
    return low, high


def _distances(molecule: Molecule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of heavy atoms, their limits (Å) and kinds; see `Ideal`. None where RDKit knows no bounds.

    Without RDKit's bounds of atoms four bonds apart, which hold every amidine and urea to be extended: in MD of
    NC(=O)N/C=N/C1CC1 a hydrogen bond keeps these atoms at 2.8 Å, where they ask for 2.9.
    """
    mol, n = molecule.rdmol, molecule.n_heavy
    try:
        bounds = GetMoleculeBoundsMatrix(mol, set15bounds=False, scaleVDW=True, doTriangleSmoothing=True)
    except RuntimeError:
        return _rows([], 2), np.zeros((0, 2)), np.zeros(0, dtype=np.int64)
    first, second = np.triu_indices(n, 1)
    hops = np.minimum(Chem.GetDistanceMatrix(mol)[first, second].astype(np.int64), 3) - 1
    low = bounds[second, first] * np.where(hops == 2, 1.0 - CLASH_SHARE, 1.0 - BOUND_SHARE)
    high = np.where(hops == 2, np.inf, bounds[first, second] * (1.0 + BOUND_SHARE))
    return np.stack([first, second], axis=1), np.stack([low, high], axis=1), hops


def _neighbours(atom: Chem.Atom) -> list[int]:
    return sorted(neighbour.GetIdx() for neighbour in atom.GetNeighbors())


def _smallest_ring(rings: list[tuple[int, ...]], index: int) -> int:
    return min((len(ring) for ring in rings if index in ring), default=0)


def _bond_ring(mol: Chem.Mol, bond: Chem.Bond) -> int:
    return min((len(ring) for ring in mol.GetRingInfo().BondRings() if bond.GetIdx() in ring), default=0)


def _at_bridge(atom: Chem.Atom) -> bool:
    """Whether three of the atom's bonds are in rings: the geometry of the cage decides there."""
    return sum(bond.IsInRing() for bond in atom.GetBonds()) > 2


def _is_double(bond: Chem.Bond) -> bool:
    return bool(bond.GetBondType() == Chem.BondType.DOUBLE)


def _cumulated(atom: Chem.Atom) -> bool:
    return atom.GetDegree() == 2 and all(_is_double(bond) for bond in atom.GetBonds())


def _rows(rows: object, width: int) -> np.ndarray:
    return np.array(rows, dtype=np.int64).reshape(-1, width)
