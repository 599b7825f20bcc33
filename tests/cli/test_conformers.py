"""`egi conformers`: folders, resume, RDKit's in the same files."""

from __future__ import annotations

import json

import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import molecules_from_sdf
from tests.builders.cli import rows, sentence
from tests.builders.networks import CHIRAL, molecule

FOLDER = "C7H12O2_163843f2"  # of CHIRAL


def test_conformers(egi, tmp_path):
    assert egi("conformers", CHIRAL, "--num", 5, "--out", "out").code == 0
    assert sorted(p.name for p in (tmp_path / "out" / FOLDER).iterdir()) == ["conformers.sdf", "meta.json"]
    meta = json.loads((tmp_path / "out" / FOLDER / "meta.json").read_text())
    assert (meta["n_frames"], meta["task"], meta["strength"]) == (5, "conformers", 0.0) and "frame_ps" not in meta
    assert len(Chem.SDMolSupplier(str(tmp_path / "out" / FOLDER / "conformers.sdf"))) == 5
    assert "1 finished before" in egi("conformers", CHIRAL, "--num", 5, "--out", "out").out
    sentence(egi("conformers", CHIRAL, "--num", 6, "--out", "out"), "other settings")
    sentence(egi("conformers", CHIRAL, "--steps", 1), "--steps is 1")


@pytest.mark.parametrize("hydrogens", [True, False])
def test_etkdg_conformers_are_in_the_same_files(egi, tmp_path, hydrogens):
    flag = "--hydrogens" if hydrogens else "--no-hydrogens"
    result = egi("conformers", CHIRAL, "--num", 3, "--model", "etkdg", "--out", "out", flag)
    assert result.code == 0
    (made,) = molecules_from_sdf(tmp_path / "out" / FOLDER / "conformers.sdf")
    assert made.smiles == molecule(CHIRAL).smiles and made.rdmol.GetNumConformers() == 3
    record = Chem.SDMolSupplier(str(tmp_path / "out" / FOLDER / "conformers.sdf"), removeHs=False)[0]
    assert record.GetNumAtoms() == (molecule(CHIRAL).n_atoms if hydrogens else 9)
    (row,) = rows(tmp_path / "out" / "summary.csv")
    assert (row["n_frames"], row["stereo_retention"], row["valid"]) == ("3", "1.0", "1.0")


def test_the_page_of_conformers_is_written_and_not_where_it_is_not_wanted(egi, tmp_path):
    pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")
    common = ("conformers", CHIRAL, "--num", 3, "--model", "etkdg", "--out", "out")
    assert egi(*common).code == 0 and not (tmp_path / "out" / "report.html").exists()
    assert egi(*common, "--report").code == 0
    assert '"ensemble": true' in (tmp_path / "out" / "report.html").read_text()
    (tmp_path / "out" / "report.html").unlink()
    assert egi("view", "out", "--no-browser").out.strip() == "out/report.html"


def test_conformers_in_a_solvent_and_minima_without_one(egi, tmp_path, structures_folder):
    asked = ("--num", 2, "--model", structures_folder, "--solvent", "water", "--out", "out")
    assert egi("conformers", CHIRAL, *asked).code == 0
    meta = json.loads((tmp_path / "out" / FOLDER / "meta.json").read_text())
    assert meta["ensemble"] == "tip3p" and not [text for text in meta["warnings"] if "order of time" in text]
    sentence(egi("conformers", CHIRAL, "--ensemble", "minimum", "--solvent", "water"), "Minima have no solvent")
    sentence(egi("conformers", CHIRAL, "--model", "etkdg", "--temperature", 350), "neither solvent nor temperature")
