"""One molecule, one key, however it is written; two molecules, two keys; and what splits go by."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from eginterpolator.chemistry.identity import flat_smiles, held_out_key, identity_key, parse_smiles, split_key
from eginterpolator.chemistry.molecule import Molecule, enumerate_stereo
from eginterpolator.data.readers.qm9 import qm9_rows
from eginterpolator.errors import InputError
from tests.builders.spellings import ALLENE, AXIAL, BINOL, ORDINARY, shuffled, spelled, structure

FEW = settings(deadline=None, derandomize=True, max_examples=60)
OPEN = ["CC(O)C(F)Cl", "CC=CC(C)O", "OC1CCC(O)CC1", "CC(Cl)C(Cl)C", "FC1CC(Cl)C1", "CC=NC(C)=CC", "CS(=O)C(C)O", *AXIAL]


@FEW
@given(st.sampled_from(ORDINARY), st.integers(0, 10**9))
def test_any_spelling_of_a_molecule_gives_one_key(smiles, seed):
    other = spelled(smiles, seed)
    assert identity_key(parse_smiles(other)) == identity_key(parse_smiles(smiles))
    assert Molecule.from_smiles(other).key == Molecule.from_smiles(smiles).key
    assert split_key(other) == split_key(smiles) and flat_smiles(other) == flat_smiles(smiles)


@FEW
@given(st.sampled_from([*AXIAL, "[H]/N=C(/C)CC", "C[C@H]([2H])O", "C[C@H](O)CC"]), st.integers(0, 10**9), st.booleans())
def test_any_order_of_the_atoms_of_a_structure_gives_one_key_and_a_mirror_image_the_right_one(smiles, seed, mirror):
    mol = structure(smiles)
    key = Molecule.from_rdkit(mol).key
    other = Molecule.from_rdkit(shuffled(mol, seed, mirror)).key
    reflected = Molecule.from_rdkit(shuffled(mol, 1, True)).key
    assert other == (reflected if mirror else key)
    assert Molecule.from_smiles(key).key == key  # and the key names the molecule


@pytest.mark.parametrize("smiles", OPEN)
def test_isomers_have_keys_of_their_own(smiles):
    """What counts as different is asked of a search for a map between the graphs, which knows no canonical order."""
    isomers = enumerate_stereo(smiles)
    assert len(isomers) > 1 and len({m.key for m in isomers}) == len(isomers)
    for one, other in combinations(isomers, 2):
        alike = one.heavy_mol.HasSubstructMatch(other.heavy_mol, useChirality=True)
        assert not alike or one.axes or other.axes
    for isomer in isomers:
        assert Molecule.from_smiles(isomer.key).key == isomer.key


def test_isotopologues_have_keys_of_their_own():
    """Of CH3-CH2-OH 4 x 3 x 2 ways to place deuterium differ, and one of them (CHD) is two mirror images."""
    keys = set()
    for methyl, methylene, hydroxyl in product(range(4), range(3), range(2)):
        text = f"C{'([2H])' * methyl}C{'([2H])' * methylene}O{'[2H]' * hydroxyl}"
        keys |= {molecule.key for molecule in enumerate_stereo(text)}
    assert len(keys) == 4 * (3 + 1) * 2
    assert (
        Molecule.from_smiles("[2H]C([2H])([2H])O").smiles == "[2H]C([2H])([2H])O" != Molecule.from_smiles("CO").smiles
    )


def test_constitutional_isomers_of_qm9_have_keys_of_their_own():
    """C7H10O2 in QM9: equal keys only where a search for a map finds one."""
    found: dict[str, Chem.Mol] = {}
    for row, _ in zip(qm9_rows(), range(6000), strict=False):
        mol = Chem.MolFromSmiles(row["SMILES"])
        if mol is None:
            continue
        key = identity_key(mol)
        if key in found:
            assert mol.HasSubstructMatch(found[key]) and mol.GetNumAtoms() == found[key].GetNumAtoms()
        found[key] = mol
    assert len(found) > 5500


def test_what_was_taken_for_one_molecule():
    keys = [Molecule.from_smiles(s).key for s in ("CO", "[2H]C([2H])([2H])O", "[2H]OC", "[13CH3]O", "C[18OH]")]
    assert len(set(keys)) == 5
    keys = [Molecule.from_smiles(s).key for s in ("CCC(C)=N", "[H]/N=C(/C)CC", "[H]/N=C(\\C)CC")]
    assert len(set(keys)) == 3
    keys = [molecule.key for smiles in (BINOL, ALLENE) for molecule in enumerate_stereo(smiles)]
    assert len(set(keys)) == 4
    assert Molecule.from_smiles("[CH3:7][CH2:1][OH:2]").key == Molecule.from_smiles("OCC").key == "CCO"


@pytest.mark.parametrize("smiles", ["CCO", "C[C@H](O)CC", "C/C=C/C", "c1ccc2[nH]ccc2c1", "C[N+](=O)[O-]"])
def test_an_ordinary_molecule_is_named_by_its_smiles_alone(smiles):
    molecule = Molecule.from_smiles(smiles)
    assert molecule.key == molecule.smiles and molecule.named == {"smiles": molecule.smiles}
    assert molecule.is_named_by({"smiles": molecule.smiles}) and not molecule.is_named_by({"smiles": "CS"})
    assert not molecule.is_named_by({}) and not molecule.is_named_by({"smiles": "C("})


def test_a_molecule_that_its_smiles_does_not_name_is_named_by_its_key():
    heavy, plain = Molecule.from_smiles("[2H]OC"), Molecule.from_smiles("CO")
    assert not heavy.is_named_by({"smiles": "CO"}) and not plain.is_named_by(heavy.named)  # "CO": an older folder's
    left, right = enumerate_stereo(BINOL)
    assert left.smiles == right.smiles and left.named["key"] == left.key
    assert left.is_named_by(left.named) and not left.is_named_by(right.named)
    assert not left.is_named_by({"smiles": left.smiles})


@pytest.mark.parametrize(
    ("smiles", "key"),
    [
        ("C[C@H]([2H])[NH3+]", "CCN"),
        ("CC(=O)[O-]", "CC(=O)O"),
        ("[NH3+]CC(=O)[O-]", "NCC(=O)O"),
        ("[CH3:1][N:2]([CH3:4])[CH3:3]", "CN(C)C"),
        ("C[N+](C)(C)CC[O-]", "C[N+](C)(C)CCO"),
        ("C[N+](=O)[O-]", "C[N+](=O)[O-]"),
        ("C/C=C/C", "CC=CC"),
        ("C[CH-]C", "CCC"),
    ],
)
def test_splits_go_by_the_neutral_graph(smiles, key):
    assert split_key(smiles) == split_key(key) == Molecule.from_smiles(smiles).split_key


def test_an_ion_is_held_out_with_its_neutral_molecule_and_no_neutral_molecule_changes_sides():
    assert held_out_key("C[NH3+]") == held_out_key("CN") == flat_smiles("CN") != flat_smiles("C[NH3+]")
    for smiles in ("[NH3+]CC(=O)[O-]", "C[N+](=O)[O-]", "CC(=O)O", "C[C@H](O)CC", "[2H]OC"):
        assert held_out_key(smiles) == flat_smiles(smiles) == Molecule.from_smiles(smiles).held_out_key


@pytest.mark.parametrize(
    "text", ["CC=C=CC;P", "CC=C=CC;P(0,1,3,9)", "CC=C=CC;P(0,0,3,4)", "CC=C=CC;P(1,0,3,4);", "CC=C=CC;X(0,1,3,4)"]
)
def test_an_axis_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="names no axis; write for example ';P"):
        Molecule.from_smiles(text)
