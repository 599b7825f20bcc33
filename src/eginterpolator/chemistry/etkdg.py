"""Structures of a molecule embedded by RDKit's ETKDGv3 (Riniker and Landrum 2015; Wang et al. 2020)."""

from __future__ import annotations

import contextlib
from typing import Any

from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.molecule import Molecule

EMBED_SECONDS = 60
"""Given to ETKDG for the conformers of a molecule, for each way of starting: on impossible isomers it never ends."""


def embed(molecule: Molecule, n_conformers: int, seed: int = 0, prune_rmsd: float = -1.0) -> Chem.Mol:
    """RDKit Mol with up to `n_conformers` ETKDGv3 conformers.

    Those within `prune_rmsd` Å (heavy atoms) of an earlier one are left out; a negative number leaves out none. Where
    ETKDG's own start from distances finds too few, random coordinates are tried.
    """
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    parameters: Any = AllChem.ETKDGv3()  # type: ignore[attr-defined]
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
                AllChem.EmbedMultipleConfs(mol, n_conformers, parameters)  # type: ignore[attr-defined]
    return mol
