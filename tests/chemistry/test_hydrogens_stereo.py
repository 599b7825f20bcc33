"""Hydrogens on the side that isotopes, imines and lone pairs ask for; and on carbanions, radicals and silicon."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.graph import featurize
from eginterpolator.chemistry.hydrogens import add_hydrogens
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo, stereo_retention
from eginterpolator.errors import InputError

PAIRS = [
    ("C[C@H]([2H])O", "C[C@@H]([2H])O"),
    ("O[C@]([2H])([3H])C", "O[C@@]([2H])([3H])C"),
    ("CC[C@H]([2H])c1ccccc1", "CC[C@@H]([2H])c1ccccc1"),
    ("[2H][C@@H]([3H])OC", "[2H][C@H]([3H])OC"),
    ("[H]/N=C(/C)CC", "[H]/N=C(\\C)CC"),
    ("[2H]/C=C/C", "[2H]/C=C\\C"),
    ("[2H]/C=C/[2H]", "[2H]/C=C\\[2H]"),
]


def heavy_frames(molecule: Molecule, n: int = 6) -> np.ndarray:
    mol = Chem.Mol(molecule.rdmol)
    assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0  # type: ignore[attr-defined]
    return np.repeat(mol.GetConformer().GetPositions()[None, : molecule.n_heavy], n, axis=0).astype(np.float32)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_each_isomer_gets_its_own_hydrogens(one, other):
    """From the same heavy atoms: the structures are read back by RDKit as what was asked for."""
    molecules = [Molecule.from_smiles(smiles) for smiles in (one, other)]
    heavy = heavy_frames(molecules[0])
    for molecule in molecules:
        frames = add_hydrogens(molecule, heavy, seed=3)
        assert stereo_retention(molecule, frames) == 1
        assert not frame_stereo(molecules[molecule is molecules[0]], frames).any()
        mol = Chem.Mol(molecule.rdmol)
        conformer = Chem.Conformer(molecule.n_atoms)
        conformer.Set3D(True)
        conformer.SetPositions(frames[-1].astype(np.float64))
        mol.AddConformer(conformer)
        assert Molecule.from_rdkit(mol).key == molecule.key
    assert molecules[0].key != molecules[1].key


def test_a_lone_pair_makes_a_centre_of_a_phosphorus_with_one_hydrogen():
    one, other = (Molecule.from_smiles(smiles) for smiles in ("C[P@H]CC", "C[P@@H]CC"))
    frames = add_hydrogens(one, heavy_frames(one), seed=3)
    assert one.key != other.key and frame_stereo(one, frames).all() and not frame_stereo(other, frames).any()


def test_isotopes_change_no_feature():
    for labelled, plain in (("C[C@H]([2H])O", "CCO"), ("C[C@@H]([2H])O", "CCO"), ("[13CH3]CO", "CCO")):
        one, other = (featurize(Molecule.from_smiles(smiles)) for smiles in (labelled, plain))
        assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("codes", "edges", "triples"))


@pytest.mark.parametrize(
    "smiles",
    ["C[CH-]C", "C[CH]C", "C[SiH]C", "C[SiH-]C", "C1C[CH-]1", "C[PH-]C", "C[CH]c1ccccc1", "C[CH+]C", "N[CH-]N"],
)
def test_one_hydrogen_between_two_neighbours(smiles):
    molecule = Molecule.from_smiles(smiles)
    frames = add_hydrogens(molecule, heavy_frames(molecule), seed=1)
    assert np.isfinite(frames).all()
    apart = np.linalg.norm(frames[:, :, None] - frames[:, None], axis=-1) + 9 * np.eye(molecule.n_atoms)
    assert apart.min() > 0.9
    centre = next(a for a in molecule.rdmol.GetAtoms() if a.GetTotalNumHs(True) == 1 and a.GetNumExplicitHs() < 2)
    hydrogen = next(n.GetIdx() for n in centre.GetNeighbors() if n.GetAtomicNum() == 1)
    first, second = (n.GetIdx() for n in centre.GetNeighbors() if n.GetAtomicNum() > 1)
    vectors = [frames[:, k] - frames[:, centre.GetIdx()] for k in (first, second, hydrogen)]
    unit = [v / np.linalg.norm(v, axis=-1, keepdims=True) for v in vectors]
    height = np.abs(np.einsum("ti,ti->t", unit[2], np.cross(unit[0], unit[1])))
    flat = centre.GetNumRadicalElectrons() == 1 and centre.GetAtomicNum() == 6 or centre.GetFormalCharge() == 1
    assert (height < 0.35).all() if flat else (height > 0.3).all()


@pytest.mark.parametrize("smiles", ["CC[PH3]C", "C[PH4]", "C[PH2](C)C", "[PH5]"])
def test_more_hydrogens_than_there_is_room_for_are_refused_in_one_sentence(smiles):
    molecule = Molecule.from_smiles(smiles)
    with pytest.raises(InputError, match=r"Hydrogens cannot be put on atom \d+ \(P\).*run with --no-hydrogens\.$"):
        add_hydrogens(molecule, np.random.default_rng(0).normal(size=(2, molecule.n_heavy, 3)) * 2)
