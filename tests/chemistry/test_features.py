"""Lengths, angles and torsions against RDKit and mdtraj."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from eginterpolator.chemistry.features import FeatureSet, angles, lengths, torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from tests.builders.conformers import FLEXIBLE, embedded


@pytest.mark.parametrize("smiles", [FLEXIBLE, "C1CCCCC1CO", "O=C(N)c1ccccc1OC"])
def test_internal_coordinates_are_rdkits(smiles):
    molecule, frames = embedded(smiles)
    features = FeatureSet.of(molecule)
    mol = Chem.Mol(molecule.rdmol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(molecule.n_atoms)
    for frame in frames[:3]:
        conformer.SetPositions(frame)
        for atoms, function, reference in (
            (features.bonds, lengths, rdMolTransforms.GetBondLength),
            (features.angles, angles, rdMolTransforms.GetAngleRad),
            (features.torsions, torsions, rdMolTransforms.GetDihedralRad),
        ):
            expected = [reference(conformer, *(int(a) for a in row)) for row in atoms]
            assert len(atoms) and np.allclose(function(frame[None], atoms)[0], expected, atol=1e-6)


def test_torsions_are_mdtrajs():
    mdtraj = pytest.importorskip("mdtraj")
    molecule, frames = embedded(FLEXIBLE)
    quadruples = torsion_quadruples(molecule)
    expected = mdtraj.compute_dihedrals(mdtraj.Trajectory(frames / 10, None), quadruples)
    difference = torsions(frames, quadruples) - expected
    assert np.abs(np.angle(np.exp(1j * difference))).max() < 1e-3


@pytest.mark.parametrize(
    ("smiles", "count"),
    [
        ("C", 0),
        ("CCC", 0),
        ("CCCC", 1),
        ("c1ccccc1", 0),  # wholly aromatic
        ("C1CCCCC1", 6),
        ("C1CC1", 0),  # three atoms have no torsion
        ("C[C@H]1CO1", 0),
        ("CCC1CC1", 1),
        ("CC(C)C(C)C", 1),  # equivalent quadruples: one
        ("CC#CC", 0),
    ],
)
def test_which_torsions_there_are(smiles, count):
    quadruples = torsion_quadruples(Molecule.from_smiles(smiles))
    assert quadruples.shape == (count, 4)
    assert all(len(set(row)) == 4 for row in quadruples.tolist())
