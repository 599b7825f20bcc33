"""What is known beforehand of each heavy atom's hydrogens: geometry, torsional terms, contacts.

Bond lengths and angles are close to those of OpenFF Sage; Lennard-Jones numbers are GAFF's (Wang et al., J. Comput.
Chem. 25 (2004) 1157), charges Gasteiger's from RDKit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo_rows import CIS, TAGS, TRANS
from eginterpolator.errors import InputError

_LENGTHS = {1: 0.74, 5: 1.19, 7: 1.019, 8: 0.975, 9: 0.92, 14: 1.48, 15: 1.42, 16: 1.34, 17: 1.27, 34: 1.46, 35: 1.41}
_CARBON = {Chem.HybridizationType.SP: 1.071, Chem.HybridizationType.SP2: 1.085, Chem.HybridizationType.SP3: 1.094}
# half of the minimum distance in Å, well depth in kcal/mol
_LJ = {
    1: (1.387, 0.0157), 6: (1.908, 0.086), 7: (1.824, 0.170), 8: (1.661, 0.210), 9: (1.75, 0.061), 15: (2.10, 0.200),
    16: (2.00, 0.250), 17: (1.948, 0.265), 35: (2.02, 0.420), 53: (2.15, 0.500),
}  # fmt: skip
_POLAR_H = (0.60, 0.0157)
_SP, _SP2 = Chem.HybridizationType.SP, Chem.HybridizationType.SP2
_GRID = 72
_ROOM = {0: 4, 1: 3, 2: 2}
"""Most hydrogens beside that many heavy neighbours; one beside more of them."""
SLOW, METHYL_HOPS, FREE_HOPS, ETHER_HOPS, POLAR_HOPS, AMINE_HOPS = 0.0, 0.03, 1.0, 0.25, 0.15, 0.04  # events a ps


@dataclass(frozen=True)
class Term:
    """V/2 (1 + sign cos(fold phi)), phi the torsion between the hydrogen and `atom`."""

    atom: int
    fold: int
    barrier_kcal: float
    sign: float = 1.0


@dataclass(frozen=True)
class Site:
    """The hydrogens of one heavy atom.

    Attributes
    ----------
    kind : 'alone', 'opposite', 'pair', 'pyramid' or 'cone'
        No neighbour; one hydrogen across from all; two about a bisector; one on a side of it; around one bond.
    angle : float
        Radians: from the bisector ('pair', 'pyramid') or from the bond ('cone').
    side : float
        +1 or -1 where stereo fixes the side, else 0.
    anchor, reference : int or None
        The bond's other atom, and the atom there from which torsions count.
    spread : float
        Hydrogens of a cone stand a full turn / spread apart.
    period : int
        Equal wells of which the grid covers one.
    twist : float
        Standard deviation in radians of a flat group's torsion.
    grid, wells : float, int64 [choices]
        Torsions to choose from, and the well of each choice.
    """

    atom: int
    hydrogens: np.ndarray
    neighbours: tuple[int, ...]
    kind: str
    length: float
    angle: float = 0.0
    side: float = 0.0
    anchor: int = -1
    reference: int | None = None
    spread: float = 3.0
    period: int = 1
    grid: np.ndarray = field(default_factory=lambda: np.zeros(1))
    wells: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    terms: tuple[Term, ...] = ()
    hops_per_ps: float = SLOW
    twist: float = 0.0
    template: np.ndarray = field(default_factory=lambda: np.zeros((1, 3)))
    contacts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    near: frozenset[int] = frozenset()

    def scales(self, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """AMBER's factors of Lennard-Jones and Coulomb energy: 1/2 and 1/1.2 across three bonds, 1 beyond."""
        near = np.array([int(k) in self.near for k in others])
        return np.where(near, 0.5, 1.0), np.where(near, 1.0 / 1.2, 1.0)


