"""What a molecule consists of: the same whatever the order of its atoms, and in words that a chemist knows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from eginterpolator.chemistry.environments import GROUPS, groups_of, makeup
from eginterpolator.chemistry.molecule import Molecule

SMILES = (
    "CCN=[N+]=[N-]", "C[N+](C)(C)CCO", "[NH3+]CC(=O)[O-]", "O=C(Nc1ccccc1)c1ccccc1", "C1CC11CN1", "C/C=C/C(F)=O",
    "O=[N+]([O-])c1ccsc1", "C[S@](=O)c1ccccc1",
)  # fmt: skip


def of(smiles: str):
    return makeup(Chem.MolFromSmiles(smiles))


@given(st.sampled_from(SMILES), st.integers(0, 10**6))
def test_the_order_of_the_atoms_does_not_matter(smiles, seed):
    mol = Chem.MolFromSmiles(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.Random(seed).shuffle(order)
    here, there = makeup(mol), makeup(Chem.RenumberAtoms(mol, order))
    assert here.traits == there.traits
    assert [here.near[k] for k in order] == list(there.near) and [here.far[k] for k in order] == list(there.far)
    assert here == makeup(Molecule.from_smiles(smiles).heavy_mol)


def test_traits_are_elements_charges_and_rings():
    assert of("CCO").traits == {"element C", "element O"}
    assert of("C[N+](C)(C)CCO").traits >= {"net charge +1", "charge +1 on N"}
    assert of("[NH3+]CC(=O)[O-]").traits >= {"charge +1 on N", "charge -1 on O"}
    assert not any("net" in trait for trait in of("[NH3+]CC(=O)[O-]").traits)
    assert not any("charge" in trait for trait in of("O=[N+]([O-])c1ccsc1").traits)  # a nitro group has its own word
    assert of("C1CCCCCCCCCCC1").traits >= {"ring of 12"}
    assert of("C1CCC/C=C/CC1").traits >= {"trans double bond in a ring of 8", "ring of 8"}
    assert of("C1CCC/C=C\\CC1").traits >= {"cis double bond in a ring of 8"}
    assert of("C[CH]C").traits >= {"unpaired electron on C"}


def test_environments_reach_one_and_two_bonds():
    ethanol = of("CCO")
    assert ethanol.near == ("CH3(-C)", "CH2(-C)(-O)", "OH1(-C)") and ethanol.n_heavy == 3
    propanol, ether = of("CCCO"), of("CCOC")
    assert propanol.near[0] == ethanol.near[0] and propanol.far[0] != ethanol.far[0]
    assert ether.near[1] == ethanol.near[1] and ether.far[1] != ethanol.far[1]
    assert of("CCN=[N+]=[N-]").near[3] == "N+(=N)(=N-)"
    assert of("C1CC1").near[0].startswith("CH2r3") and of("c1ccccc1").near[0] == "cH1(:c)(:c)"
    assert all(len(key) == 8 for key in of("c1ccccc1CCO").far)


@pytest.mark.parametrize(
    ("smiles", "atoms", "wanted"),
    [
        ("CCN=[N+]=[N-]", [2, 3, 4], [("azide", [2, 3, 4])]),
        ("CCN=C=O", [3], [("isocyanate N=C=O", [3])]),
        ("CC=C=CC", [2], [("allene C=C=C", [2])]),
        ("CC(=O)[O-]", [3], [("C[O-]", [3])]),
        ("CC(=O)[O-]", [1, 3], [("O=C[O-]", [1, 3])]),
        ("CCCCO", [0, 4], [("CC", [0]), ("CO", [4])]),
    ],
)
def test_pieces_are_named(smiles, atoms, wanted):
    found = groups_of(Chem.MolFromSmiles(smiles), atoms)
    assert [atoms for _, atoms in found] == [atoms for _, atoms in wanted]
    assert all(text.startswith(start) for (text, _), (start, _) in zip(found, wanted, strict=True))


def test_every_named_group_is_found():
    examples = {
        "azide": "CN=[N+]=[N-]", "diazo group": "C=[N+]=[N-]", "diazonium": "C[N+]#N", "isocyanate": "CN=C=O",
        "isothiocyanate": "CN=C=S", "carbodiimide": "CN=C=NC", "ketene": "C=C=O", "ketenimine": "C=C=NC",
        "cumulene": "C=C=C=C", "allene": "C=C=C", "isonitrile": "C[N+]#[C-]", "nitrile oxide": "CC#[N+][O-]",
        "sulfonium": "C[S+](C)C", "phosphonium": "C[P+](C)(C)C",
    }  # fmt: skip
    assert set(examples) == set(GROUPS)
    for name, smiles in examples.items():
        mol = Chem.MolFromSmiles(smiles)
        assert groups_of(mol, range(mol.GetNumAtoms()))[0][0].startswith(name), name
