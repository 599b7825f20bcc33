"""RDKit's conformers: as many as asked for, of the isomer, each another structure, the same for one seed."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry import etkdg
from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from tests.builders.networks import CHIRAL, molecule


def positions(mol) -> np.ndarray:
    return np.array([conformer.GetPositions() for conformer in mol.GetConformers()])


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 2, 2**40])
def test_a_seed_gives_its_structures_again_and_all_of_them_differ(seed):
    first, again = positions(embed(molecule(CHIRAL), 4, seed)), positions(embed(molecule(CHIRAL), 4, seed))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (4, molecule(CHIRAL).n_atoms, 3) and frame_stereo(molecule(CHIRAL), first).all()
    assert len(np.unique(first.round(3), axis=0)) == 4


def test_near_ones_are_left_out_and_the_molecule_stays_as_it_was():
    rigid = Molecule.from_smiles("c1ccccc1")
    before = rigid.rdmol.GetNumConformers()
    assert embed(rigid, 5, prune_rmsd=0.5).GetNumConformers() == 1 and embed(rigid, 5).GetNumConformers() == 5
    assert rigid.rdmol.GetNumConformers() == before


def test_an_isomer_that_is_impossible_has_none(monkeypatch):
    monkeypatch.setattr(etkdg, "EMBED_SECONDS", 1)
    assert embed(Molecule.from_smiles("C1C[C@H]2C[C@H]1O2"), 1).GetNumConformers() == 0
