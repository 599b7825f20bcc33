"""The command line in other locales; its version, its help, and no traceback."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from rdkit import Chem

import eginterpolator
from eginterpolator.generation import runs
from tests.builders import ROOT

LATIN = "CCO Bär\nCC#N Größe\nC( Übel\nC=O Bär\n"


def test_an_error_of_one_molecule_shows_no_traceback_with_v_and_one_with_debug(egi, tmp_path, monkeypatch, caplog):
    (tmp_path / "m.smi").write_text("CCO a\nC=O b\n")

    def crashing(*arguments):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(runs, "generate_trajectories", crashing)
    caplog.set_level(logging.INFO)  # what -v shows
    caplog.handler.setLevel(logging.NOTSET)
    result = egi("generate", "m.smi", "-v", "--out", "out")
    assert result.code == 1 and result.err.count("failed: a: RuntimeError: out of memory") == 1
    assert caplog.records and not any(record.exc_info for record in caplog.records)
    egi("generate", "m.smi", "--debug", "--out", "out")
    assert any(record.exc_info for record in caplog.records)
    caplog.clear()
    egi("generate", "m.smi", "-v", "--out", "out")
    assert not any(record.exc_info for record in caplog.records)


def write_letters(folder: Path, encoding: str) -> None:
    (folder / f"{encoding}.smi").write_bytes(LATIN.encode(encoding))
    table = "SMILES;Name\r\n" + "".join(f"{a};{b}\r\n" for a, b in (line.split() for line in LATIN.splitlines()))
    (folder / f"{encoding}.csv").write_bytes(table.encode(encoding))
    record = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + ">  <Größe>\nnaïve\n\n$$$$\n"
    (folder / f"{encoding}.sdf").write_bytes(("Bär" + record).encode(encoding))


SOURCES = {
    f"{encoding}.{suffix}": suffix != "sdf" for encoding in ("latin-1", "utf-8") for suffix in ("smi", "csv", "sdf")
}
"""File -> whether one of its molecules is none."""


def check_letters(folder: Path, source: str, failed: bool) -> list[str]:
    """What a run of conformers made of a source, in UTF-8 whatever the locale; returns the names of the folders."""
    out = folder / f"out-{source}"
    table = (out / "failures.csv").read_text(encoding="utf-8")
    assert table.count("\n") == 1 + failed and ("Übel" in table) == failed
    folders = [path for path in out.iterdir() if path.is_dir()]
    rows = (out / "summary.csv").read_text(encoding="utf-8").splitlines()
    assert len(folders) == len(rows) - 1 == (3 if failed else 1)
    for path in folders:
        text = (path / "conformers.sdf").read_text(encoding="utf-8")
        assert ("naïve" in text) == source.endswith("sdf")
    return sorted(path.name for path in folders)


@pytest.mark.parametrize(("source", "failed"), SOURCES.items())
def test_letters_of_latin_1_and_utf_8(egi, tmp_path, caplog, source, failed):
    write_letters(tmp_path, source.split(".")[0])
    result = egi("conformers", source, "--model", "etkdg", "--num", 1, "--out", f"out-{source}")
    assert result.code == failed
    assert ("not UTF-8 and was read as Latin-1" in caplog.text) == source.startswith("latin")
    assert check_letters(tmp_path, source, failed) == (["Bär", "Bär_2", "Größe"] if failed else ["Bär"])


def test_letters_where_the_locale_has_none(tmp_path):
    code = f"""
import sys
from eginterpolator.cli import main
for source in {list(SOURCES)}:
    sys.argv = ["egi", "conformers", source, "--model", "etkdg", "--num", "1", "--out", "out-" + source]
    try:
        main()
    except SystemExit as stop:
        print(source, stop.code or 0)
"""
    for encoding in ("latin-1", "utf-8"):
        write_letters(tmp_path, encoding)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG"))}
    environment |= {"LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False, env=environment)
    assert done.returncode == 0 and b"Traceback" not in done.stderr and done.stdout.isascii(), done.stderr
    assert b"this locale has no letters for 'B\\xe4r'; its folder is 'Bar'" in done.stderr
    for source, failed in SOURCES.items():
        assert f"{source} {int(failed)}".encode() in done.stdout
        assert check_letters(tmp_path, source, failed) == (["Bar", "Bar_2", "Groe"] if failed else ["Bar"])


def test_the_version_has_one_place(egi):
    with open(ROOT / "pyproject.toml", "rb") as stream:
        version = tomllib.load(stream)["project"]["version"]
    assert egi("--version").out == f"egi {version}\n" and eginterpolator.__version__ == version
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    assert not any(f'"{version}"' in text for text in sources)


def test_help_shows_what_is_in_brackets(egi):
    text = re.sub(r"[│|\s]+", " ", egi("evaluate", "trajectories", "--help").out)
    assert "extra [md]." in text
    assert "--version" in egi("--help").out
