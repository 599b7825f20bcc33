"""What a molecule consists of, in words that can be counted: traits of the whole, and the environment of each atom.

Two environments of an atom are kept. *near* is the atom and its neighbours, written out: element, hydrogens, charge
and a ring of three or four of the atom itself, and bond, element and charge of each neighbour, such as
`CH2(-C)(-N+)`; small letters are aromatic. *far* is a hash of the atom's near environment and those of its neighbours,
so it reaches two bonds. Neither depends on the order of the atoms, on stereo or on isotopes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from rdkit import Chem

GROUPS = {
    "azide": "[#7]=[#7+]=[#7-]",
    "diazo group": "[#6]=[#7+]=[#7-]",
    "diazonium": "[#6]-[#7+]#[#7]",
    "isocyanate": "[#7]=[#6]=[#8]",
    "isothiocyanate": "[#7]=[#6]=[#16]",
    "carbodiimide": "[#7]=[#6]=[#7]",
    "ketene": "[#6]=[#6]=[#8]",
    "ketenimine": "[#6]=[#6]=[#7]",
    "cumulene": "[#6]=[#6]=[#6]=[#6]",
    "allene": "[#6]=[#6]=[#6]",
    "isonitrile": "[#7+]#[#6-]",
    "nitrile oxide": "[#6]#[#7+]-[#8-]",
    "sulfonium": "[#16+;X3]",
    "phosphonium": "[#15+;X4]",
}
"""Groups that are called by name, as SMARTS, the larger before what they contain."""
_PATTERNS = {name: Chem.MolFromSmarts(smarts) for name, smarts in GROUPS.items()}
_BONDS = {"SINGLE": "-", "DOUBLE": "=", "TRIPLE": "#", "AROMATIC": ":"}
_CIS = (Chem.BondStereo.STEREOZ, Chem.BondStereo.STEREOCIS)
_TRANS = (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOTRANS)
LARGE_RING = 8
"""From this size on a ring may hold a trans double bond."""


@dataclass(frozen=True)
class Makeup:
    """What a molecule consists of.

    Attributes
    ----------
    traits : frozenset of str
        Elements, charges and the atoms that bear them, ring sizes, stereo double bonds in large rings.
    near, far : tuple of str
        Environments of each heavy atom, in the molecule's order.
    """

    traits: frozenset[str]
    near: tuple[str, ...]
    far: tuple[str, ...]

    @property
    def n_heavy(self) -> int:
        """Number of heavy atoms."""
        return len(self.near)


def makeup(mol: Chem.Mol) -> Makeup:
    """What a molecule with implicit hydrogens (`Molecule.heavy_mol`, or a parsed SMILES) consists of."""
    near = [_near(atom) for atom in mol.GetAtoms()]
    far = []
    for atom in mol.GetAtoms():
        around = sorted(_bond(b) + near[b.GetOtherAtomIdx(atom.GetIdx())] for b in atom.GetBonds())
        text = near[atom.GetIdx()] + ">" + ",".join(around)
        far.append(hashlib.blake2b(text.encode(), digest_size=4).hexdigest())
    return Makeup(frozenset(_traits(mol)), tuple(near), tuple(far))


def groups_of(mol: Chem.Mol, atoms: Collection[int]) -> list[tuple[str, list[int]]]:
    """The pieces that some atoms of a molecule form: the name or SMILES of each, and its atoms among those given.

    Bonded atoms make one piece. A piece that lies in one of `GROUPS` is called by its name. The SMILES shows what is
    bound by a multiple bond as well, and all neighbours of a single atom.
    """
    left, found = set(atoms), []
    for name, pattern in _PATTERNS.items():
        for match in mol.GetSubstructMatches(pattern):
            inside = sorted(left.intersection(match))
            if inside:
                found.append((f"{name} {Chem.MolFragmentToSmiles(mol, list(match))}", inside))
                left.difference_update(inside)
    while left:
        piece, border = set(), {min(left)}
        while border:
            piece |= border
            around = {n.GetIdx() for i in border for n in mol.GetAtomWithIdx(i).GetNeighbors()}
            border = (around & left) - piece
        left -= piece
        shown = set(piece)
        for atom in piece:
            for bond in mol.GetAtomWithIdx(atom).GetBonds():
                if len(piece) == 1 or bond.GetBondType() in (Chem.BondType.DOUBLE, Chem.BondType.TRIPLE):
                    shown.add(bond.GetOtherAtomIdx(atom))
        found.append((str(Chem.MolFragmentToSmiles(mol, sorted(shown))), sorted(piece)))
    return found


def _traits(mol: Chem.Mol) -> set[str]:
    traits = {f"element {atom.GetSymbol()}" for atom in mol.GetAtoms()}
    net = Chem.GetFormalCharge(mol)
    if net:
        traits.add(f"net charge {net:+d}")
    for atom in mol.GetAtoms():
        charge = atom.GetFormalCharge()
        if charge and not any(n.GetFormalCharge() * charge < 0 for n in atom.GetNeighbors()):
            traits.add(f"charge {charge:+d} on {atom.GetSymbol()}")  # those of a nitro group stand beside each other
        if atom.GetNumRadicalElectrons():
            traits.add(f"unpaired electron on {atom.GetSymbol()}")
    rings = mol.GetRingInfo()
    traits.update(f"ring of {len(ring)}" for ring in rings.AtomRings())
    for bond in mol.GetBonds():
        sizes = [len(ring) for ring in rings.BondRings() if bond.GetIdx() in ring]
        if bond.GetStereo() in _CIS + _TRANS and sizes and min(sizes) >= LARGE_RING:
            side = "cis" if bond.GetStereo() in _CIS else "trans"
            traits.add(f"{side} double bond in a ring of {min(sizes)}")
    return traits


def _near(atom: Chem.Atom) -> str:
    small = next((f"r{size}" for size in (3, 4) if atom.IsInRingSize(size)), "")
    hydrogens = atom.GetTotalNumHs()
    around = sorted(f"({_bond(bond)}{_label(bond.GetOtherAtom(atom))})" for bond in atom.GetBonds())
    return f"{_label(atom)}{f'H{hydrogens}' if hydrogens else ''}{small}{''.join(around)}"


def _label(atom: Chem.Atom) -> str:
    symbol, charge = atom.GetSymbol(), atom.GetFormalCharge()
    sign = "" if not charge else f"{charge:+d}".replace("+1", "+").replace("-1", "-")
    return (symbol.lower() if atom.GetIsAromatic() else symbol) + sign


def _bond(bond: Chem.Bond) -> str:
    return _BONDS.get(str(bond.GetBondType()), "~")