def hydrogen_sites(molecule: Molecule) -> list[Site]:
    """Every heavy atom with hydrogens, what is rigid first, so that rotors see it.

    Raises
    ------
    InputError
        When an atom has more hydrogens than its neighbours leave room for in any geometry that is known here.
    """
    mol = molecule.rdmol
    distance = Chem.GetDistanceMatrix(mol).astype(int)
    sites = []
    for atom in list(mol.GetAtoms())[: molecule.n_heavy]:
        hydrogens = sorted(n.GetIdx() for n in atom.GetNeighbors() if n.GetAtomicNum() == 1)
        if hydrogens:
            sites.append(_site(molecule, atom, np.array(hydrogens), distance))
    rank = {"alone": 0, "opposite": 0, "pair": 0, "pyramid": 2, "cone": 3}
    # methyls before hydroxyls and amines: CH3OH's hydroxyl is staggered against the methyl
    return sorted(sites, key=lambda s: (rank[s.kind] if len(s.wells) > 1 else 1, -len(s.hydrogens), s.atom))


def lennard_jones(molecule: Molecule, hydrogen: int, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimum distance in Å and depth in kcal/mol of a hydrogen with each of `others` (Lorentz-Berthelot)."""
    own_radius, own_depth = _lj_of(molecule.rdmol.GetAtomWithIdx(hydrogen))
    rows = np.array([_lj_of(molecule.rdmol.GetAtomWithIdx(int(k))) for k in others])
    return own_radius + rows[:, 0], np.sqrt(own_depth * rows[:, 1])


def partial_charges(molecule: Molecule) -> np.ndarray:
    """Gasteiger charges, float64 [n_atoms], 0 where RDKit has no parameters."""
    from rdkit.Chem import rdPartialCharges

    mol = Chem.Mol(molecule.rdmol)
    rdPartialCharges.ComputeGasteigerCharges(mol)
    charges = np.array([atom.GetDoubleProp("_GasteigerCharge") for atom in mol.GetAtoms()])
    # RDKit answers NaN or infinity for atom types it has no parameters for; inputs, never generated coordinates
    return np.where(np.isfinite(charges), charges, 0.0)


def _lj_of(atom: Chem.Atom) -> tuple[float, float]:
    number = atom.GetAtomicNum()
    if number == 1 and atom.GetNeighbors()[0].GetAtomicNum() in (7, 8):
        return _POLAR_H
    return _LJ.get(number, (2.0, 0.15))


def _site(molecule: Molecule, atom: Chem.Atom, hydrogens: np.ndarray, distance: np.ndarray) -> Site:
    index, count = atom.GetIdx(), len(hydrogens)
    neighbours = tuple(sorted(n.GetIdx() for n in atom.GetNeighbors() if n.GetAtomicNum() > 1))
    base: dict[str, Any] = {
        "atom": index, "hydrogens": hydrogens, "neighbours": neighbours, "length": _length(atom),
        "contacts": np.flatnonzero(distance[hydrogens[0]] >= 3),
        "near": frozenset(np.flatnonzero(distance[hydrogens[0]] == 3).tolist()),
    }  # fmt: skip
    planar = atom.GetHybridization() in (_SP, _SP2) or atom.GetIsAromatic() or _flat_radical(atom)
    if count > _ROOM.get(len(neighbours), 1):
        raise InputError(
            f"Hydrogens cannot be put on atom {index} ({atom.GetSymbol()}) of '{molecule.name}', which has "
            f"{len(neighbours)} heavy neighbours and {count} hydrogens; run with --no-hydrogens."
        )
    if not neighbours:
        return Site(kind="alone", template=_template(count, planar), **base)
    if len(neighbours) >= 3 or (len(neighbours) == 2 and count == 1 and planar):
        side = _tag_side(atom, neighbours, hydrogens) if len(neighbours) == 3 else 0.0
        return Site(kind="opposite", side=side, **base)
    if len(neighbours) == 2 and count == 1:  # amines, sulfonium, carbanions, silyl radicals
        side = _tag_side(atom, neighbours, hydrogens)
        two = np.arange(2 if side == 0.0 else 1)
        small = atom.IsInRingSize(3)
        angle = np.radians(68.0 if small else 55.0)
        hops = SLOW if small or atom.GetAtomicNum() == 14 else AMINE_HOPS
        return Site(kind="pyramid", angle=angle, side=side, wells=two, hops_per_ps=hops, **base)
    if len(neighbours) == 2:
        small = atom.IsInRingSize(3)
        if _order_sign(atom, [*neighbours, *map(int, hydrogens)]) < 0:  # the first one is above their plane
            base["hydrogens"] = hydrogens[::-1]
        return Site(kind="pair", angle=np.radians(57.5 if small else 54.0), **base)
    if atom.GetHybridization() == _SP and count == 1 and atom.GetAtomicNum() != 8:
        return Site(kind="opposite", **base)
    return _around_one_bond(molecule, atom, count, planar, base)


def _around_one_bond(molecule: Molecule, atom: Chem.Atom, count: int, planar: bool, base: dict[str, Any]) -> Site:
    mol = molecule.rdmol
    anchor = mol.GetAtomWithIdx(base["neighbours"][0])
    bond = mol.GetBondBetweenAtoms(atom.GetIdx(), anchor.GetIdx())
    others = [n for n in anchor.GetNeighbors() if n.GetIdx() != atom.GetIdx()]
    others.sort(key=lambda n: (n.GetAtomicNum() == 1, n.GetIdx()))
    double = [
        n for n in others
        if mol.GetBondBetweenAtoms(anchor.GetIdx(), n.GetIdx()).GetBondTypeAsDouble() >= 1.5
    ]  # fmt: skip
    if anchor.GetHybridization() == _SP:
        others, double = [], []
    reference = (double or others)[0].GetIdx() if others else None
    if anchor.GetAtomicNum() in (7, 8) and not planar and others:
        reference = others[0].GetIdx()
    cone = {"kind": "cone", "anchor": anchor.GetIdx(), "reference": reference, **base}
    if count > 1 and _order_sign(atom, [anchor.GetIdx(), *map(int, base["hydrogens"])]) > 0:
        cone["hydrogens"] = np.concatenate([base["hydrogens"][:-2], base["hydrogens"][:-3:-1]])
    if bond.GetBondTypeAsDouble() >= 1.5 or (planar and count == 2):
        return _in_plane(mol, atom, anchor, bond, others, count, cone)
    flat = anchor.GetHybridization() == _SP2 or anchor.GetIsAromatic()
    step = 2.0 * np.pi / _GRID
    if count == 3:
        terms = _rotor_terms(others, double, flat and anchor.GetAtomicNum() != 8, 2.0 if not flat else 0.8)
        hops = FREE_HOPS if (flat and anchor.GetAtomicNum() != 8) or not others else METHYL_HOPS
        if anchor.GetAtomicNum() == 8 and not flat:
            hops = ETHER_HOPS
        grid = step * np.arange(_GRID // 3)
        wells = np.zeros(len(grid), dtype=np.int64)
        return Site(angle=np.radians(110.0), period=3, grid=grid, wells=wells, terms=terms, hops_per_ps=hops, **cone)
    grid = step * np.arange(_GRID)
    if planar and flat:  # hydroxyl of an acid, enol or phenol
        terms = tuple(Term(n.GetIdx(), 2, 6.0 / len(others), -1.0) for n in others)
        if double and double[0].GetAtomicNum() in (7, 8) and not double[0].GetIsAromatic():
            terms += (Term(double[0].GetIdx(), 1, 4.0, -1.0),)
        wells = (((grid + np.pi / 2) // np.pi) % 2).astype(np.int64)
        return Site(angle=np.radians(111.0), grid=grid, wells=wells, terms=terms, hops_per_ps=POLAR_HOPS / 10, **cone)
    terms = _rotor_terms(others, double, flat, 2.0 if count == 1 else 0.8)
    wells = ((grid // (2.0 * np.pi / 3.0)) % 3).astype(np.int64)
    angle = np.radians(112.0 if count == 1 else 109.0)
    return Site(angle=angle, spread=3.0, grid=grid, wells=wells, terms=terms, hops_per_ps=POLAR_HOPS, **cone)


def _rotor_terms(others: list[Any], double: list[Any], flat: bool, barrier_kcal: float) -> tuple[Term, ...]:
    """Staggered against what the anchor carries; a flat anchor leaves it almost free."""
    if flat:
        return tuple(Term(n.GetIdx(), 3, 0.3) for n in double[:1] if len(double) == 1)
    return tuple(Term(n.GetIdx(), 3, barrier_kcal / max(len(others), 1)) for n in others)


def _in_plane(
    mol: Chem.Mol, atom: Chem.Atom, anchor: Chem.Atom, bond: Chem.Bond, others: list[Any], count: int, cone: dict
) -> Site:
    """Hydrogens of =CH2, =NH, -C(=O)NH2: in the plane of the other end."""
    double = bond.GetBondTypeAsDouble() >= 1.5
    if count == 2:
        known = _imine_torsion(bond, atom, anchor, cone["reference"])
        if known is not None:  # =CHD: the hydrogen that the stereo names is on that side
            named = bond.GetStereoAtoms()[0 if bond.GetBeginAtomIdx() == atom.GetIdx() else 1]
            if (int(cone["hydrogens"][0]) == named) != (known == 0.0):
                cone["hydrogens"] = cone["hydrogens"][::-1]
        return Site(angle=np.radians(119.0), spread=2.0, twist=np.radians(6.0 if double else 11.0), **cone)
    angle = np.radians(108.0)
    sides = np.array([0.0, np.pi])
    known = _imine_torsion(bond, atom, anchor, cone["reference"])
    if known is not None:
        return Site(angle=angle, grid=np.array([known]), twist=np.radians(8.0), **cone)
    return Site(angle=angle, grid=sides, wells=np.arange(2), hops_per_ps=SLOW, twist=np.radians(8.0), **cone)


def _imine_torsion(bond: Chem.Bond, atom: Chem.Atom, anchor: Chem.Atom, reference: int | None) -> float | None:
    """0 (cis) or pi (trans) of the hydrogen to the reference atom where the double bond's stereo says so."""
    stereo = bond.GetStereo()
    if stereo not in CIS + TRANS or reference is None:
        return None
    named = dict(zip((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()), bond.GetStereoAtoms(), strict=True))
    cis = stereo in CIS
    if named[anchor.GetIdx()] != reference:
        cis = not cis
    return 0.0 if cis else np.pi


def _tag_side(atom: Chem.Atom, neighbours: tuple[int, ...], hydrogens: np.ndarray) -> float:
    """Side of the plane of the heavy neighbours (see the site's kind) on which the wanted isomer has its hydrogen."""
    if len(hydrogens) != 1:
        return 0.0
    sign = _order_sign(atom, [*neighbours, int(hydrogens[0])])
    # (a, b, c, h): det[a, b, c] has `sign`, and the hydrogen is across from it. (a, b, h): det[a, b, h] has `sign`.
    return -sign if len(neighbours) == 3 else sign


def _order_sign(atom: Chem.Atom, wanted: list[int]) -> float:
    """Sign of the determinant of the first three of the atom's neighbours in that order; 0 without R/S."""
    sign = TAGS.get(atom.GetChiralTag())
    if sign is None:
        return 0.0
    ordered = [bond.GetOtherAtomIdx(atom.GetIdx()) for bond in atom.GetBonds()]
    swaps = sum(
        wanted.index(a) > wanted.index(b) for k, a in enumerate(ordered) for b in ordered[k + 1 :]
    )  # fmt: skip
    return sign * (-1.0) ** swaps


def _flat_radical(atom: Chem.Atom) -> bool:
    """A carbon radical is planar; silicon's, and carbanions, are not."""
    return bool(atom.GetAtomicNum() == 6 and atom.GetNumRadicalElectrons() == 1 and atom.GetDegree() == 3)


def _length(atom: Chem.Atom) -> float:
    if atom.GetAtomicNum() == 6:
        return _CARBON.get(atom.GetHybridization(), 1.09)
    return _LENGTHS.get(atom.GetAtomicNum(), 1.2)


def _template(count: int, planar: bool) -> np.ndarray:
    """Directions [count, 3] about an atom without neighbours: corners of a tetrahedron, or of a triangle."""
    if planar and count == 3:
        turn = 2.0 * np.pi * np.arange(3) / 3.0
        return np.stack([np.cos(turn), np.sin(turn), np.zeros(3)], axis=1)
    corners = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]) / np.sqrt(3.0)
    return corners[:count]
