"""Records of an SDF: which are structures of one molecule, which are two; and what a file says of its molecule."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.etkdg import embed
from eginterpolator.chemistry.molecule import Molecule, enumerate_stereo, molecules_from_sdf
from eginterpolator.chemistry.stereo import stereo_retention
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import read_inputs
from eginterpolator.files.sdf import sdf_molecule, write_sdf
from eginterpolator.files.trajectory import Trajectory
from tests.builders.spellings import ALLENE, BINOL, shuffled, structure


def write(path, records):
    """Records (title, Mol, properties) as an SDF without anything else in it."""
    with Chem.SDWriter(str(path)) as writer:
        for title, mol, properties in records:
            mol = Chem.Mol(mol)
            mol.SetProp("_Name", title)
            for name, value in properties.items():
                mol.SetProp(name, value)
            writer.write(mol)
    return path


def mirrored(mol: Chem.Mol) -> Chem.Mol:
    mol = Chem.Mol(mol)
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() * [1, 1, -1])
    return mol


@pytest.mark.parametrize("smiles", [BINOL, ALLENE, "Cc1ccccc1-n1c(C)nc2ccccc2c1=O"])
@pytest.mark.parametrize("titles", [("M", "P"), ("", ""), ("same", "same")])
def test_left_and_right_handed_records_are_two_molecules(smiles, titles, tmp_path):
    mol = structure(smiles)
    write(tmp_path / "both.sdf", [(titles[0], mol, {}), (titles[1], mirrored(mol), {})])
    molecules, failures = read_inputs(str(tmp_path / "both.sdf"))
    assert len({m.key for m in molecules}) == len({m.name for m in molecules}) == 2 and not failures
    for molecule, other in (molecules, molecules[::-1]):
        x = molecule.rdmol.GetConformer().GetPositions()[None]
        assert stereo_retention(molecule, x) == 1 and stereo_retention(other, x) == 0


def test_titles_tell_molecules_apart_and_conformers_of_one_title_stay_together(tmp_path):
    mol, other = structure("CCCO", 1), structure("CCCO", 2)
    records = [("a", mol, {}), ("a", other, {}), ("b", mol, {}), ("", mol, {}), ("", other, {}), ("a", mol, {})]
    molecules, _ = read_inputs(str(write(tmp_path / "m.sdf", records)))
    assert [(m.name, m.rdmol.GetNumConformers()) for m in molecules] == [("a", 2), ("b", 1), ("m_4", 2), ("a_2", 1)]
    assert len({m.key for m in molecules}) == 1


def test_isotopes_of_a_record_are_part_of_the_molecule(tmp_path):
    mol = structure("CCO")
    heavy = Chem.Mol(mol)
    heavy.GetAtomWithIdx(8).SetIsotope(2)
    molecules = molecules_from_sdf(write(tmp_path / "m.sdf", [("", mol, {}), ("", heavy, {})]))
    assert [m.key for m in molecules] == ["CCO", "[2H]OCC"]


def test_an_ensemble_with_both_sides_of_an_imine_reads_back_whole(tmp_path):
    """The SMILES leaves the side of N-H open, so the conformers may have either."""
    molecule = Molecule.from_smiles("CCC(C)=N")
    sides = [np.array(embed(Molecule.from_smiles(s), 1, 1).GetConformer().GetPositions())
             for s in ("[H]/N=C(/C)CC", "[H]/N=C(\\C)CC")]  # fmt: skip
    imines = [Molecule.from_smiles(s) for s in ("[H]/N=C(/C)CC", "[H]/N=C(\\C)CC")]
    placed = []
    for imine, x in zip(imines, sides, strict=True):
        match = imine.rdmol.GetSubstructMatch(molecule.rdmol)
        placed.append(x[list(match)])
    write_sdf(tmp_path / "open.sdf", molecule, np.stack(placed))
    (read,) = molecules_from_sdf(tmp_path / "open.sdf")
    assert read.rdmol.GetNumConformers() == 2 and read.smiles == molecule.smiles
    records = [("", Chem.Mol(imine.rdmol), {}) for imine in imines]
    for (_, mol, _), x in zip(records, sides, strict=True):
        conformer = Chem.Conformer(len(x))
        conformer.Set3D(True)
        conformer.SetPositions(x)
        mol.AddConformer(conformer)
    molecules = molecules_from_sdf(write(tmp_path / "two.sdf", records))
    assert [m.key for m in molecules] == [imine.key for imine in imines]


@pytest.mark.parametrize("smiles", [BINOL, ALLENE])
def test_a_file_names_the_molecule_though_its_frames_lost_it(smiles, tmp_path):
    left, right = enumerate_stereo(smiles, "m")
    x = np.stack([c.GetPositions() for c in embed(right, 2, 1).GetConformers()])
    write_sdf(tmp_path / "m.sdf", left, x)
    read, order = sdf_molecule(tmp_path / "m.sdf")
    assert read.key == left.key and read.rdmol.GetNumConformers() == 2
    kept = np.stack([c.GetPositions() for c in read.rdmol.GetConformers()])
    assert stereo_retention(read, kept) == 0 and np.allclose(kept, x[:, order], atol=1e-3)
    assert Chem.SDMolSupplier(str(tmp_path / "m.sdf"))[0].GetProp("key") == left.key
    frames = np.repeat(x[:1], 3, axis=0).astype(np.float32)
    Trajectory(left, frames, 1.0).save(tmp_path / "t.sdf")
    assert sdf_molecule(tmp_path / "t.sdf")[0].key == left.key


def test_a_key_of_another_program_means_nothing(tmp_path):
    for key in ("CHEMBL25", "CCCC", "12"):
        write(tmp_path / "m.sdf", [("", structure("CCO"), {"key": key, "smiles": "CCO"})])
        assert sdf_molecule(tmp_path / "m.sdf")[0].key == "CCO"
    write(tmp_path / "m.sdf", [("", structure("CCO"), {"smiles": "CCCC"})])
    with pytest.raises(InputError, match="says that its smiles is 'CCCC'"):
        sdf_molecule(tmp_path / "m.sdf")


def test_an_axis_that_a_line_leaves_open_is_asked_for_and_enumerated(tmp_path):
    (tmp_path / "m.smi").write_text(f"{BINOL} binol\nCC=C=CC;P(0,1,3,4) right\nCCO plain\n")
    molecules, failures = read_inputs(str(tmp_path / "m.smi"))
    assert [m.name for m in molecules] == ["right", "plain"] and molecules[0].key == "CC=C=CC;P(0,1,3,4)"
    assert [f.name for f in failures] == ["binol"] and "--stereo enumerate" in failures[0].reason
    molecules, failures = read_inputs(str(tmp_path / "m.smi"), "enumerate")
    assert [m.name for m in molecules] == ["binol_1", "binol_2", "right", "plain"] and not failures


def test_a_structure_in_any_order_is_the_same_record(tmp_path):
    mol = structure(BINOL)
    keys = set()
    for seed in range(4):
        (read,) = molecules_from_sdf(write(tmp_path / "m.sdf", [("", shuffled(mol, seed), {})]))
        keys.add(read.key)
    assert len(keys) == 1
