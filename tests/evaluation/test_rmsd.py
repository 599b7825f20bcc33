"""The RMSD matrix against RDKit's GetBestRMS, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolAlign

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.evaluation.conformers import coverage, evaluate_conformer_folders, matching, rmsd_matrix
from eginterpolator.evaluation.rmsd import numberings, symmetric_rmsd
from eginterpolator.files.folder import write_conformer_folder
from eginterpolator.files.trajectory import ConformerEnsemble
from tests.builders.conformers import FLEXIBLE, embedded

GROUPS = {
    "tert-butyl": "CC(C)(C){}", "phenyl": "c1ccccc1{}", "CF3": "FC(F)(F){}", "nitro": "O=[N+]([O-]){}",
    "carboxylate": "O=C([O-]){}", "isopropyl": "CC(C){}", "para-tolyl": "Cc1ccc({})cc1", "amidinium": "NC(=[NH2+]){}",
    "sulfonyl": "CS(=O)(=O){}", "cyclohexyl": "C1CCCCC1{}",
}  # fmt: skip
TAILS = ("CCO", "C(C)CN", "c1ccc(C)cc1", "CC(=O)OC", "CCC(F)(F)F")
MOLECULES = [head.format(tail) for head in GROUPS.values() for tail in TAILS]


def conformers(smiles: str, n: int, seed: int) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMultipleConfs(mol, n, randomSeed=seed)
    return mol


@pytest.mark.parametrize("smiles", MOLECULES)
def test_matrix_is_getbestrms(smiles):
    generated, reference = conformers(smiles, 4, 1), conformers(smiles, 3, 2)
    found = rmsd_matrix(generated, reference)
    ours, theirs = Chem.RemoveHs(generated), Chem.RemoveHs(reference)
    expected = [
        [rdMolAlign.GetBestRMS(ours, theirs, i, j) for j in range(theirs.GetNumConformers())]
        for i in range(ours.GetNumConformers())
    ]
    assert len(MOLECULES) == 50 and found.shape == (4, 3)
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("smiles", "count"),
    [
        ("CC(C)(C)CO", 6), ("c1ccccc1CO", 2), ("FC(F)(F)CO", 6), ("O=[N+]([O-])CCO", 2), ("CCO", 1), ("c1ccccc1", 12),
        ("OC(=O)CC", 2), ("COC(=O)C", 1),
    ],
)  # fmt: skip
def test_how_many_numberings_there_are(smiles, count):
    mol = Chem.MolFromSmiles(smiles)
    assert len(numberings(mol, mol).atoms) == count


def test_mirror_images_are_not_superposed_and_identical_conformers_are_zero():
    molecule, frames = embedded(FLEXIBLE)
    heavy = frames[:, : molecule.n_heavy]
    turned = heavy @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned *= np.sign(np.linalg.det(np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]))
    same = np.arange(molecule.n_heavy)[None]
    assert np.diag(symmetric_rmsd(turned + 5.0, heavy, same)).max() < 1e-6
    assert np.diag(symmetric_rmsd(heavy * [1, 1, -1], heavy, same)).min() > 0.1
    line = np.arange(4.0)[None, :, None] * np.array([1.0, 0, 0])  # linear: the covariance has rank one
    assert symmetric_rmsd(line, line * [0, 1, 0] + line[..., [1, 0, 2]], np.arange(4)[None])[0, 0] < 1e-6


def test_blocks_and_threads_do_not_change_anything(monkeypatch):
    mol = conformers("CC(C)(C)c1ccc(C(F)(F)F)cc1", 6, 1)
    whole = rmsd_matrix(mol, mol)
    monkeypatch.setattr("eginterpolator.evaluation.rmsd._BLOCK", 100)
    assert np.allclose(rmsd_matrix(mol, mol, threads=2), whole, atol=1e-9)


def test_capped_numberings_are_reported(tmp_path):
    smiles = "CC(C)(C)CCC(C)(C)C"  # 72
    molecule = Molecule.from_smiles(smiles)
    assert len(numberings(molecule.heavy_mol, molecule.heavy_mol).atoms) == 72
    assert numberings(molecule.heavy_mol, molecule.heavy_mol, 50).capped
    assert not numberings(molecule.heavy_mol, molecule.heavy_mol).capped
    _, frames = embedded(smiles, 4)
    for side, some in (("g", frames), ("r", frames[:2])):
        write_conformer_folder(tmp_path / side / "a", ConformerEnsemble(molecule, some.astype(np.float32)), {})
    found = evaluate_conformer_folders(tmp_path / "g", tmp_path / "r", max_matches=50)
    assert found.capped == ["a"] and "more than 50 symmetric numberings" in found.notes[0] and not found.failures
    assert evaluate_conformer_folders(tmp_path / "g", tmp_path / "r").capped == []


def test_other_molecules_and_shapes_are_refused():
    with pytest.raises(InputError, match="different molecules"):
        rmsd_matrix(conformers("CCO", 1, 1), conformers("CCN", 1, 1))
    with pytest.raises(InputError, match="do not fit"):
        symmetric_rmsd(np.zeros((2, 3, 3)), np.zeros((2, 4, 3)), np.arange(3)[None])


def test_both_protocols_come_from_one_matrix():
    rmsd = np.array([[0.1, 1.1], [0.6, 0.7], [0.4, 2.0], [3.0, 1.3]])
    found = matching(rmsd)
    for delta in (0.5, 0.75, 1.25):
        assert found.coverage(delta) == coverage(rmsd, delta)
    assert [found.coverage(d).cov_r for d in (0.5, 0.75, 1.25)] == [0.5, 1.0, 1.0]
    assert [found.coverage(d).cov_p for d in (0.5, 0.75, 1.25)] == [0.5, 0.75, 0.75]
