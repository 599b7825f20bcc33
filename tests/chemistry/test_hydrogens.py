"""Hydrogens put back on heavy-atom frames: lengths, stereo, seeds, causality, distorted frames, dynamics."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.hydrogens import add_hydrogens
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.sdf import with_conformers

STEREO = [
    "C[C@H](O)CC", "C[C@@H](N)C(=O)O", "O=C[C@H]1C[C@@H]1CO", "C/C=C/C", "C/C=C\\CO", "CO/C=N/C", "C[C@H]1O[C@@H]1C#N",
    "F[C@H](Cl)Br", "C[NH2+][C@@H](C)CC", "[H]/N=C/OC", "[H]/N=C\\OC",
]  # fmt: skip
OTHERS = [
    "C",
    "N",
    "O",
    "[NH4+]",
    "CO",
    "CC",
    "C#C",
    "C=C",
    "C=C=C",
    "NC=O",
    "Nc1ccccc1O",
    "CC#CC",
    "NN",
    "CS",
    "C1CN1",
]


def frames(molecule: Molecule, n: int = 6) -> np.ndarray:
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, n, randomSeed=7)
    return np.array([c.GetPositions() for c in mol.GetConformers()], dtype=np.float32)


def torsion(x: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    first, second = np.cross(x[:, b] - x[:, a], x[:, c] - x[:, b]), np.cross(x[:, c] - x[:, b], x[:, d] - x[:, c])
    axis = x[:, c] - x[:, b]
    sine = (np.cross(first, second) * axis).sum(-1) / np.linalg.norm(axis, axis=-1)
    return np.arctan2(sine, (first * second).sum(-1))


@pytest.mark.parametrize("smiles", STEREO)
def test_rdkit_reads_the_same_isomer_from_every_frame(smiles):
    molecule = Molecule.from_smiles(smiles)
    heavy = frames(molecule)[:, : molecule.n_heavy]
    positions = add_hydrogens(molecule, heavy, seed=3, frame_ps=5.2)
    mol = with_conformers(molecule.rdmol, positions)
    for k in range(len(positions)):
        Chem.AssignStereochemistryFrom3D(mol, k, replaceExistingTags=True)
        assert Chem.MolToSmiles(mol) == Chem.MolToSmiles(molecule.rdmol)


@pytest.mark.parametrize("smiles", STEREO + OTHERS)
def test_bonds_are_ideal_and_nothing_collides(smiles):
    molecule = Molecule.from_smiles(smiles)
    full = frames(molecule)
    positions = add_hydrogens(molecule, full[:, : molecule.n_heavy], seed=0, frame_ps=5.2)
    np.testing.assert_array_equal(positions[:, : molecule.n_heavy], full[:, : molecule.n_heavy])
    assert positions.dtype == np.float32 and np.isfinite(positions).all()
    for i, j in molecule.bonds[molecule.bonds[:, 1] >= molecule.n_heavy]:
        made, wanted = (np.linalg.norm(x[:, i] - x[:, j], axis=-1) for x in (positions, full))
        np.testing.assert_allclose(made, made[0], atol=1e-4)
        assert abs(made[0] - wanted.mean()) < 0.08
    apart = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)
    hydrogens = slice(molecule.n_heavy, None)
    assert (apart[:, hydrogens, hydrogens] + 10 * np.eye(molecule.n_atoms - molecule.n_heavy)).min() > 1.2


def test_same_seed_same_bytes_and_no_frame_knows_the_future():
    molecule = Molecule.from_smiles("CC(C)(O)CCN")
    heavy = np.repeat(frames(molecule, 1)[:, : molecule.n_heavy], 600, axis=0)
    first = add_hydrogens(molecule, heavy, seed=5, frame_ps=1.0)
    assert first.tobytes() == add_hydrogens(molecule, heavy, seed=5, frame_ps=1.0).tobytes()
    assert first.tobytes() != add_hydrogens(molecule, heavy, seed=6, frame_ps=1.0).tobytes()
    np.testing.assert_array_equal(add_hydrogens(molecule, heavy[:300], seed=5, frame_ps=1.0), first[:300])


def test_the_result_turns_with_the_molecule():
    molecule = Molecule.from_smiles("CC(C)(O)CCN")
    heavy = frames(molecule, 3)[:, : molecule.n_heavy].astype(np.float64)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    here = add_hydrogens(molecule, heavy, seed=1, frame_ps=5.2)
    there = add_hydrogens(molecule, heavy @ rotation + 5.0, seed=1, frame_ps=5.2)
    bonds = molecule.bonds[molecule.bonds[:, 1] >= molecule.n_heavy]
    assert here.shape == there.shape and len(bonds) == 13
    # bends are drawn in space, so only within a bend's size
    assert np.abs(here @ rotation + 5.0 - there).max() < 0.6


def test_methyl_is_staggered_and_hops_more_over_longer_times():
    molecule = Molecule.from_smiles("CCC")
    heavy = np.repeat(frames(molecule, 1)[:, :3], 4000, axis=0)
    hops = []
    for spacing in (0.5, 20.0):
        x = add_hydrogens(molecule, heavy, seed=2, frame_ps=spacing)
        hydrogen = next(n.GetIdx() for n in molecule.rdmol.GetAtomWithIdx(0).GetNeighbors() if n.GetAtomicNum() == 1)
        degrees = np.degrees(torsion(x, hydrogen, 0, 1, 2)) % 360
        assert 20 < np.median(np.abs(degrees % 120)) < 100 and (np.abs(degrees % 120 - 60) < 40).mean() > 0.95
        share = np.bincount((degrees // 120).astype(int), minlength=3) / len(x)
        if spacing > 1:
            np.testing.assert_allclose(share, 1 / 3, atol=0.06)
        hops.append((np.diff(degrees // 120) != 0).mean())
    assert hops[0] < 0.05 and hops[1] > 4 * hops[0]


def test_distorted_frames_stay_finite():
    molecule = Molecule.from_smiles("CC[C@H](O)CN")
    line = np.zeros((4, molecule.n_heavy, 3), dtype=np.float32)
    line[..., 0] = 1.5 * np.arange(molecule.n_heavy)
    assert np.isfinite(add_hydrogens(molecule, line, seed=0, frame_ps=5.2)).all()


def test_a_flattened_stereocentre_gets_its_hydrogen_on_the_side_of_the_isomer():
    for smiles in ("F[C@H](Cl)Br", "F[C@@H](Cl)Br"):
        molecule = Molecule.from_smiles(smiles)
        heavy = frames(molecule, 1)[:, :4].copy()
        axis = np.cross(heavy[0, 2] - heavy[0, 0], heavy[0, 3] - heavy[0, 0])
        axis /= np.linalg.norm(axis)
        heavy[0, 1] -= 1.001 * ((heavy[0, 1] - heavy[0, 0]) @ axis) * axis  # a hair on the wrong side
        mol = with_conformers(molecule.rdmol, add_hydrogens(molecule, heavy, seed=0, frame_ps=5.2))
        Chem.AssignStereochemistryFrom3D(mol, 0, replaceExistingTags=True)
        assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == molecule.smiles


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda x: x[:, :-1], "do not fit"), (lambda x: x[0], "do not fit"), (lambda x: x * np.nan, "not finite")],
)
def test_bad_input_is_named(change, message):
    molecule = Molecule.from_smiles("CCO")
    with pytest.raises(InputError, match=message):
        add_hydrogens(molecule, change(frames(molecule)[:, :3]), seed=0, frame_ps=5.2)
