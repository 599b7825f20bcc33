"""Oxygens that resonance or a proton makes equal leave no stereo open; sulfoxides and real phosphorus centres do."""

from __future__ import annotations

import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.isomers import open_stereo
from eginterpolator.chemistry.molecule import Molecule, enumerate_stereo

EQUAL = [
    "COP(=O)(O)OCC", "COP(=O)([O-])OCC", "CCP(C)(=O)O", "CCP(C)(=O)[O-]", "CC[P+](C)([O-])O", "CS(=O)[O-]", "CS(=O)O",
    "C[S+]([O-])O", "C[PH](=O)O", "CS(=N)(=O)O", "C[Se](=O)O", "COP(=S)([S-])OCC", "CP(=O)(O)SC", "CCP(C)(=N)N",
]  # fmt: skip
REAL = [
    "CS(=O)CC", "CS(=O)(=N)CC", "CCS(=O)OC", "CCP(C)(=O)OC", "COP(=S)(O)OCC", "COP(=S)([O-])OCC", "CCP(C)C(C)(C)C",
    "C[S+](CC)CCC", "CCP(=O)(N)OC", "CC[Se](=O)C", "CP(=O)([18O-])OC",
]  # fmt: skip


@pytest.mark.parametrize("smiles", EQUAL)
def test_equal_oxygens_are_no_stereocentre(smiles):
    molecule = Molecule.from_smiles(smiles)
    assert not molecule.has_stereo and [m.key for m in enumerate_stereo(smiles)] == [molecule.key]


@pytest.mark.parametrize("smiles", REAL)
def test_real_centres_stay_open(smiles):
    assert open_stereo(Chem.MolFromSmiles(smiles))
    one, other = enumerate_stereo(smiles)
    assert one.key != other.key and one.has_stereo


@pytest.mark.parametrize("smiles", ["CO[P@](=O)(O)OCC", "C[S@](=O)[O-]"])
def test_a_label_without_meaning_is_dropped_from_smiles_and_structures(smiles):
    plain = Molecule.from_smiles(Chem.MolToSmiles(Chem.MolFromSmiles(smiles), isomericSmiles=False))
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0  # type: ignore[attr-defined]
    for molecule in (Molecule.from_smiles(smiles), Molecule.from_rdkit(mol)):
        assert molecule.key == plain.key and molecule.smiles == plain.smiles and not molecule.has_stereo


def test_what_depends_on_such_a_centre_is_not_open_either():
    assert not open_stereo(Chem.AddHs(Chem.MolFromSmiles("OC(COP(=O)(O)OC)COP(=O)(O)OC")))
    assert len(enumerate_stereo("CC(Cl)COP(=O)(O)OCC")) == 2  # a centre beside it still is
