"""Axes of chirality: which molecules have one, how it is read, and whether frames keep it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from eginterpolator.chemistry.axes import possible_axes
from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.isomers import open_stereo
from eginterpolator.chemistry.molecule import Molecule, enumerate_stereo
from eginterpolator.chemistry.stereo import frame_stereo, stereo_retention
from eginterpolator.errors import InputError
from tests.builders.spellings import ALLENE, AXIAL, BINOL, structure

STABLE = {
    "BINAP": "c1ccc(P(c2ccccc2)c2ccc3ccccc3c2-c2c(P(c3ccccc3)c3ccccc3)ccc3ccccc23)cc1",
    "gossypol": "Cc1cc2c(C(C)C)c(O)c(O)c(C=O)c2c(O)c1-c1c(C)cc2c(C(C)C)c(O)c(O)c(C=O)c2c1O",
    "QUINAP": "c1ccc(P(c2ccccc2)c2ccc3ccccc3c2-c2nccc3ccccc23)cc1",
    "PCB 84": "Clc1ccc(c(Cl)c1Cl)-c1c(Cl)c(Cl)ccc1Cl",
    "methaqualone": "Cc1ccccc1-n1c(C)nc2ccccc2c1=O",
    "sotorasib": "C[C@H]1CN(CCN1C(=O)C=C)c1nc(=O)n(c2nc(c(F)cc12)-c1c(O)cccc1F)-c1c(C)ccnc1C(C)C",
}
ORDINARY = {
    "biphenyl": "c1ccccc1-c1ccccc1",
    "binaphthyl": "c1ccc2c(c1)cccc2-c1cccc2ccccc12",
    "2,2'-dimethyl": "Cc1ccccc1-c1ccccc1C",
    "2,2',6,6' with F": "Fc1cccc(C)c1-c1c(F)cccc1C",
    "two equal sides": "Cc1cccc(C)c1-c1c(C)cccc1Cl",
    "bridged": "COc1cc2c(c(OC)c1OC)-c1c(OC)cccc1CC2",
    "diflunisal": "OC(=O)c1cc(ccc1O)-c1ccc(F)cc1F",
    "valsartan": "CCCCC(=O)N(Cc1ccc(cc1)-c1ccccc1-c1nnn[nH]1)[C@@H](C(C)C)C(O)=O",
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1",
    "celecoxib": "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F",
    "allene, two equal ends": "CC=C=C(C)C",
    "allene": "C=C=CC",
    "ketene": "CC=C=O",
    "carbodiimide": "CN=C=NCC",
    "cyclic allene": "C1CCC=C=CC1",
}


@pytest.mark.parametrize("smiles", STABLE.values(), ids=STABLE)
def test_an_axis_that_holds_for_months_is_asked_for(smiles):
    assert len(possible_axes(Chem.MolFromSmiles(smiles))) == 1
    with pytest.raises(
        InputError, match=r"leaves the stereo of (the axis|.* and the axis) \d+-\d+ open; name one .*;M\("
    ):
        Molecule.from_smiles(smiles)
    left, right = enumerate_stereo(smiles)
    assert left.key != right.key and left.smiles == right.smiles and left.has_stereo


@pytest.mark.parametrize("smiles", ORDINARY.values(), ids=ORDINARY)
def test_other_biaryls_and_cumulenes_are_not_asked_for(smiles):
    assert not Molecule.from_smiles(smiles).axes and not open_stereo(Chem.MolFromSmiles(smiles))


@pytest.mark.parametrize("smiles", AXIAL)
def test_frames_keep_or_lose_an_axis(smiles):
    isomers = enumerate_stereo(smiles)
    shapes = [embed(molecule, 2, 1) for molecule in isomers]
    for molecule, mol in zip(isomers, shapes, strict=True):
        frames = np.stack([conformer.GetPositions() for conformer in mol.GetConformers()])
        assert len(frames) == 2 and molecule.has_stereo
        for read in (frames, frames[:, : molecule.n_heavy]):
            assert stereo_retention(molecule, read) == 1
        for other in isomers:
            right = frame_stereo(other, frames)
            assert right.all() if other is molecule else not right.any()
        mirrored = frame_stereo(molecule, frames * [1, 1, -1])
        flat = all(not axis.twisted for axis in molecule.axes) and not len(molecule.triples)
        assert mirrored.all() if flat else not mirrored.any()  # E and Z have no mirror image of their own
        assert not len(molecule.double_bonds)


def test_a_ring_that_turns_over_changes_the_sign_and_a_small_swing_does_not():
    molecule = enumerate_stereo(BINOL)[0]
    (axis,) = molecule.axes
    x = structure(molecule.key).GetConformer().GetPositions()[: molecule.n_heavy]
    sign = np.sign(axis.values(x[None])[0])
    turned = []
    for degrees in (0, 20, -20, 180):
        i, j = axis.ends
        along = (x[j] - x[i]) / np.linalg.norm(x[j] - x[i])
        angle = np.radians(degrees)
        behind = Chem.GetDistanceMatrix(molecule.heavy_mol)
        moved = x.copy()
        part = behind[j] < behind[i]
        v = x[part] - x[i]
        moved[part] = x[i] + (
            v * np.cos(angle) + np.cross(along, v) * np.sin(angle) + np.outer(v @ along, along) * (1 - np.cos(angle))
        )
        turned.append(np.sign(axis.values(moved[None])[0]))
    assert turned == [sign, sign, sign, -sign]


@pytest.mark.parametrize("begin", [1, 9])
@pytest.mark.parametrize("up", [True, False])
def test_a_wedge_in_a_drawing_says_which(begin, up):
    """The atom at the wide end of a wedge is nearer to the viewer: the sign is that of such a structure."""
    mol = Chem.MolFromSmiles(BINOL)
    AllChem.Compute2DCoords(mol)  # type: ignore[attr-defined]
    lines = Chem.MolToMolBlock(mol).splitlines()
    first = 4 + mol.GetNumAtoms()
    for k in range(first, first + mol.GetNumBonds()):
        if {int(lines[k][:3]), int(lines[k][3:6])} == {11, begin + 1}:
            lines[k] = f"{11:3d}{begin + 1:3d}{int(lines[k][6:9]):3d}{1 if up else 6:3d}"
    molecule = Molecule.from_rdkit(Chem.MolFromMolBlock("\n".join(lines)))
    (axis,) = molecule.axes
    x = mol.GetConformer().GetPositions()
    x[begin, 2] += 1.0 if up else -1.0
    x[10 - begin, 2] -= 1.0 if up else -1.0
    assert axis.sign == np.sign(axis.values(x[None])[0]) != 0


def test_an_axis_follows_its_atoms_through_pickles_and_other_orders():
    molecule = enumerate_stereo(BINOL)[1]
    assert pickle.loads(pickle.dumps(molecule)).key == molecule.key
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(molecule.n_atoms).tolist()
        assert Molecule.from_rdkit(Chem.RenumberAtoms(molecule.rdmol, order)).key == molecule.key


def test_an_axis_that_is_said_is_kept_where_none_is_asked_for():
    text = (
        "CC1=C(N2C=CC=C2)C(C)=CC=C1 |(2.679,0.4142,;1.3509,1.181,;0.0229,0.4141,;0.0229,-1.1195,;1.2645,-2.0302,;"
        "0.7901,-3.4813,;-0.7446,-3.4813,;-1.219,-2.0302,;-1.3054,1.1809,;-2.6335,0.4141,;-1.3054,2.7145,;"
        "0.0229,3.4813,;1.3509,2.7146,),wU:2.8|"
    )
    assert not Molecule.from_smiles(text).axes  # the two sides of either ring are equal
    other = text.replace("CC1=C(N2", "ClC1=C(N2").replace("C=CC=C2)", "C=CC=C2C)")
    other = other.replace("-1.219,-2.0302,;", "-1.219,-2.0302,;-2.679,-1.5609,;").replace("wU:2.8", "wU:2.9")
    assert not open_stereo(Chem.MolFromSmiles("Clc1cccc(C)c1-n1cccc1C"))
    (axis,) = Molecule.from_smiles(other).axes
    (opposite,) = Molecule.from_smiles(other.replace("wU", "wD")).axes
    assert axis.sign == -opposite.sign != 0


def test_two_enumerations_meet():
    assert {m.key for m in enumerate_stereo("CC(Cl)C=C=CC")} == {
        Molecule.from_smiles(m.key).key
        for m in enumerate_stereo("C[C@H](Cl)C=C=CC") + enumerate_stereo("C[C@@H](Cl)C=C=CC")
    }
    # two equal allenes: M,M and P,P and one that is its own mirror image
    assert len(enumerate_stereo("CC=C=CCC=C=CC")) == 3
    assert ALLENE in AXIAL
