"""ETKDGv3 conformers from RDKit, with or without MMFF94s refinement: the tool that users reach for today."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.errors import GenerationError
from eginterpolator.molecule import Molecule
from eginterpolator.trajectory import ConformerEnsemble

EMBED_SECONDS = 60
"""Given to ETKDG for the conformers of a molecule, for each way of starting: on impossible isomers it never ends."""


def etkdg_conformers(molecule: Molecule, n_conformers: int, seed: int = 0, refine: bool = False) -> ConformerEnsemble:
    """Embed `n_conformers` structures of a molecule (Riniker and Landrum 2015; Wang et al. 2020).

    Returns
    -------
    ConformerEnsemble
        Positions [n_conformers, n_atoms, 3] Å; MMFF94s energies in kcal/mol where `refine` and the force field allow.

    Raises
    ------
    GenerationError
        When fewer than `n_conformers` can be embedded.
    """
    mol = embed(molecule, n_conformers, seed)
    count = mol.GetNumConformers()
    if count < n_conformers:
        raise GenerationError(f"ETKDG embeds only {count} of {n_conformers} conformers of {molecule.smiles}.")
    energies = None
    if refine and AllChem.MMFFHasAllMoleculeParams(mol):  # type: ignore[attr-defined]
        results = AllChem.MMFFOptimizeMoleculeConfs(mol, maxIters=500, mmffVariant="MMFF94s")  # type: ignore[attr-defined]
        energies = np.array([energy for _, energy in results])
    positions = np.stack([c.GetPositions() for c in mol.GetConformers()]).astype(np.float32)
    return ConformerEnsemble(molecule, positions, energies, {"method": "ETKDGv3+MMFF94s" if refine else "ETKDGv3"})


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
