"""RDKit's conformers: the isomer that was asked for, or none."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import GenerationError
from eginterpolator.generation.etkdg import etkdg_conformers
from tests.builders.networks import CHIRAL, molecule


def test_etkdg_keeps_the_isomer_and_says_where_it_cannot():
    ensemble = etkdg_conformers(molecule(CHIRAL), 4, seed=1, refine=True)
    assert ensemble.positions.shape == (4, molecule(CHIRAL).n_atoms, 3) and np.isfinite(ensemble.energies_kcal).all()
    mol = ensemble.to_rdkit()
    for k in range(4):
        Chem.AssignStereochemistryFrom3D(mol, k, replaceExistingTags=True)
        assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == molecule(CHIRAL).smiles
    assert (
        ensemble.positions.tobytes() == etkdg_conformers(molecule(CHIRAL), 4, seed=1, refine=True).positions.tobytes()
    )
    with pytest.raises(GenerationError, match="only 0 of 2"):
        etkdg_conformers(Molecule.from_smiles("C1C[C@H]2CC[C@H]1C2"), 2)
