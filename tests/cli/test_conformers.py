"""`egi conformers`: folders, resume, RDKit's in the same files."""

from __future__ import annotations

import json

import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import molecules_from_sdf
from tests.builders.cli import rows, sentence
from tests.builders.networks import CHIRAL, molecule
from tests.builders.pages import embedded

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


def test_ranked_conformers_are_sorted_counted_and_made_again_with_other_options(egi, tmp_path):
    common = ("conformers", CHIRAL, "--num", 12, "--model", "etkdg", "--out", "out", "--energies", "mmff")
    result = egi(*common, "--clusters", "0.4")
    folder, root = tmp_path / "out" / FOLDER, Chem.SDMolSupplier
    assert result.code == 0, result.err
    files = ["clusters.csv", "conformers.csv", "conformers.sdf", "meta.json"]
    assert sorted(path.name for path in folder.iterdir()) == files
    facts = json.loads((folder / "meta.json").read_text())["ranking"]
    table, records = rows(folder / "conformers.csv"), list(root(str(folder / "conformers.sdf"), removeHs=False))
    assert facts["generated"] == 12 and facts["kept"] == len(table) == len(records) >= 2
    assert f"{facts['kept']} of 12 kept" in result.out and str(sum(facts["dropped"].values())) in result.out
    for name in ("energy_kcal", "relative_kcal", "population", "found", "cluster", "rmsd_to_best"):
        told = [record.GetProp(name) for record in records]
        if name == "cluster":
            assert told == [row[name] for row in table] and "C1" in told
        else:
            assert [float(x) for x in told] == pytest.approx([float(row[name]) for row in table], abs=1e-3), name
    energies = [float(record.GetProp("energy_kcal")) for record in records]
    assert energies == sorted(energies) and energies[-1] - energies[0] <= 6.0
    assert sum(float(row["population"]) for row in rows(folder / "clusters.csv")) == pytest.approx(1.0, abs=1e-4)
    assert [row["samples"] for row in rows(tmp_path / "out" / "summary.csv")] == ["1"]
    assert "1 finished before" in egi(*common, "--clusters", "0.4").out
    for other in (("--clusters", "0.5"), ("--clusters", "0.4", "--window", "5"), ("--clusters", "2")):
        sentence(egi(*common, *other), "other settings")
    again = egi(*common, "--window", "0.5", "--clusters", "2", "--overwrite")
    assert again.code == 0 and "above the window" in again.out
    few = rows(folder / "conformers.csv")
    assert len(few) < len(table) and max(float(row["relative_kcal"]) for row in few) <= 0.5
    assert len(rows(folder / "clusters.csv")) == 2 and "cluster" in few[0]
    sentence(egi(*common, "--window", "0", "--out", "none"), "--window is 0")
    sentence(egi("conformers", CHIRAL, "--window", "3"), "--window needs energies")
    sentence(egi(*common, "--no-hydrogens", "--out", "none"), "leave --no-hydrogens away")
    assert not (tmp_path / "none").exists()


def test_structures_of_a_network_are_ranked_too(egi, tmp_path):
    """The tiny model's structures are no molecules; what MMFF94s makes of them is the molecule or counted."""
    assert egi("conformers", CHIRAL, "--num", 3, "--energies", "mmff", "--out", "out").code == 0
    meta = json.loads((tmp_path / "out" / FOLDER / "meta.json").read_text())
    facts = meta["ranking"]
    assert facts["generated"] == 3 and facts["kept"] + sum(facts["dropped"].values()) == 3
    assert meta["stereo_retention"] == 1.0 and meta["n_frames"] == facts["kept"]
    assert egi("conformers", CHIRAL, "--num", 3, "--clusters", 2, "--out", "grouped").code == 0
    assert len(rows(tmp_path / "grouped" / FOLDER / "clusters.csv")) <= 2
    assert "energy_kcal" not in rows(tmp_path / "grouped" / FOLDER / "conformers.csv")[0]


def test_the_page_of_conformers_is_written_and_not_where_it_is_not_wanted(egi, tmp_path):
    pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")
    common = ("conformers", CHIRAL, "--num", 3, "--model", "etkdg", "--out", "out")
    assert egi(*common).code == 0 and not (tmp_path / "out" / "report.html").exists()
    assert egi(*common, "--report").code == 0
    assert '"ensemble": true' in (tmp_path / "out" / "report.html").read_text()
    assert embedded((tmp_path / "out" / "report.html").read_text())["molecules"][0]["ladder"] is None
    (tmp_path / "out" / "report.html").unlink()
    assert egi("view", "out", "--no-browser").out.strip() == "out/report.html"


def test_conformers_in_a_solvent_and_minima_without_one(egi, tmp_path, structures_folder):
    asked = ("--num", 2, "--model", structures_folder, "--solvent", "water", "--out", "out")
    assert egi("conformers", CHIRAL, *asked).code == 0
    meta = json.loads((tmp_path / "out" / FOLDER / "meta.json").read_text())
    assert meta["ensemble"] == "tip3p" and not [text for text in meta["warnings"] if "order of time" in text]
    sentence(egi("conformers", CHIRAL, "--ensemble", "minimum", "--solvent", "water"), "Minima have no solvent")
    sentence(egi("conformers", CHIRAL, "--model", "etkdg", "--temperature", 350), "neither solvent nor temperature")
