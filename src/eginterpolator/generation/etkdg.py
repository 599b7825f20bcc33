"""RDKit's ETKDGv3 conformers, with or without MMFF94s refinement: the tool that users reach for today."""

from __future__ import annotations

import numpy as np
from rdkit.Chem import rdForceFieldHelpers

from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import GenerationError
from eginterpolator.files.trajectory import ConformerEnsemble


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
    if refine and rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
        results = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(mol, maxIters=500, mmffVariant="MMFF94s")
        energies = np.array([energy for _, energy in results])
    positions = np.stack([c.GetPositions() for c in mol.GetConformers()]).astype(np.float32)
    return ConformerEnsemble(molecule, positions, energies, {"method": "ETKDGv3+MMFF94s" if refine else "ETKDGv3"})
