"""Molecules: three ways in agree, stereo against 3D and against CIP's definition, every bad input has its message."""

from __future__ import annotations

import pickle
from functools import cache

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.molecule import Molecule, flat_smiles, molecules_from_sdf
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import write_sdf

CENTRES = [
    "C[C@H](O)CC", "C[C@@H](N)C(=O)O", "F[C@](Cl)(Br)C", "F[C@H](Cl)Br", "C[C@H]1O[C@@H]1C#N", "C[S@](=O)CC",
    "O=C[C@H]1C[C@@H]1CO", "C[C@H]1CC[C@@H](C)CC1", "CC[P@](=O)(OC)C", "OC[C@@]1(C)CCCC[C@H]1F",
    "C[C@@]1(O)CO[C@@H](CO)C1",
]  # fmt: skip
DOUBLE_BONDS = ["C/C=C/C", "C/C=C\\C", "C/C(F)=C(/Cl)CC", "CO/C=N/C", "C/C=C/C=C\\CO", "C/N=C(/C)N", "C1CCC/C=C/CC1"]
PLAIN = ["CCO", "c1ccc2[nH]ccc2c1", "C[N+](=O)[O-]", "FC(F)(F)F", "C", "CC#N"]
QUATERNARY_N = "C[N@@+](CC)(CCC)CO"


@cache
def embedded(smiles: str) -> Molecule:
    """The molecule of a SMILES with one conformer, atoms in the molecule's order."""
    mol = Chem.Mol(Molecule.from_smiles(smiles).rdmol)
    assert AllChem.EmbedMolecule(mol, randomSeed=3) == 0
    return Molecule.from_rdkit(mol)


def frame(molecule: Molecule) -> np.ndarray:
    return molecule.rdmol.GetConformer().GetPositions()


def determinants(molecule: Molecule, x: np.ndarray) -> np.ndarray:
    centre, *others = molecule.triples.T
    return np.linalg.det(np.stack([x[k] - x[centre] for k in others], axis=1))


def torsion_cosines(molecule: Molecule, x: np.ndarray) -> np.ndarray:
    a, i, j, b = (x[k] for k in molecule.double_bonds.T)
    first, second = np.cross(a - i, j - i), np.cross(b - j, j - i)
    return (first * second).sum(-1) / np.linalg.norm(first, axis=-1) / np.linalg.norm(second, axis=-1)


