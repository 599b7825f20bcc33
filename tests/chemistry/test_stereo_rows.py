"""Rows of stereo: signs are those of the determinants that the isomer's own coordinates have."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.stereo_rows import heavy_double_bonds, heavy_triples, hydrogen_rows
from tests.builders.networks import geometry, molecule

CENTRES = ["CC[C@H](O)C#CC", "CC[C@@H](O)C#CC", "C[C@](F)(Cl)Br", "C[C@@](F)(Cl)Br"]


@pytest.mark.parametrize("smiles", CENTRES)
def test_triples_have_the_sign_of_the_isomers_coordinates(smiles):
    mol, n = molecule(smiles).rdmol, molecule(smiles).n_heavy
    rows, signs = heavy_triples(mol, n)
    x = geometry(smiles)
    i, a, b, c = (x[rows[:, k]] for k in range(4))
    found = np.einsum("ki,ki->k", a - i, np.cross(b - i, c - i))
    assert len(rows) == (1 if "H" in smiles else 4) and (np.sign(found) == signs).all()


@pytest.mark.parametrize(("smiles", "wanted"), [("C/C=C/CF", -1.0), ("C/C=C\\CF", 1.0)])
def test_double_bonds_are_cis_or_trans(smiles, wanted):
    rows, signs = heavy_double_bonds(molecule(smiles).rdmol, molecule(smiles).n_heavy)
    assert rows.shape == (1, 4) and signs.tolist() == [wanted]


def test_without_stereo_there_is_no_row():
    ethanol = molecule("CCO")
    assert all(len(part) == 0 for part in (*heavy_triples(ethanol.rdmol, 3), *heavy_double_bonds(ethanol.rdmol, 3)))
    nothing = np.zeros((0, 4), dtype=np.int64)
    assert all(len(part) == 0 for part in hydrogen_rows(ethanol.rdmol, nothing, nothing))


def test_stereo_that_only_hydrogens_show_has_rows_of_all_atoms():
    deuterated = molecule("C[C@H](O)[2H]")
    heavy, _ = heavy_triples(deuterated.rdmol, deuterated.n_heavy)
    nothing = np.zeros((0, 4), dtype=np.int64)
    assert len(heavy) == 0 and any(len(part) for part in hydrogen_rows(deuterated.rdmol, heavy, nothing))
