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
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    parameters: Any = AllChem.ETKDGv3()  # type: ignore[attr-defined]
    parameters.randomSeed = seed % (2**31 - 1)
    parameters.useSmallRingTorsions = True
    ids: list[int] = []
    for random_coordinates in (False, True):
        if len(ids) < n_conformers:
            parameters.useRandomCoords = random_coordinates
            with contextlib.suppress(RuntimeError):  # RDKit's optimiser gives up on some strained cages
                ids = list(AllChem.EmbedMultipleConfs(mol, n_conformers, parameters))  # type: ignore[attr-defined]
    if len(ids) < n_conformers:
        raise GenerationError(f"ETKDG embeds only {len(ids)} of {n_conformers} conformers of {molecule.smiles}.")
    energies = None
    if refine and AllChem.MMFFHasAllMoleculeParams(mol):  # type: ignore[attr-defined]
        results = AllChem.MMFFOptimizeMoleculeConfs(mol, maxIters=500, mmffVariant="MMFF94s")  # type: ignore[attr-defined]
        energies = np.array([energy for _, energy in results])
    positions = np.stack([mol.GetConformer(k).GetPositions() for k in ids]).astype(np.float32)
    return ConformerEnsemble(molecule, positions, energies, {"method": "ETKDGv3+MMFF94s" if refine else "ETKDGv3"})
