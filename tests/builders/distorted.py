"""Structures that are wrong in one respect, made from relaxed ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from eginterpolator.chemistry.molecule import Molecule
from tests.builders.conformers import embedded


def with_frame(molecule: Molecule, frame: np.ndarray) -> Chem.Mol:
    """The molecule with one conformer."""
    mol = Chem.Mol(molecule.rdmol if len(frame) == molecule.n_atoms else molecule.heavy_mol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(len(frame))
    conformer.SetPositions(np.asarray(frame, dtype=np.float64))
    mol.AddConformer(conformer)
    return mol


def match(molecule: Molecule, smarts: str) -> list[int]:
    """Atoms of the first match."""
    return list(molecule.rdmol.GetSubstructMatch(Chem.MolFromSmarts(smarts)))


def set_coordinate(smiles: str, smarts: str, values: Sequence[float]) -> tuple[Molecule, np.ndarray]:
    """A relaxed structure with a bond (2 atoms of `smarts`, Å), an angle (3) or a torsion (4, degrees) set."""
    molecule, frames = embedded(smiles, 1)
    atoms = match(molecule, smarts)
    setters = {2: rdMolTransforms.SetBondLength, 3: rdMolTransforms.SetAngleDeg, 4: rdMolTransforms.SetDihedralDeg}
    found = []
    for value in values:
        mol = with_frame(molecule, frames[0])
        setters[len(atoms)](mol.GetConformer(), *atoms, value)
        found.append(mol.GetConformer().GetPositions())
    return molecule, np.array(found)


def turned_end(smiles: str, smarts: str, degrees: Sequence[float]) -> tuple[Molecule, np.ndarray]:
    """A relaxed structure in which what hangs on atom 0 of `smarts` is turned about the axis to its last."""
    molecule, frames = embedded(smiles, 1)
    atoms = match(molecule, smarts)
    axis = frames[0, atoms[-1]] - frames[0, atoms[0]]
    axis = axis / np.linalg.norm(axis)
    cut = Chem.FragmentOnBonds(
        molecule.rdmol, [molecule.rdmol.GetBondBetweenAtoms(atoms[0], atoms[1]).GetIdx()], addDummies=False
    )
    moving = next(list(piece) for piece in Chem.GetMolFrags(cut) if atoms[0] in piece)
    found = []
    for angle in np.radians(degrees):
        frame = frames[0].copy()
        x = frame[moving] - frame[atoms[0]]
        along = (x @ axis)[:, None] * axis
        frame[moving] = (
            frame[atoms[0]] + along + np.cos(angle) * (x - along) + np.sin(angle) * np.cross(axis, x)
        )  # Rodrigues
        found.append(frame)
    return molecule, np.array(found)
