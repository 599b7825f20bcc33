"""The command line with what real users have: second molecules, salts, other locales, long names, frames of others."""

from __future__ import annotations

import json

import numpy as np
from rdkit import Chem

from eginterpolator.files.folder import read_molecule_folder
from tests.builders.cli import rows, sentence
from tests.builders.foreign import mol
from tests.builders.networks import CHIRAL, molecule


def test_a_second_molecule_goes_beside_the_first(egi, tmp_path):
    for smiles in ("CCO", "CC#N", CHIRAL, "OCC"):
        result = egi("generate", smiles, "--out", "out")
        assert result.code == 0, result
    assert "1 finished before" in result.out  # the same molecule in another spelling
    folders = sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert folders == ["C2H3N_fdd689a8", "C7H12O2_163843f2", "CCO"]
    assert egi("generate", "CCO", "--name", "drinking alcohol", "--out", "out").code == 0
    assert (tmp_path / "out" / "drinking_alcohol" / "meta.json").is_file()


def test_the_name_of_the_folder_does_not_change_what_is_sampled(egi, tmp_path):
    """The frames are those of a molecule called `molecule`, as they were when its folder was called so."""
    (tmp_path / "m.smi").write_text(f"{CHIRAL} molecule\n{CHIRAL} other\n")
    assert egi("generate", CHIRAL, "--out", "a").code == 0
    assert egi("generate", CHIRAL, "--out", "b", "--name", "x").code == 0
    assert egi("generate", "m.smi", "--out", "c").code == 0
    assert egi("generate", "a", "--out", "d").code == 0
    assert egi("generate", "a/C7H12O2_163843f2/molecule.sdf", "--out", "e").code == 0
    names = ("a/C7H12O2_163843f2", "b/x", "c/molecule", "d/C7H12O2_163843f2", "e/C7H12O2_163843f2")
    files = [(tmp_path / name / "trajectory_000.xtc").read_bytes() for name in names]
    assert all(content == files[0] for content in files[:3])
    (one,) = {content for content in files[3:]}
    first, again = (read_molecule_folder(tmp_path / names[k])[1][0].heavy for k in (0, 3))
    np.testing.assert_array_equal(first, again)
    assert (tmp_path / "c/other/trajectory_000.xtc").read_bytes() != files[0] and one


def test_a_name_belongs_to_one_molecule(egi, tmp_path):
    (tmp_path / "m.smi").write_text("CCO a\nCC b\n")
    for command in ("generate", "conformers"):
        sentence(egi(command, "m.smi", "--name", "x"), "--name belongs to one molecule, and INPUT holds 2")


def test_salts(egi, tmp_path):
    sentence(egi("generate", "CCN.Cl"), "give the largest alone, 'CCN'")
    assert egi("generate", "CCN.Cl", "--largest-fragment", "--out", "out").code == 0
    assert json.loads((tmp_path / "out" / "CCN" / "meta.json").read_text())["smiles"] == "CCN"
    (tmp_path / "m.smi").write_text("CCN.Cl salt\nCCO plain\n")
    assert egi("conformers", "m.smi", "--model", "etkdg", "--num", 1, "--out", "c").code == 1
    assert egi("conformers", "m.smi", "--model", "etkdg", "--num", 1, "--out", "d", "--largest-fragment").code == 0
    assert [row["smiles"] for row in rows(tmp_path / "d" / "summary.csv")] == ["CCN", "CCO"]


def test_the_map_of_atoms_and_properties_are_in_the_folder(egi, tmp_path):
    source = mol(CHIRAL)
    (tmp_path / "in.sdf").write_text("lead" + Chem.MolToMolBlock(source) + ">  <pIC50>\n7.2\n\n$$$$\n")
    assert egi("generate", "in.sdf", "--out", "out").code == 0
    meta = json.loads((tmp_path / "out" / "lead" / "meta.json").read_text())
    written = Chem.SDMolSupplier(str(tmp_path / "out" / "lead" / "molecule.sdf"), removeHs=False)[0]
    assert written.GetProp("pIC50") == "7.2"
    numbers = [atom.GetAtomicNum() for atom in source.GetAtoms()]
    assert [numbers[k] for k in meta["atom_map"]] == [atom.GetAtomicNum() for atom in written.GetAtoms()]
    assert egi("generate", "[OH:3][CH2:1][CH3:2]", "--out", "out").code == 0
    assert json.loads((tmp_path / "out" / "CCO" / "meta.json").read_text())["atom_map_numbers"][:3] == [3, 1, 2]


def test_frames_of_another_program_start_and_end_it(egi, tmp_path):
    source = mol(CHIRAL)
    (tmp_path / "a.xyz").write_text(Chem.MolToXYZBlock(source))
    (tmp_path / "b.pdb").write_text(Chem.MolToPDBBlock(source))
    words = ("generate", CHIRAL, "--task", "interpolation", "--start", "a.xyz", "--end", "b.pdb", "--out", "out")
    assert egi(*words).code == 0
    positions = read_molecule_folder(tmp_path / "out" / "C7H12O2_163843f2")[1][0].positions
    wanted = source.GetConformer().GetPositions()
    for frame in (positions[0], positions[-1]):
        nearest = np.linalg.norm(frame[:, None] - wanted[None], axis=-1)
        assert nearest.min(axis=1).max() < 0.02 and len(set(nearest.argmin(axis=1))) == molecule(CHIRAL).n_atoms
    (tmp_path / "a.xyz").write_text(Chem.MolToXYZBlock(mol("CCO")))
    sentence(egi(*words, "--overwrite"), "are not those of CC[C@H](O)C#CCOC")


def test_results_are_in_the_order_of_the_input(egi, tmp_path, monkeypatch):
    names = [f"m{k}" for k in (10, 9, 2, 1)]
    (tmp_path / "m.smi").write_text("".join(f"{'C' * (k + 1)}O {name}\n" for k, name in enumerate(names)))
    result = egi("generate", "m.smi", "--out", "out", "--json", "-q", "--report")
    assert json.loads(result.out)["done"] == names
    assert [row["name"] for row in rows(tmp_path / "out" / "summary.csv")] == names
    page = (tmp_path / "out" / "report.html").read_text()
    places = [page.index(f'"{name}"') for name in names]
    assert places == sorted(places)
    (tmp_path / "out" / "report.html").unlink()
    assert egi("view", "out", "--no-browser").code == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert [page.index(f'"{name}"') for name in names] == places
    again = egi("generate", "out", "--out", "again", "--json", "-q")
    assert json.loads(again.out)["done"] == names


def test_a_name_that_no_folder_can_have_ends_nothing(tmp_path, monkeypatch):
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.generation.runs import run_etkdg

    molecules = [Molecule.from_smiles("CCO", name) for name in ("a", "x" * 300, "ä" * 200, "b")]
    result = run_etkdg(molecules, tmp_path / "out", 1, 0)
    assert result.done == ["a", "b"] and [f.name for f in result.failures] == ["x" * 300, "ä" * 200]
    assert all("File name too long" in f.reason for f in result.failures)
    again = run_etkdg(molecules, tmp_path / "out", 1, 0)
    assert again.skipped == ["a", "b"] and len(again.failures) == 2
