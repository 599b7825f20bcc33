"""Stereo that a molecule leaves open, and the isomers it may stand for; RDKit molecules only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from rdkit import Chem
from rdkit.Chem import rdDistGeom
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions

from eginterpolator.chemistry.axes import adopt_rdkit_axes, axes_of, open_axes, set_axes
from eginterpolator.chemistry.equal_ends import clear_equal_ends, has_equal_ends, with_equal_ends
from eginterpolator.chemistry.identity import identity_key
from eginterpolator.errors import InputError

MAX_ISOMERS = 32


def open_stereo(mol: Chem.Mol) -> str:
    """Stereocentres, double bonds and axes without a configuration, in words; empty where all is said.

    Nitrogen inverts freely unless it has four heavy neighbours, so it is never open. Nor is a phosphorus or sulfur
    whose two oxygens differ by a proton or a bond's order only. Of axes those count that `axes.possible_axes` finds.
    """
    mol = _with_adopted_axes(mol)
    names = []
    seen, places = with_equal_ends(mol)
    for info in Chem.FindPotentialStereo(seen):
        if info.specified == Chem.StereoSpecified.Specified:
            continue
        if info.type == Chem.StereoType.Atom_Tetrahedral:
            atom = seen.GetAtomWithIdx(info.centeredOn)
            if not _inverts(atom):
                names.append(f"atom {places[info.centeredOn]} ({atom.GetSymbol()})")
        elif info.type == Chem.StereoType.Bond_Double:
            bond = seen.GetBondWithIdx(info.centeredOn)
            ends = (bond.GetBeginAtom(), bond.GetEndAtom())
            if all(_has_sides(atom) for atom in ends):
                names.append(f"double bond {places[ends[0].GetIdx()]}={places[ends[1].GetIdx()]}")
    names += [f"the axis {axis.ends[0]}-{axis.ends[1]}" for axis in open_axes(mol)]
    return " and ".join(names)


def open_isomers(mol: Chem.Mol) -> list[Chem.Mol]:
    """The different isomers that open stereo allows, sorted by SMILES, atoms in their order; one where none is open.

    Those that differ by an axis follow one another, left-handed before right-handed by the axis' lowest atoms. Of
    bridged and fused rings only those isomers count that RDKit can embed in space: norbornane has one.

    Raises
    ------
    InputError
        When there are more than 32.
    """
    mol = _with_adopted_axes(mol)
    clear_equal_ends(mol)
    inverting = [
        atom.GetIdx() for atom in mol.GetAtoms() if has_equal_ends(atom) or (_inverts(atom) and not _tagged(atom))
    ]
    for index in inverting:  # a tag for the moment, so that it is not enumerated
        mol.GetAtomWithIdx(index).SetChiralTag(Chem.ChiralType.CHI_TETRAHEDRAL_CW)
    options = StereoEnumerationOptions(onlyUnassigned=True, unique=True, maxIsomers=MAX_ISOMERS + 1)
    isomers: dict[str, Chem.Mol] = {}
    for count, isomer in enumerate(EnumerateStereoisomers(mol, options=options)):
        if count == MAX_ISOMERS:
            raise _too_many(mol)
        for index in inverting:
            isomer.GetAtomWithIdx(index).SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        for bond in isomer.GetBonds():  # inside an allene, where an axis says it
            if not all(_has_sides(atom) for atom in (bond.GetBeginAtom(), bond.GetEndAtom())) and _inside(bond):
                bond.SetStereo(Chem.BondStereo.STEREONONE)
        Chem.AssignStereochemistry(isomer, cleanIt=True, force=True)
        isomers.setdefault(_without_maps(isomer), isomer)
    found = [isomers[smiles] for smiles in sorted(isomers)]
    if len(found) > 1 and _has_shared_ring_atoms(mol):
        found = [isomer for isomer in found if _embeds(isomer)] or found
    found = [turned for isomer in found for turned in _axial_isomers(isomer)]
    if len(found) > MAX_ISOMERS:
        raise _too_many(mol)
    return found


def _axial_isomers(mol: Chem.Mol) -> Iterator[Chem.Mol]:
    """`mol` with every sign of its open axes; those that are one molecule by symmetry once."""
    axes = open_axes(mol)
    if 2 ** len(axes) > MAX_ISOMERS:
        raise _too_many(mol)
    seen = set()
    for signs in product((-1, 1), repeat=len(axes)):
        isomer = Chem.Mol(mol)
        if axes:
            set_axes(isomer, [*axes_of(mol), *(replace(a, sign=s) for a, s in zip(axes, signs, strict=True))])
            key = identity_key(isomer)
            if key in seen:
                continue
            seen.add(key)
        yield isomer


def _too_many(mol: Chem.Mol) -> InputError:
    return InputError(
        f"'{Chem.MolToSmiles(Chem.RemoveHs(mol))}' has more than {MAX_ISOMERS} isomers; "
        "define some of its stereocentres."
    )


def _without_maps(mol: Chem.Mol) -> str:
    """Canonical SMILES as if the atoms had no map numbers, which would tell equal atoms apart."""
    mol = Chem.Mol(mol)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return str(Chem.MolToSmiles(mol))


def _with_adopted_axes(mol: Chem.Mol) -> Chem.Mol:
    mol = Chem.Mol(mol)
    adopt_rdkit_axes(mol)
    return mol


def _inside(bond: Chem.Bond) -> bool:
    sp = Chem.HybridizationType.SP
    return any(atom.GetHybridization() == sp for atom in (bond.GetBeginAtom(), bond.GetEndAtom()))


def _inverts(atom: Chem.Atom) -> bool:
    return atom.GetAtomicNum() == 7 and sum(n.GetAtomicNum() > 1 for n in atom.GetNeighbors()) < 4


def _tagged(atom: Chem.Atom) -> bool:
    return atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED


def _has_sides(atom: Chem.Atom) -> bool:
    """Whether an end of a double bond has two sides: not =CH2, not =NH, not inside an allene."""
    heavy = sum(n.GetAtomicNum() > 1 for n in atom.GetNeighbors())
    return heavy > 1 and atom.GetHybridization() != Chem.HybridizationType.SP


def _has_shared_ring_atoms(mol: Chem.Mol) -> bool:
    rings = mol.GetRingInfo()
    sp3 = Chem.HybridizationType.SP3
    return any(rings.NumAtomRings(a.GetIdx()) > 1 and a.GetHybridization() == sp3 for a in mol.GetAtoms())


def _embeds(mol: Chem.Mol) -> bool:
    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.randomSeed = 1
    parameters.maxIterations = 100
    return bool(rdDistGeom.EmbedMolecule(Chem.AddHs(mol), parameters) == 0)
