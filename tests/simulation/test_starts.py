"""Start structures: diverse, of the isomer, whole; superposition."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from rdkit.Chem import rdDistGeom

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.errors import GenerationError
from eginterpolator.generation.etkdg import etkdg_conformers
from eginterpolator.simulation import starts
from eginterpolator.simulation.starts import broken_bonds, kabsch_rmsd, start_conformers, superpose
from tests.builders.networks import CHIRAL


def _rotation(seed: int) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


@pytest.mark.parametrize("smiles", [CHIRAL, "C/C=C\\CO", "C/C=C/CO", "C[C@@]1(CC)CO1"])
def test_start_conformers_are_diverse_and_keep_the_isomer(smiles: str) -> None:
    molecule = Molecule.from_smiles(smiles)
    found = start_conformers(molecule, 3, seed=5)
    assert found.shape == (3, molecule.n_atoms, 3)
    assert frame_stereo(molecule, found).all()
    assert not frame_stereo(molecule, found * [1, 1, -1]).any() or not len(molecule.triples)
    np.testing.assert_array_equal(found, start_conformers(molecule, 3, seed=5))
    heavy = found[:, : molecule.n_heavy]
    if smiles == CHIRAL:
        assert min(kabsch_rmsd(heavy[1:], heavy[0]).min(), kabsch_rmsd(heavy[2:], heavy[1]).min()) > 0.3


def test_double_bond_stereo_is_told_apart() -> None:
    cis, trans = Molecule.from_smiles("C/C=C\\CO"), Molecule.from_smiles("C/C=C/CO")
    assert not frame_stereo(cis, start_conformers(trans, 2)).any()
    assert not frame_stereo(trans, start_conformers(cis, 2)).any()


def test_a_molecule_without_3d_structure_is_an_error() -> None:
    impossible = Molecule.from_smiles("C1C[C@H]2C[C@H]1O2")  # bridgeheads that only a trans bridge could join
    with pytest.raises(GenerationError, match="no 3D structure"):
        start_conformers(impossible, 1)


def test_an_isomer_that_etkdg_would_try_for_hours_is_given_up(monkeypatch) -> None:
    endless = Molecule.from_smiles(
        "CO[C@@]12CC[C@@]3(C[C@@H]1[C@](C)(O)C(C)(C)C)[C@H]1Cc4ccc(O)c5c4[C@@]3(CCN1CC1CC1)[C@H]2O5"
    )
    monkeypatch.setattr("eginterpolator.simulation.starts.EMBED_SECONDS", 1)
    monkeypatch.setattr("eginterpolator.chemistry.etkdg.EMBED_SECONDS", 1)
    with pytest.raises(GenerationError, match="finds no 3D structure"):
        start_conformers(endless, 1)
    with pytest.raises(GenerationError, match="embeds only 0 of 2"):
        etkdg_conformers(endless, 2)


@pytest.mark.parametrize(("seconds", "wanted"), [(60.0, 3), (1.0, 0)])
def test_one_after_another_come_conformers_where_one_call_had_no_time_for_all(monkeypatch, seconds, wanted) -> None:
    """A call that runs out of time leaves nothing behind; one that gave up earlier would do so again."""
    molecule = Molecule.from_smiles("CC[C@H](O)CCOC")
    clock, embed = SimpleNamespace(now=0.0), rdDistGeom.EmbedMolecule

    def nothing(mol, count, parameters):
        clock.now += seconds
        return [-1]

    def one(mol, parameters):
        clock.now += 25.0
        return embed(mol, parameters)

    monkeypatch.setattr(rdDistGeom, "EmbedMultipleConfs", nothing)
    monkeypatch.setattr(rdDistGeom, "EmbedMolecule", one)
    monkeypatch.setattr(starts.time, "monotonic", lambda: clock.now)
    found = starts._embedded(molecule, 10, seed=2)
    assert found.GetNumConformers() == wanted, "three are begun within 60 seconds of 25 each"
    if wanted:
        frames = np.stack([conformer.GetPositions() for conformer in found.GetConformers()])
        assert frame_stereo(molecule, frames).all() and kabsch_rmsd(frames[1:], frames[0]).min() > 0.1
        assert start_conformers(molecule, 2, seed=2).shape == (2, molecule.n_atoms, 3)


def test_rmsd_and_superposition_ignore_rigid_motion_but_not_mirror_images() -> None:
    points = np.random.default_rng(0).normal(size=(7, 3))
    moved = np.stack([points @ _rotation(k) + k for k in range(4)])
    np.testing.assert_allclose(kabsch_rmsd(moved, points), 0.0, atol=1e-6)
    assert kabsch_rmsd(points[None] * [1, 1, -1], points)[0] > 0.1
    centred = (moved[0] - moved[0].mean(axis=0)).astype(np.float32)
    np.testing.assert_allclose(superpose(moved, 7), np.broadcast_to(centred, moved.shape), atol=1e-5)
    distances = np.linalg.norm(superpose(moved * [1, 1, -1], 5)[1] - centred, axis=-1)
    assert distances.max() > 0.1


def test_a_stretched_or_missing_bond_is_found() -> None:
    molecule = Molecule.from_smiles("CCO")
    start = start_conformers(molecule, 1)[0]
    frames = np.repeat(start[None], 3, axis=0)
    assert len(broken_bonds(molecule, frames, start)) == 0
    for bad in (5.0, np.nan):
        broken = frames.copy()
        broken[1, 2] += bad
        assert [1, 2] in broken_bonds(molecule, broken, start).tolist()
