"""Atoms of foreign structures are found by the graph: any order, symmetry, stereo, without hydrogens, in water."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import InputError
from eginterpolator.files.matching import Atoms, match_atoms, misfit

SMILES = (
    "CCO", "CC(=O)O", "C=CC", "CC=O", "C=CC=C", "C#CC=C", "CC[C@H](O)C#CCOC", "C/C=C/CN(C)C=O", "C/C=C\\C",
    "C[C@H](F)[C@@H](F)C", "C[C@H](F)[C@H](F)C", "O[C@H]1CC[C@@H](O)CC1", "CC(C)(C)c1ccc(cc1)C(F)(F)F",
    "O=C(O)c1ccccc1C(=O)O", "N=C(N)c1ccccc1", "CC1=CN=CN1", "[O-]C(=O)CC[NH3+]", "CS(=O)(=O)N", "C1CC1Br",
    "FC(F)(F)C(F)(F)C(F)(F)F", "OP(=O)(O)OC", "CC(=O)Nc1ccc(O)cc1",
)  # fmt: skip


@cache
def structure(smiles: str) -> tuple[Molecule, np.ndarray]:
    molecule = Molecule.from_smiles(smiles)
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMolecule(mol, randomSeed=1)
    AllChem.MMFFOptimizeMolecule(mol)
    return molecule, mol.GetConformer().GetPositions()


def atoms(molecule: Molecule, frame: np.ndarray, order: np.ndarray, bonds: np.ndarray | None = None) -> Atoms:
    return Atoms([(int(molecule.atomic_numbers[k]),) for k in order], frame[order], bonds, "frame 0 of 'x'")


@pytest.mark.parametrize("hydrogens", [True, False])
@pytest.mark.parametrize("smiles", SMILES)
def test_any_order_of_atoms_is_put_right(smiles, hydrogens):
    molecule, frame = structure(smiles)
    count = molecule.n_atoms if hydrogens else molecule.n_heavy
    for seed in range(4):
        random = np.random.default_rng(seed)
        shaken = frame + random.normal(0.0, 0.01, frame.shape)
        order = random.permutation(count)
        rows = match_atoms(atoms(molecule, shaken, order), molecule)
        found = shaken[order][rows]
        assert sorted(rows) == list(range(count))
        assert not misfit(molecule, found) and frame_stereo(molecule, found[None])[0]
        # the same up to symmetry: every pair of bonded atoms is as far apart as it was, orders of bonds included
        numbers = molecule.atomic_numbers[:count]
        assert (numbers[order][rows] == numbers).all()
        bonds = molecule.heavy_bonds
        old, new = (np.linalg.norm(np.diff(x[bonds], axis=1)[:, 0], axis=-1) for x in (shaken, found))
        by_order = [b.GetBondTypeAsDouble() for b in (molecule.rdmol.GetBondBetweenAtoms(*map(int, p)) for p in bonds)]
        for kind in set(by_order):
            same = np.array(by_order) == kind
            if not molecule.smiles.count("-]"):
                np.testing.assert_allclose(np.sort(old[same]), np.sort(new[same]), atol=1e-6)


@pytest.mark.parametrize("smiles", SMILES)
def test_the_own_order_stays(smiles):
    molecule, frame = structure(smiles)
    for count in (molecule.n_atoms, molecule.n_heavy):
        rows = match_atoms(atoms(molecule, frame, np.arange(count)), molecule)
        np.testing.assert_array_equal(rows, np.arange(count))


def test_a_bond_that_is_too_long_is_named():
    molecule, frame = structure("CCO")
    far = frame.copy()
    far[2] += (far[2] - far[1]) / np.linalg.norm(far[2] - far[1]) * (3.67 - np.linalg.norm(far[2] - far[1]))
    far[8] += far[2] - frame[2]  # its hydrogen goes with it
    for bonds in (None, molecule.bonds):
        with pytest.raises(InputError, match=r"^Frame 0 of 'x' is no structure of CCO: a C-O bond is 3\.67 Å"):
            match_atoms(atoms(molecule, far, np.arange(9), bonds), molecule)
    order = np.random.default_rng(0).permutation(9)
    with pytest.raises(InputError, match=r"CCO"):
        match_atoms(atoms(molecule, far, order), molecule)


def test_two_atoms_that_changed_places_are_put_back():
    """The case that was accepted: elements in the right order, atoms of one element exchanged."""
    molecule, frame = structure("CCOC")
    swapped = np.array([3, 1, 2, 0, *range(4, 12)])
    wrong = frame[swapped]
    assert misfit(molecule, wrong).startswith("a C-")
    rows = match_atoms(Atoms([(int(z),) for z in molecule.atomic_numbers], wrong, None, "x"), molecule)
    assert not misfit(molecule, wrong[rows]) and rows.tolist() != list(range(12))


def test_other_molecules_isomers_and_parts_are_refused_in_one_sentence():
    molecule, frame = structure("CC[C@H](O)C#CCOC")
    everything = np.arange(molecule.n_atoms)
    for smiles, source, message in (
        ("CC[C@@H](O)C#CCOC", atoms(molecule, frame, everything), "shows another stereoisomer than"),
        ("CC[C@H](O)C#CCOC", atoms(molecule, -frame, everything[::-1]), "shows another stereoisomer than"),
        ("CCC(O)CC#COC".replace("C(O)", "[C@H](O)"), atoms(molecule, frame, everything), "not bonded|no structure of"),
        ("CCO", atoms(molecule, frame, everything), r"not those of CCO: it has C7O2 beside hydrogens"),
        (
            "CC[C@H](O)C#CCOC",
            atoms(molecule, frame, everything[:-2]),
            "10 of the 12 hydrogens .* all of them, or none",
        ),
        ("CC[C@H](O)C#CCOC", atoms(molecule, frame * np.nan, everything), "coordinates that are not finite"),
    ):
        with pytest.raises(InputError, match=message) as error:
            match_atoms(source, Molecule.from_smiles(smiles))
        assert str(error.value).count(". ") == 0 and str(error.value).endswith(".")


def test_what_bond_lengths_do_not_tell_is_asked_for():
    molecule, frame = structure("OC(=O)CC(=O)[O-]")
    flat = frame.copy()
    bonds = molecule.heavy_bonds[[set(map(int, molecule.atomic_numbers[b])) == {6, 8} for b in molecule.heavy_bonds]]
    for i, j in bonds:
        carbon, oxygen = (i, j) if molecule.atomic_numbers[i] == 6 else (j, i)
        arrow = flat[oxygen] - flat[carbon]
        flat[oxygen] = flat[carbon] + arrow / np.linalg.norm(arrow) * 1.27
    order = np.random.default_rng(3).permutation(molecule.n_heavy)
    with pytest.raises(InputError, match="has no hydrogens, and its bond lengths do not tell"):
        match_atoms(atoms(molecule, flat, order), molecule)


def test_water_and_ions_beside_it_are_left_out_and_a_second_molecule_is_asked_about():
    molecule, frame = structure("CC(=O)O")
    water = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    around = np.concatenate([water + [9.0, 4.0 * k, 0] for k in range(3)] + [frame, np.full((1, 3), -9.0)])
    elements = [(8,), (1,), (1,)] * 3 + [(int(z),) for z in molecule.atomic_numbers] + [(11, 7)]
    rows = match_atoms(Atoms(elements, around, None, "x"), molecule)
    np.testing.assert_array_equal(rows, np.arange(9, 9 + molecule.n_atoms))
    twice = Atoms([*elements, *elements[9:-1]], np.concatenate([around, frame + [0, 0, 30.0]]), None, "x")
    with pytest.raises(InputError, match="holds 2 molecules of CC"):
        match_atoms(twice, molecule)


@pytest.mark.parametrize("smiles", ["ClCCBr", "C[C@H](Cl)Br", "ClC=C"])
def test_elements_that_a_name_leaves_open_follow_from_the_graph(smiles):
    molecule, frame = structure(smiles)
    order = np.random.default_rng(5).permutation(molecule.n_atoms)
    may = {17: (6, 17), 35: (5, 35), 6: (6, 20), 1: (1, 80)}
    elements = [may[int(molecule.atomic_numbers[k])] for k in order]
    rows = match_atoms(Atoms(elements, frame[order], None, "x"), molecule)
    assert (molecule.atomic_numbers[order][rows] == molecule.atomic_numbers).all()
