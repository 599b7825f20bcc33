"""The featuriser: atoms in any order give the same graph, every code is in range, and codes say what they should."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.codes import CHIRALITY_COLUMN, COLUMNS, EDGE_HOPS, EDGE_TYPES
from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError

SMILES = [
    "CC[C@H](O)C#CCOC", "C/C=C/C(=O)N", "C/C=C\\c1ccccc1", "C[N+](=O)[O-]", "OC[C@@]1(C)CCCC[C@H]1F", "C", "FC(F)(F)F",
    "CCCCCCCCCC", "CS(=O)(=O)Nc1ccc(Br)cc1", "C[S@](=O)CC", "[O-][Cl+3]([O-])([O-])[O-]", "CB(O)O", "C[Si](C)(C)C",
    "CP(C)C", "C1CC1C1CCC1", "[NH3+]CC([O-])=O", "CI", "C[Se]C",
]  # fmt: skip


def column(graph, name: str) -> list[int]:
    return graph.codes[:, list(COLUMNS).index(name)].tolist()


@pytest.mark.parametrize("smiles", SMILES)
def test_arrays_are_in_range_finite_and_symmetric(smiles):
    molecule = Molecule.from_smiles(smiles)
    graph = featurize(molecule)
    n = molecule.n_heavy
    assert graph.codes.shape == (n, len(COLUMNS)) and graph.edges.shape == (n, n) and graph.n_atoms == n
    assert (graph.codes >= 0).all() and (graph.codes < list(COLUMNS.values())).all()
    assert graph.charges.dtype == np.float32 and np.isfinite(graph.charges).all()
    assert np.abs(graph.charges.sum() - Chem.GetFormalCharge(molecule.rdmol)) < 0.02 or not graph.charges.any()
    np.testing.assert_array_equal(graph.edges, graph.edges.T)
    off_diagonal = graph.edges[~np.eye(n, dtype=bool)]
    assert (np.diag(graph.edges) == 0).all() and (off_diagonal > 0).all() and (off_diagonal < len(EDGE_TYPES)).all()
    hops = Chem.GetDistanceMatrix(molecule.heavy_mol)
    np.testing.assert_array_equal(np.array(EDGE_HOPS)[graph.edges], np.minimum(hops, 7))
    assert graph.triples.max(initial=0) < n and set(graph.signs) <= {-1.0, 1.0}


@pytest.mark.parametrize("smiles", SMILES)
def test_a_permutation_of_the_atoms_permutes_the_arrays(smiles):
    heavy = Chem.MolFromSmiles(smiles)
    graph = featurize(Molecule.from_rdkit(heavy))
    order = np.random.default_rng(1).permutation(heavy.GetNumAtoms())
    other = featurize(Molecule.from_rdkit(Chem.RenumberAtoms(heavy, order.tolist())))
    np.testing.assert_array_equal(other.codes, graph.codes[order])
    np.testing.assert_array_equal(other.edges, graph.edges[order][:, order])
    np.testing.assert_allclose(other.charges, graph.charges[order], atol=1e-6)
    place = np.argsort(order)
    assert oriented(other.triples, other.signs) == oriented(place[graph.triples], graph.signs)


def oriented(triples: np.ndarray, signs: np.ndarray) -> set[tuple[int, ...]]:
    """Triples with their neighbours in rising order, the sign turned with every swap."""
    rows = set()
    for (centre, *others), sign in zip(triples.tolist(), signs.tolist(), strict=True):
        swaps = sum(others[a] > others[b] for a in range(3) for b in range(a + 1, 3))
        rows.add((centre, *sorted(others), int(sign) * (-1) ** swaps))
    return rows


def test_hydrogens_that_come_first_change_nothing():
    molecule = Molecule.from_smiles("CC[C@H](O)/C=C/F")
    order = [*range(molecule.n_heavy, molecule.n_atoms), *range(molecule.n_heavy)]
    mixed = Molecule.from_rdkit(Chem.RenumberAtoms(molecule.rdmol, order))
    for name in ("codes", "edges", "triples", "signs"):
        np.testing.assert_array_equal(getattr(featurize(mixed), name), getattr(featurize(molecule), name))


def test_a_structure_gives_the_graph_of_its_smiles():
    molecule = Molecule.from_smiles("CC[C@H](O)/C=C/F")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMolecule(mol, randomSeed=1)
    for name, array in vars(featurize(Molecule.from_rdkit(mol))).items():
        np.testing.assert_allclose(array, getattr(featurize(molecule), name), atol=1e-6)


def test_codes_say_what_they_mean():
    graph = featurize(Molecule.from_smiles("C[C@H](O)c1ccccc1"))
    assert column(graph, "element") == [1, 1, 3, 1, 1, 1, 1, 1, 1]
    assert (
        column(graph, "aromatic")
        == [0, 0, 0, 1, 1, 1, 1, 1, 1]
        == column(graph, "ring_6")
        == column(graph, "ring_count")
    )
    assert column(graph, "hydrogens") == [3, 1, 1, 0, 1, 1, 1, 1, 1]
    assert column(graph, "degree") == [1, 3, 1, 3, 2, 2, 2, 2, 2]
    assert not any(column(graph, "ring_5"))
    nitro = featurize(Molecule.from_smiles("C[N+](=O)[O-]"))
    assert column(nitro, "formal_charge") == [2, 3, 2, 1]


def test_mirror_images_differ_only_in_chirality_and_signs():
    right, left = (featurize(Molecule.from_smiles(s)) for s in ("CC[C@H](O)C#N", "CC[C@@H](O)C#N"))
    assert sorted((right.codes[2, CHIRALITY_COLUMN], left.codes[2, CHIRALITY_COLUMN])) == [1, 2]
    np.testing.assert_array_equal(*(np.delete(g.codes, CHIRALITY_COLUMN, axis=1) for g in (right, left)))
    np.testing.assert_array_equal(right.edges, left.edges)
    np.testing.assert_array_equal(right.signs, -left.signs)


@pytest.mark.parametrize(("smiles", "edge"), [("C/C=C/C", "trans"), ("C/C=C\\C", "cis"), ("CCCC", "hop3")])
def test_edges_tell_cis_from_trans(smiles, edge):
    graph = featurize(Molecule.from_smiles(smiles))
    assert EDGE_TYPES[graph.edges[0, 3]] == edge and EDGE_TYPES[graph.edges[0, 2]] == "hop2"


def test_bonds_have_their_types():
    graph = featurize(Molecule.from_smiles("C/C=C/C#Cc1ccccc1"))
    names = {EDGE_TYPES[k] for k in np.unique(graph.edges)}
    assert {"single", "double", "triple", "aromatic", "trans"} <= names


@pytest.mark.parametrize("key", ["CC=C=CC;P(0,1,3,4)", "Oc1ccc2ccccc2c1-c1c(O)ccc2ccccc12;M(1,10,11,12)"])
def test_an_axis_is_an_oriented_quadruple_where_it_is_asked_for(key):
    molecule = Molecule.from_smiles(key)
    plain, told = featurize(molecule), featurize(molecule, axes=True)
    assert not len(plain.signs) and len(told.signs) == 1 and np.array_equal(plain.edges, told.edges)
    i, a, b, c = told.triples[0]
    for seed in range(3):
        mol = Chem.AddHs(molecule.rdmol)
        AllChem.EmbedMolecule(mol, randomSeed=seed)
        x = np.array(mol.GetConformer().GetPositions())[None, : molecule.n_heavy]
        right = np.sign(molecule.axes[0].values(x)[0]) == molecule.axes[0].sign
        volume = np.linalg.det(x[0, [a, b, c]] - x[0, i])
        assert (np.sign(volume) == told.signs[0]) == right


def test_an_axis_of_a_butatriene_is_cis_or_trans():
    molecule = Molecule.from_smiles("CC=C=C=CC;Z(0,1,4,5)")
    edges = featurize(molecule, axes=True).edges
    assert EDGE_TYPES[edges[0, 5]] == EDGE_TYPES[edges[5, 0]] == "cis"
    assert EDGE_TYPES[featurize(molecule).edges[0, 5]] == "hop5"


def test_charges_that_gasteiger_does_not_know_are_zero_for_all_atoms():
    graph = featurize(Molecule.from_smiles("C[Se](C)(=O)=O"))
    assert not graph.charges.any()


def test_an_unknown_element_is_named():
    with pytest.raises(InputError, match=r"contains Xe, an element that no model knows"):
        featurize(Molecule.from_smiles("[Xe]"))
