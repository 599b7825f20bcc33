"""What the learned clock is told of a molecule."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_graph import BOND_RINGS, N_FACTS, torsion_graph
from eginterpolator.errors import InputError


def test_rings_ends_and_barriers_of_butane_and_cyclohexane():
    butane = torsion_graph(Molecule.from_smiles("CCCC"))
    assert butane.facts.shape == (1, N_FACTS) and butane.torsions.shape == (1, 4)
    assert butane.facts[0, 0] == 1.0 and butane.facts[0, 1 : 2 + len(BOND_RINGS)].sum() == 0
    ring = torsion_graph(Molecule.from_smiles("C1CCCCC1")).facts
    assert len(ring) == 6 and (ring[:, 1 + BOND_RINGS.index(6)] == 1).all() and not ring[:, 0].any()
    assert np.ptp(ring, axis=0).max() == pytest.approx(0.0, abs=1e-6)  # all six are the same


def test_an_amide_has_a_two_fold_barrier_and_an_amine_a_three_fold_one():
    amide = torsion_graph(Molecule.from_smiles("CN(C)C(C)=O")).facts
    amine = torsion_graph(Molecule.from_smiles("CCN(C)C")).facts
    assert len(amide) == len(amine) == 1 and amide[0, 9] == amine[0, 9] == 1.0
    assert amide[0, 11] > 2.0 > amine[0, 11]  # V2 over 10 kcal/mol
    assert amine[0, 12] > amide[0, 12]


def test_mirror_images_are_told_the_same_and_unknown_elements_are_refused():
    left, right = (torsion_graph(Molecule.from_smiles(s)) for s in ("CC[C@H](O)C(C)C", "CC[C@@H](O)C(C)C"))
    np.testing.assert_array_equal(left.codes, right.codes)
    np.testing.assert_array_equal(left.facts, right.facts)
    with pytest.raises(InputError, match="Na"):
        torsion_graph(Molecule.from_smiles("CCC[Na]"))
