"""The scripts that make a census from lists and ship it, and that hold simulations against the checks of `valid`."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

import census
import ship_model
import validity
from eginterpolator.errors import InputError
from eginterpolator.models.census import Census
from tests.builders.conformers import write_walks


@pytest.fixture
def call(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(script, *words):
        monkeypatch.setattr(sys, "argv", [script.__file__, *map(str, words)])
        return script.main()

    return run


def test_a_census_from_lists_says_so_and_adds_what_came_before(call, tiny_folder, tmp_path, capsys):
    for name in ("first", "second"):
        shutil.copytree(tiny_folder, tmp_path / name)
    (tmp_path / "list.smi").write_text("CCO ethanol\n[H]/N=C/C imine\n")
    write_walks(tmp_path / "md" / "one", "CCCO", 1, 3, 5.2)
    (tmp_path / "minima.smi").write_text("CCN\n")
    call(census, "first", "--thermal", "list.smi", "md", "--minimum", "minima.smi", "--source", "two lists")
    found = Census.load("first")
    assert found is not None and found.molecules == [3, 1] and "first: 3 simulated, 1 minima" in capsys.readouterr().out
    assert found.source == ["made from lists of molecules: two lists"]
    assert found.tables["traits"]["element N"] == [1, 1] and "element H" not in found.tables["traits"]
    call(census, "second", "--thermal", "list.smi", "--start", "first", "--source", "another")
    found = Census.load("second")
    assert found is not None and found.molecules == [5, 1] and len(found.source) == 2
    (tmp_path / "bad.smi").write_text("C(\n")
    for words, message in (
        (["first", "--thermal", "bad.smi", "--source", "x"], "not a valid SMILES"),
        (["first", "--thermal", "list.smi", "--start", str(tiny_folder), "--source", "x"], "has no census.json"),
    ):
        with pytest.raises(InputError, match=message):
            call(census, *words)


def test_a_model_ships_with_its_census_only(call, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(ship_model, "PRETRAINED", tmp_path / "shipped")
    shutil.copytree(tiny_folder, tmp_path / "model")
    (tmp_path / "card.md").write_text("# card\n")
    words = ["model", "--name", "new", "--sampler", "sde:3", "--card", "card.md"]
    with pytest.raises(InputError, match="has no census.json"):
        call(ship_model, *words)
    (tmp_path / "list.smi").write_text("CCO\n")
    call(census, "model", "--thermal", "list.smi", "--source", "a list")
    call(ship_model, *words)
    assert (tmp_path / "shipped" / "new" / "census.json").read_text() == (
        tmp_path / "model" / "census.json"
    ).read_text()


def test_simulations_are_held_against_the_checks(call, tmp_path):
    write_walks(tmp_path / "md" / "one", "CCCO", 2, 5, 5.2)
    call(validity, "md", "--results", "results")
    rows = json.loads((tmp_path / "results" / "validity.json").read_text())["rows"]
    assert [(row["atoms"], row["frames"], row["valid"]) for row in rows] == [("all", 10, 1.0), ("heavy", 10, 1.0)]
    assert "none loses a frame" in (tmp_path / "results" / "validity.md").read_text()
