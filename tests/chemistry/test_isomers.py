"""Isomers that a SMILES leaves open: each is named once, and what is settled is not asked for."""

from __future__ import annotations

import pytest

from eginterpolator.chemistry.molecule import Molecule, enumerate_stereo, flat_smiles
from eginterpolator.errors import InputError


@pytest.mark.parametrize(
    ("smiles", "isomers"),
    [
        ("CC(O)CN", ["C[C@@H](O)CN", "C[C@H](O)CN"]),
        ("CC=CC", ["C/C=C/C", "C/C=C\\C"]),
        ("C[C@H](O)C(C)F", ["C[C@H](O)[C@@H](C)F", "C[C@H](O)[C@H](C)F"]),
        ("CC1CCC(C)CC1", ["C[C@H]1CC[C@@H](C)CC1", "C[C@H]1CC[C@H](C)CC1"]),
        ("CC1CN1C", ["C[C@@H]1CN1C", "C[C@H]1CN1C"]),  # nitrogen inverts
        ("OC1CC2CCC1C2", 4),  # of eight, four can be built
    ],
)
def test_enumeration_gives_each_isomer(smiles, isomers):
    found = enumerate_stereo(smiles, "name")
    assert [m.name for m in found] == [f"name_{k}" for k in range(1, len(found) + 1)]
    assert len({m.smiles for m in found}) == len(found)
    if isinstance(isomers, int):
        assert len(found) == isomers
    else:
        assert sorted(m.smiles for m in found) == isomers
    for molecule in found:
        assert molecule.smiles_flat == flat_smiles(smiles)
        assert molecule.atomic_numbers.tolist() == found[0].atomic_numbers.tolist()
        assert Molecule.from_smiles(molecule.smiles).smiles == molecule.smiles


@pytest.mark.parametrize(
    ("smiles", "n_triples"),
    [
        ("CCO", 0),
        ("C[C@H](O)CC", 1),
        ("CC=C=C(C)C", 0),  # an allene with two equal ends
        ("CN1CC(C)C1", 0),
        ("N=CC", 0),
        ("C1CC2CCC1C2", 2),  # norbornane: its bridge can only be cis
        ("C1C2CC3CC1CC(C2)C3", 0),
        ("CC1[C@H]2CCCC[C@H]12", 2),  # with trans-fused rings, C1 is no stereocentre
    ],
)
def test_what_is_not_open_is_not_asked_for(smiles, n_triples):
    molecule = Molecule.from_smiles(smiles)
    assert len(molecule.triples) == n_triples
    assert [m.smiles for m in enumerate_stereo(smiles)] == [molecule.smiles]


def test_enumeration_passes_on_what_is_wrong():
    for smiles, message in (("C(", "not a valid SMILES"), ("C.C", "fragments"), ("CC(F)" * 7 + "C", "more than 32")):
        with pytest.raises(InputError, match=message):
            enumerate_stereo(smiles)


def test_map_numbers_make_no_isomers():
    """Both hands of mapped norbornane are one molecule, so nothing is asked for."""
    plain, mapped = (Molecule.from_smiles(s) for s in ("C1CC2CC1CC2", "C1CC2CC1[CH2:39][CH2:80]2"))
    assert plain.key == mapped.key