def same(first: Molecule, second: Molecule) -> None:
    assert first.smiles == second.smiles and first.smiles_flat == second.smiles_flat
    for name in ("atomic_numbers", "bonds", "heavy_bonds", "triples", "triple_signs", "double_bonds"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
    np.testing.assert_array_equal(first.double_bond_signs, second.double_bond_signs)


@pytest.mark.parametrize("smiles", CENTRES + DOUBLE_BONDS + PLAIN)
def test_smiles_sdf_and_mol_agree(smiles, tmp_path):
    molecule = Molecule.from_smiles(smiles)
    write_sdf(tmp_path / "m.sdf", molecule, frame(embedded(smiles))[None])
    same(molecule, Molecule.from_sdf(tmp_path / "m.sdf"))
    same(molecule, embedded(smiles))
    same(molecule, Molecule.from_rdkit(Chem.MolFromSmiles(smiles)))


@pytest.mark.parametrize("smiles", CENTRES + DOUBLE_BONDS)
def test_heavy_atoms_come_first_and_any_order_is_the_same_molecule(smiles):
    molecule = embedded(smiles)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(molecule.n_atoms).tolist()
        other = Molecule.from_rdkit(Chem.RenumberAtoms(molecule.rdmol, order))
        assert (other.atomic_numbers[: other.n_heavy] > 1).all() and (other.atomic_numbers[other.n_heavy :] == 1).all()
        assert other.n_heavy == molecule.n_heavy and other.smiles == molecule.smiles
        assert len(other.triples) == len(molecule.triples)
        assert (np.sign(determinants(other, frame(other))) == other.triple_signs).all()
        assert (np.sign(torsion_cosines(other, frame(other))) == other.double_bond_signs).all()


@pytest.mark.parametrize("smiles", [*CENTRES, QUATERNARY_N])
def test_signs_of_stereocentres_are_those_of_a_conformer_and_of_its_mirror_image(smiles):
    molecule = Molecule.from_smiles(smiles)
    x = frame(embedded(smiles))
    assert len(molecule.triples) and molecule.has_stereo
    np.testing.assert_array_equal(np.sign(determinants(molecule, x)), molecule.triple_signs)
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMolecule(mol, randomSeed=3)
    mol.GetConformer().SetPositions(-x)
    mirrored = Molecule.from_rdkit(mol)
    np.testing.assert_array_equal(mirrored.triples, molecule.triples)
    np.testing.assert_array_equal(mirrored.triple_signs, -molecule.triple_signs)
    inverse = Chem.MolFromSmiles(smiles.replace("@@", "!").replace("@", "@@").replace("!", "@"))
    assert mirrored.smiles == Chem.MolToSmiles(inverse)


@pytest.mark.parametrize("smiles", ["F[C@](Cl)(Br)C", "C[C@H](O)CC", "C[C@@H](N)C(=O)O"])
def test_signs_follow_the_definition_of_r_and_s(smiles):
    for text in (smiles, smiles.replace("@@", "!").replace("@", "@@").replace("!", "@")):
        molecule = Molecule.from_smiles(text)
        mol = Chem.Mol(molecule.rdmol)
        Chem.AssignStereochemistry(mol, force=True, flagPossibleStereoCenters=True)
        rank = [int(atom.GetProp("_CIPRank")) for atom in mol.GetAtoms()]
        label = mol.GetAtomWithIdx(int(molecule.triples[0, 0])).GetProp("_CIPCode")
        best = max(range(len(molecule.triples)), key=lambda k: sum(rank[a] for a in molecule.triples[k, 1:]))
        neighbours = [rank[a] for a in molecule.triples[best, 1:]]
        swaps = sum(neighbours[a] < neighbours[b] for a in range(3) for b in range(a + 1, 3))
        # from high to low priority, seen with the lowest behind: clockwise is R, and a negative determinant
        assert molecule.triple_signs[best] * (-1) ** swaps == (-1 if label == "R" else 1)


def test_a_centre_has_a_triple_for_each_three_heavy_neighbours():
    assert len(Molecule.from_smiles("C[C@H](O)CC").triples) == 1
    assert len(Molecule.from_smiles("F[C@](Cl)(Br)C").triples) == 4
    assert not Molecule.from_smiles("CCO").has_stereo


@pytest.mark.parametrize("smiles", DOUBLE_BONDS)
def test_double_bonds_are_cis_and_trans_as_in_a_conformer(smiles):
    molecule = Molecule.from_smiles(smiles)
    cosines = torsion_cosines(molecule, frame(embedded(smiles)))
    assert len(cosines) and molecule.has_stereo
    np.testing.assert_array_equal(np.sign(cosines), molecule.double_bond_signs)


def test_the_other_isomer_of_a_double_bond_has_the_other_sign():
    trans, cis = Molecule.from_smiles("C/C=C/C"), Molecule.from_smiles("C/C=C\\C")
    np.testing.assert_array_equal(trans.double_bonds, cis.double_bonds)
    assert trans.double_bond_signs.tolist() == [-1] and cis.double_bond_signs.tolist() == [1]


@pytest.mark.parametrize(
    ("smiles", "message"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("C(", "'C\\(' is not a valid SMILES: its syntax cannot be parsed"),
        ("C1CC", "syntax"),
        ("CN(C)(C)C", "valence for atom # 1 n"),
        ("c1cccc1", "kekulize"),
        ("C.C", "several fragments"),
        ("N.N.Cl[Pt]Cl", "contains Pt, an element that no model knows"),
        ("[Na+].[Cl-]", "several fragments"),
        ("[H][H]", "no heavy atom"),
        ("*C", "dummy atom"),
        ("CC(O)CN", r"stereo of atom 1 \(C\) open; name one isomer \(C\[C@@H\]\(O\)CN, C\[C@H\]\(O\)CN\)"),
        ("CC=CC", r"stereo of double bond 1=2 open; name one isomer \(C/C=C/C, C/C=C\\C\)"),
        ("CC(O)C=CC", "atom 1 .C. and double bond 3=4 open"),
        ("CC(O)C=C=CC", "stereo of atom 1 .C. and the axis 3-5 open"),
        ("CC(F)" * 7 + "C", "more than 32 isomers"),
    ],
)
def test_every_bad_smiles_has_its_message(smiles, message):
    with pytest.raises(InputError, match=message) as caught:
        Molecule.from_smiles(smiles)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_bad_mols_are_named_too():
    with pytest.raises(InputError, match="no atoms"):
        Molecule.from_rdkit(Chem.Mol())
    with pytest.raises(InputError, match="sanitise.*valence"):
        Molecule.from_rdkit(Chem.MolFromSmiles("CN(C)(C)C", sanitize=False))
    assert Molecule.from_rdkit(Chem.MolFromSmiles("c1ccccc1", sanitize=False)).smiles == "c1ccccc1"


def test_flat_smiles_is_one_key_for_all_isomers_isotopes_and_atom_orders():
    keys = {"C[C@H](O)/C=C/C", "C[C@@H](O)/C=C\\C", "C/C=C/C(C)O", "[2H]C([C@H](O)C=CC)", "[13CH3]C(O)C=CC"}
    assert {flat_smiles(smiles) for smiles in keys} == {flat_smiles("CC=CC(C)O")}
    assert flat_smiles(embedded("C[C@H](O)CC").rdmol) == flat_smiles("CCC(C)O") == embedded("C[C@H](O)CC").smiles_flat
    assert flat_smiles("CCO") != flat_smiles("COC")
    with pytest.raises(InputError, match="not a valid SMILES"):
        flat_smiles("C(")


def test_names():
    mol = Chem.MolFromSmiles("CCO")
    mol.SetProp("_Name", " ethanol ")
    assert Molecule.from_rdkit(mol).name == "ethanol" and Molecule.from_rdkit(mol, "mine").name == "mine"
    assert Molecule.from_smiles("CCO").name == "molecule" and "CCO" in repr(Molecule.from_smiles("CCO"))


def write_entries(path, *mols) -> None:
    with Chem.SDWriter(str(path)) as writer:
        for mol in mols:
            writer.write(mol)


def test_entries_of_one_molecule_are_its_conformers(tmp_path):
    butanol = embedded("C[C@H](O)CC")
    frames = np.stack([frame(butanol), frame(butanol) + 1.0, -frame(butanol)])  # the last is the other isomer
    write_sdf(tmp_path / "m.sdf", butanol, frames)
    first, second = molecules_from_sdf(tmp_path / "m.sdf")
    assert first.rdmol.GetNumConformers() == 2 and first.smiles == butanol.smiles != second.smiles
    np.testing.assert_allclose(first.rdmol.GetConformer(1).GetPositions(), frames[1], atol=1e-4)


def test_hydrogens_that_an_sdf_lacks_get_places(tmp_path):
    write_entries(tmp_path / "m.sdf", Chem.RemoveHs(embedded("C[C@H](O)CC").rdmol))
    molecule = Molecule.from_sdf(tmp_path / "m.sdf")
    assert molecule.n_atoms == 15 and molecule.smiles == embedded("C[C@H](O)CC").smiles
    lengths = np.linalg.norm(np.diff(frame(molecule)[molecule.bonds], axis=1), axis=-1)
    assert 0.9 < lengths.min() and lengths.max() < 1.6


def test_a_drawing_gives_stereo_but_no_structure(tmp_path):
    mol = Chem.MolFromSmiles("C[C@H](O)/C=C/C")
    AllChem.Compute2DCoords(mol)
    Chem.WedgeMolBonds(mol, mol.GetConformer())
    write_entries(tmp_path / "m.sdf", mol)
    molecule = Molecule.from_sdf(tmp_path / "m.sdf")
    assert molecule.smiles == Chem.MolToSmiles(mol) and molecule.rdmol.GetNumConformers() == 0


def test_broken_sdf_files_are_named(tmp_path):
    path = tmp_path / "m.sdf"
    with pytest.raises(InputError, match="no file"):
        molecules_from_sdf(path)
    path.write_text("")
    with pytest.raises(InputError, match="holds no molecule"):
        molecules_from_sdf(path)
    good = Chem.MolToMolBlock(embedded("CCO").rdmol) + "$$$$\n"
    path.write_text(good + good.replace("V2000", "V9999"))
    with pytest.raises(InputError, match="Entry 2"):
        molecules_from_sdf(path)
    atoms = Chem.RWMol(embedded("CCO").rdmol)
    for bond in list(atoms.GetBonds()):
        atoms.RemoveBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
    write_entries(path, atoms)
    with pytest.raises(InputError, match="no bonds"):
        molecules_from_sdf(path)
    path.write_text(good + good.replace("V2000", "V9999") + good)
    failed: list[int] = []
    (kept,) = molecules_from_sdf(path, failed=lambda number, title, mol, error: failed.append(number))
    assert failed == [2] and kept.rdmol.GetNumConformers() == 2


def test_a_molecule_travels_whole() -> None:
    for smiles in ("C/C=C\\[C@H](O)C#N", "C[NH3+]"):
        mol = Molecule.from_smiles(smiles).rdmol
        positions = np.random.default_rng(0).normal(size=(mol.GetNumAtoms(), 3))
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.SetPositions(positions)
        mol.AddConformer(conformer)
        mol.SetProp("smiles", smiles)
        sent = Molecule(mol, "its name")
        came = pickle.loads(pickle.dumps(sent))
        assert (came.name, came.smiles, came.rdmol.GetProp("smiles")) == (sent.name, sent.smiles, smiles)
        np.testing.assert_array_equal(came.rdmol.GetConformer().GetPositions(), positions)
        np.testing.assert_array_equal(came.triples, sent.triples)
        np.testing.assert_array_equal(came.triple_signs, sent.triple_signs)
        np.testing.assert_array_equal(came.double_bond_signs, sent.double_bond_signs)
