"""Frames that no molecule has: stretched bonds, clashes, numbers that are not finite."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from eginterpolator.chemistry.features import FeatureSet, lengths
from eginterpolator.chemistry.validity import frame_checks, frame_valid, mean_lengths, out_of_plane, valid_share
from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import feature_values
from tests.builders.conformers import FLEXIBLE, embedded


@pytest.mark.parametrize(
    "smiles",
    [
        FLEXIBLE,
        "c1ccsc1C(=O)NC",
        "CS(=O)(=O)Nc1ccc(Cl)cc1",
        "FC(F)(F)C#N",
        "BrCCI",
        "COP(=O)(OC)OC",
        "C1CC11CC1",
        "NC(=O)c1ccccc1O",
        "C",
    ],
)
def test_relaxed_structures_with_a_little_noise_are_valid(smiles):
    molecule, frames = embedded(smiles)
    noisy = np.repeat(frames, 5, axis=0)
    noisy = noisy + np.random.default_rng(0).normal(0, 0.03, noisy.shape)
    assert valid_share(molecule, noisy) == 1 and valid_share(molecule, noisy[:, : molecule.n_heavy]) == 1


@pytest.mark.parametrize(("factor", "valid"), [(1.0, True), (1.25, True), (1.4, False), (0.7, False)])
@pytest.mark.parametrize("hydrogens", [True, False])
def test_a_stretched_or_short_bond_is_not_valid(factor, valid, hydrogens):
    molecule, frames = embedded("CCO")
    frames = frames[:1, : None if hydrogens else molecule.n_heavy].copy()
    own = mean_lengths(molecule, [frames])
    along = frames[0, 0] - frames[0, 1]
    moved = [0, *(a.GetIdx() for a in molecule.rdmol.GetAtomWithIdx(0).GetNeighbors() if a.GetAtomicNum() == 1)]
    frames[0, moved if hydrogens else [0]] += along * (factor - 1)
    assert frame_valid(molecule, frames, own)[0] == valid


@pytest.mark.parametrize("hydrogens", [True, False])
def test_a_clash_is_not_valid(hydrogens):
    molecule, frames = embedded("CCCCCC")
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(molecule.n_atoms)
    conformer.SetPositions(frames[0])
    mol.AddConformer(conformer)
    for k in range(3):  # all bonds kept, but the chain bites its tail
        rdMolTransforms.SetDihedralDeg(mol.GetConformer(), k, k + 1, k + 2, k + 3, 0.0)
    folded = mol.GetConformer().GetPositions()[None, : None if hydrogens else molecule.n_heavy]
    assert np.linalg.norm(folded[0, 0] - folded[0, 5]) < 2.1
    assert np.allclose(lengths(folded, molecule.heavy_bonds), lengths(frames[:1], molecule.heavy_bonds), atol=1e-6)
    assert not frame_valid(molecule, folded)[0] and frame_valid(molecule, frames)[0]


def test_frames_that_are_not_finite_are_not_valid_and_lengths_must_fit():
    molecule, frames = embedded("CCO")
    broken = frames[:3].copy()
    broken[0, 0, 0], broken[1, -1, 2] = np.nan, np.inf
    assert frame_valid(molecule, broken).tolist() == [False, False, True]
    everything = lengths(frames, molecule.bonds).mean(axis=0)
    assert frame_valid(molecule, frames, everything).all()
    assert frame_valid(molecule, frames[:, : molecule.n_heavy], everything).all()
    with pytest.raises(InputError, match="reference lengths"):
        frame_valid(molecule, frames, np.ones(4))


def test_checks_tell_what_is_wrong_with_a_frame():
    molecule, frames = embedded("c1ccccc1CC(=O)O")
    known = feature_values(FeatureSet.of(molecule), [frames])["angle"].mean(axis=0)
    bent = frames[:4].copy()
    ring = [a.GetIdx() for a in molecule.heavy_mol.GetAromaticAtoms()]
    normal = np.cross(bent[0, ring[1]] - bent[0, ring[0]], bent[0, ring[2]] - bent[0, ring[0]])
    bent[0, ring[0]] += 0.6 * normal / np.linalg.norm(normal)
    bent[1] = np.nan
    checks = frame_checks(molecule, bent, None, known)
    assert checks["planarity"].tolist() == [False, False, True, True]
    assert checks["bonds"].tolist() == [True, False, True, True]
    assert all(passed.all() for passed in frame_checks(molecule, frames).values())
    flat = out_of_plane(molecule, frames)
    assert flat.shape == (len(frames), 1) and flat.max() < 0.1
    # against a plane through the ring found by least squares on z = a x + b y + c, in the ring's own frame
    x = bent[0, ring] - bent[0, ring].mean(axis=0)
    _, _, axes = np.linalg.svd(x)
    assert out_of_plane(molecule, bent[:1])[0, 0] == pytest.approx(np.abs(x @ axes[2]).max())
    ethanol, frames = embedded("CCO")
    off = frame_checks(ethanol, frames[:1], None, np.radians([109.0 + 35.0]))
    assert not off["angles"][0] and frame_checks(ethanol, frames[:1], None, np.radians([112.0]))["angles"][0]
    assert out_of_plane(ethanol, frames).shape == (len(frames), 0)
