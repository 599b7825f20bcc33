"""Stereo that a molecule leaves open, and the isomers it may stand for; RDKit molecules only."""

from __future__ import annotations

from typing import Any

from rdkit import Chem
from rdkit.Chem import rdDistGeom
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions

from eginterpolator.errors import InputError

MAX_ISOMERS = 32


def open_stereo(mol: Chem.Mol) -> str:
    """Stereocentres and double bonds without a configuration, in words; empty where all is said.

    Nitrogen inverts freely unless it has four heavy neighbours, so it is never open.
    """
    names = []
    for info in Chem.FindPotentialStereo(mol):
        if info.specified != Chem.StereoSpecified.Unspecified:
            continue
        if info.type == Chem.StereoType.Atom_Tetrahedral:
            atom = mol.GetAtomWithIdx(info.centeredOn)
            if not _inverts(atom):
                names.append(f"atom {info.centeredOn} ({atom.GetSymbol()})")
        elif info.type == Chem.StereoType.Bond_Double:
            bond = mol.GetBondWithIdx(info.centeredOn)
            ends = (bond.GetBeginAtom(), bond.GetEndAtom())
            if all(_has_sides(atom) for atom in ends):
                names.append(f"double bond {ends[0].GetIdx()}={ends[1].GetIdx()}")
    return " and ".join(names)


def open_isomers(mol: Chem.Mol) -> list[Chem.Mol]:
    """The different isomers that open stereo allows, sorted by SMILES, atoms in their order; one where none is open.

    Of bridged and fused rings only those isomers count that RDKit can embed in space: norbornane has one.

    Raises
    ------
    InputError
        When there are more than 32.
    """
    mol = Chem.Mol(mol)
    inverting = [atom.GetIdx() for atom in mol.GetAtoms() if _inverts(atom) and not _tagged(atom)]
    for index in inverting:  # a tag for the moment, so that it is not enumerated
        mol.GetAtomWithIdx(index).SetChiralTag(Chem.ChiralType.CHI_TETRAHEDRAL_CW)
    options = StereoEnumerationOptions(onlyUnassigned=True, unique=True, maxIsomers=MAX_ISOMERS + 1)
    isomers: dict[str, Chem.Mol] = {}
    for count, isomer in enumerate(EnumerateStereoisomers(mol, options=options)):
        if count == MAX_ISOMERS:
            raise InputError(
                f"'{Chem.MolToSmiles(Chem.RemoveHs(mol))}' has more than {MAX_ISOMERS} isomers; "
                "define some of its stereocentres."
            )
        for index in inverting:
            isomer.GetAtomWithIdx(index).SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        Chem.AssignStereochemistry(isomer, cleanIt=True, force=True)
        isomers[Chem.MolToSmiles(isomer)] = isomer
    found = [isomers[smiles] for smiles in sorted(isomers)]
    if len(found) > 1 and _has_shared_ring_atoms(mol):
        found = [isomer for isomer in found if _embeds(isomer)] or found
    return found


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
