"""Which molecule is it? Two keys: one for the same molecule, one for a molecule that training must not see.

`identity_key` keeps all that makes two molecules: the graph, charges, isotopes, R/S, E/Z (those of N-H too) and axes of
chirality; it drops what does not: the order of atoms, atom maps, ways of writing rings and hydrogens.
`split_key` keeps the graph alone: isomers, isotopologues and ions of one molecule share it. Tautomers do not.
"""

from __future__ import annotations

import re
from typing import Any, cast

from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize

from eginterpolator.chemistry.axes import Axis, adopt_rdkit_axes, axes_of, set_axes
from eginterpolator.chemistry.equal_ends import clear_equal_ends
from eginterpolator.errors import InputError, shortened

_AXIS = re.compile(r"([PMZE])\((\d+),(\d+),(\d+),(\d+)\)")
_LETTERS = {(True, 1): "P", (True, -1): "M", (False, 1): "Z", (False, -1): "E"}
_MOST_SYMMETRIES = 20_000


def parse_smiles(text: str) -> Chem.Mol:
    """RDKit Mol of a SMILES, or of a SMILES with axes behind it as `identity_key` writes them.

    Raises
    ------
    InputError
        When it is empty or does not parse, or an axis names atoms that are none.
    """
    text = text.strip()
    if not text:
        raise InputError("The SMILES is empty; give one such as 'CCO'.")
    smiles, semicolon, axes = text.partition(";")
    if not semicolon or len(text.split()) > 1:  # CXSMILES has semicolons, and a space before them
        smiles, semicolon = text, ""
        mol = Chem.MolFromSmiles(smiles)
    else:
        parameters: Any = Chem.SmilesParserParams()
        parameters.removeHs = False
        mol = Chem.MolFromSmiles(smiles, parameters)
    if mol is None:
        raise InputError(f"'{shortened(text)}' is not a valid SMILES: {_reason(smiles)}.")
    if semicolon:
        set_axes(mol, [_parsed_axis(mol, part, text) for part in axes.split(";")])
        mol = Chem.RemoveHs(mol)
    return mol


def identity_key(mol: Chem.Mol) -> str:
    """The same text for every way of writing a molecule, another one for every other molecule.

    A canonical SMILES with isotopes and stereo, without atom maps. Behind it, for each axis of chirality, `;P(a,i,j,b)`
    or `;M(a,i,j,b)`: the torsion of these four atoms, numbered from 0 as they stand in the SMILES, is positive or
    negative; for a butatriene `;Z(a,i,j,b)` or `;E(a,i,j,b)`. P and M count from the atoms named, not by priority.
    """
    mol = Chem.Mol(mol)
    mol.RemoveAllConformers()
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    adopt_rdkit_axes(mol)
    if clear_equal_ends(mol):
        Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    mol = Chem.RemoveHs(mol)
    smiles = cast(str, Chem.MolToSmiles(mol))
    order = mol.GetPropsAsDict(includePrivate=True, includeComputed=True)["_smilesAtomOutputOrder"]
    return ";".join([smiles, *(_axis_text(axis) for axis in _canonical_axes(mol, list(order)))])


def flat_smiles(mol: Chem.Mol | str) -> str:
    """Canonical SMILES without stereo, isotopes and atom maps of a Mol or SMILES: the same graph, the same text."""
    mol = Chem.Mol(parse_smiles(mol) if isinstance(mol, str) else mol)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    mol = Chem.RemoveHs(mol)
    return cast(str, Chem.MolToSmiles(Chem.MolFromSmiles(Chem.MolToSmiles(mol, isomericSmiles=False))))


def split_key(mol: Chem.Mol | str) -> str:
    """`flat_smiles` of the molecule with its charges taken away, as far as protons can be moved: what is excluded."""
    flat = flat_smiles(mol)
    plain = Chem.MolFromSmiles(flat)
    if not any(atom.GetFormalCharge() for atom in plain.GetAtoms()):
        return flat
    uncharged = Chem.MolFromSmiles(Chem.MolToSmiles(rdMolStandardize.Uncharger(force=True).uncharge(plain)))
    return flat if uncharged is None else cast(str, Chem.MolToSmiles(uncharged))


def held_out_key(mol: Chem.Mol | str) -> str:
    """What decides a molecule's side of a split: `split_key` for ions, so that they stay with the neutral molecule.

    For molecules without net charge, zwitterions among them, it is `flat_smiles`, as it has always been: no molecule
    of a data set that is there already changes sides.
    """
    flat = flat_smiles(mol)
    return split_key(flat) if Chem.GetFormalCharge(Chem.MolFromSmiles(flat)) else flat


