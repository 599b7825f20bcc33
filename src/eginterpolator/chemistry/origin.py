"""Where the atoms of a molecule stand in what the user gave, and the name by which its seeds are derived.

Molecules put heavy atoms first. What is remembered here travels as private properties of the RDKit Mol, through
renumbering, hydrogens and pickling.
"""

from __future__ import annotations

import re
from typing import Any

from rdkit import Chem

_INDEX, _MAP, _HYDROGENS, _SEED = "_InputIndex", "_InputMap", "_InputHydrogens", "seed_name"
KNOWN = "_InputKnown"
"""Set on a Mol whose atoms know their places already."""
_EXPLICIT_HYDROGEN = re.compile(r"\[\d*H[+-]?\d*(:\d+)?\]")
OWN_PROPERTIES = (
    "smiles", "key", "energy_kcal", "time_ps", "atom_map", "atom_map_numbers", _SEED, "numArom",
    "conformer", "relative_kcal", "population", "population_low", "population_high", "found", "cluster", "rmsd_to_best",
)  # fmt: skip
"""SDF properties that this package writes: those of the input do not outlive it."""


def remember_smiles(mol: Chem.Mol, smiles: str) -> Chem.Mol:
    """`mol`, which RDKit made of `smiles`: its atoms know their places, and the hydrogens written out that are gone."""
    if not _EXPLICIT_HYDROGEN.search(smiles):
        return mol
    parameters: Any = Chem.SmilesParserParams()
    parameters.removeHs = False
    whole = Chem.MolFromSmiles(smiles, parameters)
    if whole is None:  # with axes behind it
        return mol
    remember_input(whole)
    kept = Chem.RemoveHs(whole)
    if [a.GetAtomicNum() for a in kept.GetAtoms()] != [a.GetAtomicNum() for a in mol.GetAtoms()]:
        return mol
    for source, atom in zip(kept.GetAtoms(), mol.GetAtoms(), strict=True):
        _copy(source, atom)
    stays = {atom.GetIntProp(_INDEX) for atom in kept.GetAtoms()}
    places = {atom.GetIntProp(_INDEX): atom for atom in mol.GetAtoms()}
    for parent in whole.GetAtoms():
        own = [a for a in parent.GetNeighbors() if a.GetAtomicNum() == 1 and a.GetIdx() not in stays]
        if own and parent.GetIdx() in places:
            text = " ".join(f"{a.GetIdx()}:{a.GetAtomMapNum()}" for a in own)
            places[parent.GetIdx()].SetProp(_HYDROGENS, text)
    mol.SetBoolProp(KNOWN, True)
    return mol


def remember_input(mol: Chem.Mol) -> None:
    """Note on every atom its index and map number, unless `remember_smiles` did; call it before anything moves."""
    if mol.HasProp(KNOWN):
        return
    for atom in mol.GetAtoms():
        atom.SetIntProp(_INDEX, atom.GetIdx())
        atom.SetIntProp(_MAP, atom.GetAtomMapNum())


def remember_hydrogens(mol: Chem.Mol) -> None:
    """Give hydrogens that were added the places of those that the SMILES had written out; ends what began before."""
    for atom in mol.GetAtoms():
        if not atom.HasProp(_HYDROGENS):
            continue
        added = [other for other in atom.GetNeighbors() if other.GetAtomicNum() == 1 and not other.HasProp(_INDEX)]
        for other, text in zip(added, atom.GetProp(_HYDROGENS).split(), strict=False):
            index, number = map(int, text.split(":"))
            other.SetIntProp(_INDEX, index)
            other.SetIntProp(_MAP, number)
        atom.ClearProp(_HYDROGENS)
    mol.ClearProp(KNOWN)


def input_indices(mol: Chem.Mol) -> list[int | None]:
    """Of each atom the index in the input, from 0; None for an atom that was added."""
    return [atom.GetIntProp(_INDEX) if atom.HasProp(_INDEX) else None for atom in mol.GetAtoms()]


def map_numbers(mol: Chem.Mol) -> list[int | None] | None:
    """Of each atom the map number in the input, None where it had none; None for an input without any."""
    found = [atom.GetIntProp(_MAP) if atom.HasProp(_MAP) else 0 for atom in mol.GetAtoms()]
    return [number or None for number in found] if any(found) else None


def with_properties_of(source: Chem.Mol, target: Chem.Mol) -> Chem.Mol:
    """`target` with the SDF properties of `source`, which RDKit drops where it renumbers atoms; not with its title:
    names, and with them seeds, stay what they were."""
    for name, value in properties(source).items():
        target.SetProp(name, value)
    return target


def copy_origin(source: Chem.Mol, target: Chem.Mol) -> None:
    """Give `target`, which has the atoms of `source` in the same order, its places and properties."""
    with_properties_of(source, target)
    for first, second in zip(source.GetAtoms(), target.GetAtoms(), strict=True):
        for key in (_INDEX, _MAP):
            second.ClearProp(key)
        _copy(first, second)


def properties(mol: Chem.Mol) -> dict[str, str]:
    """SDF properties that came with the molecule, without those that this package writes but the name for seeds."""
    own = set(OWN_PROPERTIES) - {_SEED}
    return {key: mol.GetProp(key) for key in mol.GetPropNames(False, False) if key not in own}


def set_seed_name(mol: Chem.Mol, name: str) -> None:
    """The name by which seeds are derived, where it is not that of the output folder; an SDF property."""
    mol.SetProp(_SEED, name)


def seed_name(mol: Chem.Mol) -> str | None:
    """What `set_seed_name` set."""
    return mol.GetProp(_SEED) if mol.HasProp(_SEED) else None


def _copy(source: Chem.Atom, target: Chem.Atom) -> None:
    for key in (_INDEX, _MAP):
        if source.HasProp(key):
            target.SetIntProp(key, source.GetIntProp(key))
