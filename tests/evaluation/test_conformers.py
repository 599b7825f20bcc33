"""Ensembles of conformers: the matrix of distances is RDKit's, coverage by hand, failures count."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolAlign

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.rmsd import numberings
from eginterpolator.errors import InputError
from eginterpolator.evaluation.conformers import coverage, evaluate_conformer_folders, matching, rmsd_matrix
from eginterpolator.files.folder import write_conformer_folder
from eginterpolator.files.trajectory import ConformerEnsemble
from tests.builders.conformers import FLEXIBLE, conformers, embedded

GROUPS = {
    "tert-butyl": "CC(C)(C){}", "phenyl": "c1ccccc1{}", "CF3": "FC(F)(F){}", "nitro": "O=[N+]([O-]){}",
    "carboxylate": "O=C([O-]){}", "isopropyl": "CC(C){}", "para-tolyl": "Cc1ccc({})cc1", "amidinium": "NC(=[NH2+]){}",
    "sulfonyl": "CS(=O)(=O){}", "cyclohexyl": "C1CCCCC1{}",
}  # fmt: skip
TAILS = ("CCO", "C(C)CN", "c1ccc(C)cc1", "CC(=O)OC", "CCC(F)(F)F")
MOLECULES = [head.format(tail) for head in GROUPS.values() for tail in TAILS]


def test_coverage_by_hand():
    rmsd = np.array([[0.1, 0.9], [0.6, 0.7], [0.4, 2.0], [3.0, 1.0]])
    result = coverage(rmsd, 0.5)
    assert (result.cov_r, result.cov_p) == (0.5, 0.5)
    assert result.mat_r == pytest.approx((0.1 + 0.7) / 2) and result.mat_p == pytest.approx((0.1 + 0.6 + 0.4 + 1.0) / 4)


def test_rmsd_is_over_symmetry_and_atom_orders():
    molecule, _ = embedded("CC(C)CCO")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, 3, randomSeed=1)
    turned = Chem.RenumberAtoms(mol, [2, 1, 0, *range(3, mol.GetNumAtoms())])
    matrix = rmsd_matrix(turned, mol)
    assert matrix.shape == (3, 3) and np.diag(matrix).max() < 1e-5
    plain = Chem.RemoveHs(mol)
    assert matrix[0, 1] == pytest.approx(rdMolAlign.GetBestRMS(plain, Chem.RemoveHs(mol), 0, 1), abs=1e-6)


def test_a_failed_molecule_counts_with_coverage_zero(tmp_path):
    molecule, frames = embedded(FLEXIBLE)
    few = ConformerEnsemble(molecule, frames[:3].astype(np.float32))
    mirrored = np.concatenate([frames[:3], frames[:3] * [1, 1, -1]]).astype(np.float32)
    for name in ("good", "absent"):
        write_conformer_folder(tmp_path / "reference" / name, few, {})
    write_conformer_folder(tmp_path / "generated" / "good", ConformerEnsemble(molecule, mirrored), {})
    result = evaluate_conformer_folders(tmp_path / "generated", tmp_path / "reference", 0.05)
    good = result.molecules(0.05)["good"]
    assert good.cov_r == 1 and 0.5 <= good.cov_p < 1 and result.molecules(0.05)["absent"].mat_r is None
    assert [f["name"] for f in result.failures] == ["absent"] and not result.notes
    values = json.loads(json.dumps(result.to_dict()))
    summary = values["summary"]["0.05"]
    assert (summary["cov_r"]["mean"], summary["cov_r"]["median"], summary["cov_r"]["count"]) == (0.5, 0.5, 2)
    assert summary["cov_r"]["mean_95"] == [0.0, 1.0] and summary["mat_r"]["count"] == 1
    with pytest.raises(InputError, match="delta"):
        evaluate_conformer_folders(tmp_path / "generated", tmp_path / "reference", 0.0)
    assert values["schema_version"] == 2


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


def test_blocks_and_threads_do_not_change_anything(monkeypatch):
    mol = conformers("CC(C)(C)c1ccc(C(F)(F)F)cc1", 6, 1)
    whole = rmsd_matrix(mol, mol)
    monkeypatch.setattr("eginterpolator.chemistry.rmsd._BLOCK", 100)
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


def test_both_protocols_come_from_one_matrix():
    rmsd = np.array([[0.1, 1.1], [0.6, 0.7], [0.4, 2.0], [3.0, 1.3]])
    found = matching(rmsd)
    for delta in (0.5, 0.75, 1.25):
        assert found.coverage(delta) == coverage(rmsd, delta)
    assert [found.coverage(d).cov_r for d in (0.5, 0.75, 1.25)] == [0.5, 1.0, 1.0]
    assert [found.coverage(d).cov_p for d in (0.5, 0.75, 1.25)] == [0.5, 0.75, 0.75]