def _axis_text(axis: Axis) -> str:
    (i, j), a, b = axis.ends, axis.left[0], axis.right[0]
    return f"{_LETTERS[axis.twisted, axis.sign]}({a},{i},{j},{b})"


def _parsed_axis(mol: Chem.Mol, text: str, whole: str) -> Axis:
    match = _AXIS.fullmatch(text.strip())
    atoms = [int(number) for number in match.groups()[1:]] if match else []
    a, i, j, b = atoms or (0, 0, 0, 0)
    named = match is not None and max(atoms) < mol.GetNumAtoms() and len(set(atoms)) == 4
    if not named or any(mol.GetBondBetweenAtoms(*pair) is None for pair in ((a, i), (j, b))):
        raise InputError(
            f"'{text}' in '{shortened(whole)}' names no axis; write for example ';P(0,1,3,4)' with the numbers of "
            "four atoms, the second and third being the ends of the axis."
        )
    letter = match[1] if match else ""
    twisted, sign = next(facts for facts, name in _LETTERS.items() if name == letter)
    chain = set(Chem.GetShortestPath(mol, i, j))
    left, right = (
        [first, *(n.GetIdx() for n in mol.GetAtomWithIdx(end).GetNeighbors()
                  if n.GetAtomicNum() > 1 and n.GetIdx() not in chain | {first})]
        for first, end in ((a, i), (b, j))
    )  # fmt: skip
    return Axis((i, j), tuple(left), tuple(right), twisted, sign)


def _canonical_axes(mol: Chem.Mol, order: list[int]) -> list[Axis]:
    """Axes in the atoms' places in the SMILES: of all symmetric ways to number it so, the first."""
    axes = axes_of(mol)
    if not axes:
        return []
    place = {atom: k for k, atom in enumerate(order)}
    ways = []
    for symmetry in _symmetries(mol, axes):
        ways.append(sorted((a.renumbered({k: place[symmetry[k]] for k in symmetry}) for a in axes), key=_sortable))
    return min(ways, key=lambda way: [_sortable(axis) for axis in way])


def _sortable(axis: Axis) -> tuple[Any, ...]:
    return axis.ends, axis.left, axis.right, axis.sign


def _symmetries(mol: Chem.Mol, axes: list[Axis]) -> list[dict[int, int]]:
    """Maps of the axes' atoms onto atoms that leave the molecule and its other stereo as they are.

    Equal atoms at the end of a branch (methyls of a tert-butyl group) are left out first but for one of each: they
    would multiply the maps and change none.
    """
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    needed = {atom for axis in axes for atom in (*axis.ends, *axis.left, *axis.right)}
    kept_leaves: set[tuple[int, int]] = set()
    left_out = []
    for atom in mol.GetAtoms():
        index = atom.GetIdx()
        atom_leaf = (ranks[index], atom.GetNeighbors()[0].GetIdx()) if atom.GetDegree() == 1 else None
        if atom_leaf is None or index in needed:
            continue
        if atom_leaf in kept_leaves:
            left_out.append(index)
        kept_leaves.add(atom_leaf)
    reduced = Chem.RWMol(mol)
    for atom in reduced.GetAtoms():
        atom.SetIsotope(ranks[atom.GetIdx()] + 1)  # an atom then matches those of its own kind only
        atom.SetNoImplicit(True)
        atom.SetIntProp("_place", atom.GetIdx())
    for index in sorted(left_out, reverse=True):
        reduced.RemoveAtom(index)
    places = [atom.GetIntProp("_place") for atom in reduced.GetAtoms()]
    matches = reduced.GetSubstructMatches(reduced, uniquify=False, useChirality=True, maxMatches=_MOST_SYMMETRIES)
    return [
        {places[k]: places[other] for k, other in enumerate(match) if places[k] in needed} for match in matches
    ]  # fmt: skip


def _reason(smiles: str) -> str:
    if Chem.MolFromSmiles(smiles, sanitize=False) is None:
        return "its syntax cannot be parsed; check brackets, ring numbers and bonds"
    problems = Chem.DetectChemistryProblems(Chem.MolFromSmiles(smiles, sanitize=False))
    return problems[0].Message().lower() if problems else "RDKit cannot sanitise it"
