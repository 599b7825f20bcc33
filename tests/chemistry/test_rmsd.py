"""Numberings of a molecule, and the RMSD over them."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.rmsd import numberings, symmetric_rmsd
from eginterpolator.errors import InputError
from eginterpolator.evaluation.conformers import rmsd_matrix
from tests.builders.conformers import FLEXIBLE, conformers, embedded


@pytest.mark.parametrize(
    ("smiles", "count"),
    [
        ("CC(C)(C)CO", 6), ("c1ccccc1CO", 2), ("FC(F)(F)CO", 6), ("O=[N+]([O-])CCO", 2), ("CCO", 1), ("c1ccccc1", 12),
        ("OC(=O)CC", 2), ("COC(=O)C", 1),
    ],
)  # fmt: skip
def test_how_many_numberings_there_are(smiles, count):
    mol = Chem.MolFromSmiles(smiles)
    assert len(numberings(mol, mol).atoms) == count


def test_mirror_images_are_not_superposed_and_identical_conformers_are_zero():
    molecule, frames = embedded(FLEXIBLE)
    heavy = frames[:, : molecule.n_heavy]
    turned = heavy @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned *= np.sign(np.linalg.det(np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]))
    same = np.arange(molecule.n_heavy)[None]
    assert np.diag(symmetric_rmsd(turned + 5.0, heavy, same)).max() < 1e-6
    assert np.diag(symmetric_rmsd(heavy * [1, 1, -1], heavy, same)).min() > 0.1
    line = np.arange(4.0)[None, :, None] * np.array([1.0, 0, 0])  # linear: the covariance has rank one
    assert symmetric_rmsd(line, line * [0, 1, 0] + line[..., [1, 0, 2]], np.arange(4)[None])[0, 0] < 1e-6


def test_other_molecules_and_shapes_are_refused():
    with pytest.raises(InputError, match="different molecules"):
        rmsd_matrix(conformers("CCO", 1, 1), conformers("CCN", 1, 1))
    with pytest.raises(InputError, match="do not fit"):
        symmetric_rmsd(np.zeros((2, 3, 3)), np.zeros((2, 4, 3)), np.arange(3)[None])
