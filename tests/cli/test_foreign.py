"""The command line with what real users have: second molecules, salts, other locales, long names, frames of others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from rdkit import Chem

import eginterpolator
from eginterpolator.files.folder import read_molecule_folder
from tests.builders import ROOT
from tests.builders.cli import rows, sentence
from tests.builders.foreign import mol
from tests.builders.networks import CHIRAL, molecule

COMMAND = "from eginterpolator.cli import main; main()"


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


def test_an_error_of_one_molecule_shows_no_traceback_with_v_and_one_with_debug(tmp_path):
    (tmp_path / "m.smi").write_text("CCO a\nC=O b\n")
    code = f"""
import sys
from eginterpolator.generation import runs
def crashing(*arguments):
    raise RuntimeError("out of memory")
runs.generate_trajectories = crashing
{COMMAND}
"""
    words = ["generate", "m.smi", "--model", "qm9-obc2", "--frames", "4", "--no-report", "--out", "out"]
    for flag, shown in (("-v", False), ("--debug", True)):
        done = subprocess.run(
            [sys.executable, "-c", code, *words, flag], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1 and done.stderr.count("failed: a: RuntimeError: out of memory") == 1, done.stderr
        assert ("Traceback" in done.stderr) == shown


def test_a_name_that_no_folder_can_have_ends_nothing(tmp_path, monkeypatch):
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.generation.runs import run_etkdg

    molecules = [Molecule.from_smiles("CCO", name) for name in ("a", "x" * 300, "ä" * 200, "b")]
    result = run_etkdg(molecules, tmp_path / "out", 1, 0)
    assert result.done == ["a", "b"] and [f.name for f in result.failures] == ["x" * 300, "ä" * 200]
    assert all("File name too long" in f.reason for f in result.failures)
    again = run_etkdg(molecules, tmp_path / "out", 1, 0)
    assert again.skipped == ["a", "b"] and len(again.failures) == 2


LATIN = "CCO Bär\nCC#N Größe\nC( Übel\nC=O Bär\n"


@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "C.UTF-8"}])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_letters_and_locales(tmp_path, locale, encoding):
    (tmp_path / "m.smi").write_bytes(LATIN.encode(encoding))
    table = "SMILES;Name\r\n" + "".join(f"{a};{b}\r\n" for a, b in (line.split() for line in LATIN.splitlines()))
    (tmp_path / "m.csv").write_bytes(table.encode(encoding))
    record = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + ">  <Größe>\nnaïve\n\n$$$$\n"
    (tmp_path / "m.sdf").write_bytes(("Bär" + record).encode(encoding))
    for source, count, failed in (("m.smi", 3, 1), ("m.csv", 3, 1), ("m.sdf", 1, 0)):
        words = ["conformers", source, "--model", "etkdg", "--num", "1", "--out", f"out-{source}"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG"))}
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *words], cwd=tmp_path, capture_output=True, check=False,
            env={**environment, **locale},
        )  # fmt: skip
        error = done.stderr.decode("utf-8", "replace")
        assert done.returncode == failed and "Traceback" not in error, error
        assert ("not UTF-8 and was read as Latin-1" in error) == (encoding == "latin-1"), error
        out = tmp_path / f"out-{source}"
        table = (out / "failures.csv").read_text(encoding="utf-8")
        assert table.count("\n") == 1 + failed and ("Übel" in table) == bool(failed)
        folders = [path for path in out.iterdir() if path.is_dir()]
        assert len(folders) == count == len(rows_of(out))
        for folder in folders:
            text = (folder / "conformers.sdf").read_text(encoding="utf-8")
            assert "naïve" in text or source != "m.sdf"
    if "PYTHONUTF8" not in locale:
        assert {path.name for path in (tmp_path / "out-m.smi").iterdir()} >= {"Bär", "Bär_2", "Größe"}


def rows_of(out) -> list[str]:
    return (out / "summary.csv").read_text(encoding="utf-8").splitlines()[1:]


def test_tables_are_printed_where_there_is_no_angstrom(tmp_path):
    code = f"import sys; sys.stdout.reconfigure(encoding='ascii', errors='strict'); {COMMAND}"
    done = subprocess.run(
        [sys.executable, "-c", code, "evaluate", "conformers", "--help"], capture_output=True, check=False
    )
    assert done.returncode == 0 and rb"\xc5" in done.stdout


def test_the_version_has_one_place(egi):
    with open(ROOT / "pyproject.toml", "rb") as stream:
        version = tomllib.load(stream)["project"]["version"]
    assert egi("--version").out == f"egi {version}\n" and eginterpolator.__version__ == version
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    assert not any(f'"{version}"' in text for text in sources)


def test_help_shows_what_is_in_brackets(egi):
    text = re.sub(r"[│|\s]+", " ", egi("evaluate", "trajectories", "--help").out)
    assert "extra [md]." in text
    assert "--largest-fragment" in egi("generate", "--help").out and "--version" in egi("--help").out
