"""Conformers of a published set become a record: the isomer, weights that sum to one, and reasons."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.data.ensembles import HARTREE_KCAL, Structure, ensemble_record
from eginterpolator.data.filters import Dropped
from eginterpolator.errors import InputError
from tests.builders.foreign import mol, same_structure
from tests.builders.networks import CHIRAL, MIRRORED


def test_conformers_of_the_isomer_stay_with_their_energies_and_weights():
    structures = [
        Structure(mol(CHIRAL), -10.0, 0.5), Structure(mol(MIRRORED), -9.0, 0.3), Structure(mol(CHIRAL, 2.0), -9.5, 0.1),
    ]  # fmt: skip
    dropped = Dropped()
    record = ensemble_record("name", CHIRAL, structures, dropped, "here")
    assert record.name == "name" and record.ensemble == "minimum" and len(record.conformers) == 2
    np.testing.assert_allclose(record.weights, [5 / 6, 1 / 6])
    np.testing.assert_allclose(record.energies_kcal, np.array([-10.0, -9.5]) * HARTREE_KCAL)
    for positions, shift in zip(record.conformers, (0.0, 2.0), strict=True):
        same_structure(positions, mol(CHIRAL, shift), record)
    assert dropped.structures == {"a conformer of another stereoisomer": 1}


def test_the_largest_weights_are_kept_in_their_order():
    structures = [Structure(mol("CCO", float(k)), None, weight) for k, weight in enumerate((0.1, 0.4, 0.2, 0.3))]
    record = ensemble_record("name", "CCO", structures, Dropped(), "here", most=2)
    np.testing.assert_allclose(record.weights, [4 / 7, 3 / 7])
    assert record.energies_kcal is None
    assert ensemble_record("name", "CCO", [Structure(mol("CCO"))], Dropped(), "here").weights is None


def test_where_no_conformer_has_the_smiles_stereo_the_first_one_decides():
    record = ensemble_record("name", CHIRAL, [Structure(mol(MIRRORED))], Dropped(), "here")
    assert record.molecule.smiles != CHIRAL and len(record.conformers) == 1


def test_nothing_left_is_the_commonest_reason():
    torn = mol("CCO")
    torn.GetConformer().SetAtomPosition(0, [9.0, 9.0, 9.0])
    for structures, reason in (
        ([], "no conformer"),
        ([Structure(torn)] * 2, "bonds"),
        ([Structure(mol("CCN"))], "graph"),
    ):
        with pytest.raises(InputError, match=reason):
            ensemble_record("name", "CCO", structures, Dropped(), "here")
