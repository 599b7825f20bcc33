"""Structures of a molecule embedded by RDKit's ETKDGv3 (Riniker and Landrum 2015; Wang et al. 2020)."""

from __future__ import annotations

import contextlib
from typing import Any

from rdkit import Chem
from rdkit.Chem import rdDistGeom

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo

AXIS_ATTEMPTS = 8
EMBED_SECONDS = 60
"""Given to ETKDG for the conformers of a molecule, for each way of starting: on impossible isomers it never ends."""


def embed(molecule: Molecule, n_conformers: int, seed: int = 0, prune_rmsd: float = -1.0) -> Chem.Mol:
    """RDKit Mol with up to `n_conformers` ETKDGv3 conformers.

    Those within `prune_rmsd` Å (heavy atoms) of an earlier one are left out; a negative number leaves out none. Where
    ETKDG's own start from distances finds too few, random coordinates are tried. ETKDG knows nothing of the axes of
    allenes and of most biaryls: of such molecules it embeds until enough structures have the right ones.
    """
    if molecule.axes:
        return _with_right_axes(molecule, n_conformers, seed, prune_rmsd)
    return _embedded(molecule, n_conformers, seed, prune_rmsd)


def _with_right_axes(molecule: Molecule, n_conformers: int, seed: int, prune_rmsd: float) -> Chem.Mol:
    result = Chem.Mol(molecule.rdmol)
    result.RemoveAllConformers()
    for attempt in range(AXIS_ATTEMPTS):
        missing = n_conformers - result.GetNumConformers()
        more = max(4, 2 * missing)
        for conformer in _embedded(molecule, more, seed + 7919 * attempt, prune_rmsd).GetConformers():
            full = result.GetNumConformers() >= n_conformers
            if not full and frame_stereo(molecule, conformer.GetPositions()[None])[0]:
                result.AddConformer(conformer, assignId=True)
        if result.GetNumConformers() >= (n_conformers if prune_rmsd < 0 else 1):
            break
    return result


def _embedded(molecule: Molecule, n_conformers: int, seed: int, prune_rmsd: float) -> Chem.Mol:
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    parameters: Any = rdDistGeom.ETKDGv3()
    # RDKit multiplies the seed by the conformer's number: with 0 they would all be the same structure
    parameters.randomSeed = 1 + seed % (2**31 - 2)
    parameters.useSmallRingTorsions = True
    parameters.pruneRmsThresh = prune_rmsd
    parameters.timeout = EMBED_SECONDS
    enough = n_conformers if prune_rmsd < 0 else 1
    for random_coordinates in (False, True):
        if mol.GetNumConformers() < enough:
            parameters.useRandomCoords = random_coordinates
            with contextlib.suppress(RuntimeError):  # RDKit's optimiser gives up on some strained cages
                rdDistGeom.EmbedMultipleConfs(mol, n_conformers, parameters)
    return mol
