"""A bad result is loud: a warning on screen, in the tables and on the page; a failure where nothing is of use."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.inputs import Failure
from eginterpolator.generation import conformers, quality, runs, tasks
from eginterpolator.generation.quality import nothing_usable, quality_warnings
from eginterpolator.generation.runs import run_conformers, run_etkdg, run_generation
from eginterpolator.generation.tasks import GenerationConfig
from eginterpolator.models.census import census_of
from tests.builders.cli import rows
from tests.builders.conformers import embedded

LIMITS = {"ENOUGH_VALID": 0.9, "ENOUGH_STEREO": 0.99, "USABLE": 0.1}


@pytest.fixture
def strict(monkeypatch, random_weights_count):
    """The limits of the product, which the tests of other things leave out."""
    for name, value in LIMITS.items():
        monkeypatch.setattr(quality, name, value)


@pytest.fixture
def shares(monkeypatch, strict):
    """Results of which a share is valid and a share has its stereo, as a test says."""
    said = {"valid": 1.0, "stereo_retention": 1.0, "failed_checks": {}}
    monkeypatch.setattr(tasks, "judged", lambda molecule, positions: dict(said))
    monkeypatch.setattr(conformers, "judged", lambda molecule, positions: dict(said))
    return said


def test_torsions_that_a_clock_never_saw_jump_are_named(strict):
    movers = [{"torsions": [0], "jumps": 12}, {"torsions": [1, 2], "jumps": 0}, {"torsions": [4], "jumps": 0}]
    good = {"valid": 1.0, "stereo_retention": 1.0, "clock": {"movers": movers}}
    (said,) = quality_warnings(good)
    assert said.startswith("The clock saw no jump of the torsions 1, 2, 4 (rows of torsions.csv")
    assert quality_warnings({**good, "clock": {"movers": movers[:1]}}) == []


def test_wells_that_no_replica_visited_are_named():
    movers = [{"torsions": [0], "jumps": 5, "unvisited": 0.04}, {"torsions": [2], "jumps": 5, "unvisited": 0.081}]
    (said,) = quality_warnings({"valid": 1.0, "stereo_retention": 1.0, "clock": {"movers": movers}})
    assert said.startswith(
        "No replica of the clock visited some wells of the torsions 2 (8.1 % of the network's frames)"
    )


CONFIG = GenerationConfig(n_frames=3, steps=2, hydrogens=False)
ETHANOL = Molecule.from_smiles("CCO", "ethanol")


def test_sentences_say_what_is_wrong_and_in_how_many_frames():
    good = {"valid": 0.9, "stereo_retention": 0.99, "failed_checks": {"angles": 0.1}}
    assert quality_warnings(good) == [] and nothing_usable(good) is None
    bad = {"valid": 0.45, "stereo_retention": 0.5, "failed_checks": {"angles": 0.5, "bonds": 0.55, "double_bonds": 0.2}}
    first, second = quality_warnings(bad)
    assert first == ("Only 45 % of the frames are valid (wrong: bonds in 55 %, angles in 50 %, double bonds in 20 %).")
    assert second == "Only 50 % of the frames have the molecule's stereo."
    assert nothing_usable(bad) is None
    for key in ("valid", "stereo_retention"):
        assert "nothing usable came out" in str(nothing_usable({**good, key: 0.09}))
    assert quality_warnings({"valid": 0.2, "stereo_retention": 1.0}) == ["Only 20 % of the frames are valid."]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"valid": 0.89, "failed_checks": {"axes": 0.1}}, "Only 89 % of the frames are valid (wrong: axes in 10 %)."),
        ({"stereo_retention": 0.98}, "Only 98 % of the frames have the molecule's stereo."),
    ],
)
def test_a_warning_is_in_the_meta_data_and_the_table(tiny, tmp_path, shares, said, sentence):
    shares |= said
    result = run_generation(tiny, [ETHANOL], tmp_path, CONFIG)
    assert result.done == ["ethanol"] and not result.failures and result.exit_code == 0
    assert sentence in json.loads((tmp_path / "ethanol" / "meta.json").read_text())["warnings"]
    assert rows(tmp_path / "summary.csv")[0]["warnings"] == sentence
    again = run_generation(tiny, [ETHANOL], tmp_path, CONFIG)
    assert again.skipped == ["ethanol"] and rows(tmp_path / "summary.csv")[0]["warnings"] == sentence


@pytest.mark.parametrize("key", ["valid", "stereo_retention"])
@pytest.mark.parametrize("what", ["trajectories", "conformers", "etkdg"])
def test_what_is_of_no_use_has_failed_and_its_files_stay(tiny, tmp_path, shares, key, what):
    shares[key] = 0.05

    def run():
        if what == "trajectories":
            return run_generation(tiny, [ETHANOL], tmp_path, CONFIG)
        if what == "conformers":
            return run_conformers(tiny, [ETHANOL], tmp_path, 2, CONFIG)
        return run_etkdg([ETHANOL], tmp_path, 2, 0)

    for _ in range(2):  # the second time it is finished, and failed as before
        result = run()
        assert result.done == result.skipped == [] and result.exit_code == 1
        (failure,) = result.failures
        assert isinstance(failure, Failure) and "nothing usable came out: Only 5 %" in failure.reason
        assert rows(tmp_path / "failures.csv")[0]["name"] == "ethanol"
        assert rows(tmp_path / "summary.csv")[0][key] == "0.05" and (tmp_path / "ethanol" / "meta.json").is_file()


def test_the_command_says_so(egi, shares):
    shares |= {"valid": 0.5, "failed_checks": {"angles": 0.5}}
    result = egi("generate", "CCO", "--out", "out")
    assert result.code == 0 and "1 done, 1 with warnings (see out/summary.csv)" in result.out
    assert "warning: CCO: Only 50 % of the frames are valid (wrong: angles in 50 %)." in result.err
    told = json.loads(egi("generate", "CCO", "--out", "out", "--json").out)["warnings"]
    assert told["CCO"].startswith("Only 50 %")
    shares |= {"valid": 0.0}
    for command, option in (("generate", "--samples"), ("conformers", "--num")):
        result = egi(command, "CCO", "--out", command, option, "1")
        assert result.code == 1 and "0 done, 1 failed (see" in result.out
        assert "failed: CCO: nothing usable came out: Only 0 % of the frames are valid" in result.err


def test_the_page_shows_warnings_and_failures(egi, shares, tmp_path):
    shares |= {"valid": 0.02}
    assert egi("generate", "CCO", "--out", "out", "--report").code == 1
    page = (tmp_path / "out" / "report.html").read_text()
    assert "nothing usable came out" in page and "Only 2 % of the frames are valid" in page


def test_random_weights_give_nothing_of_use(tiny, tmp_path, strict):
    result = run_generation(tiny, [ETHANOL], tmp_path, CONFIG)
    assert result.exit_code == 1 and "nothing usable" in result.failures[0].reason


def test_what_is_new_to_the_model_is_said_before_it_is_made(tiny, tmp_path, shares, caplog):
    tiny.census = census_of([(Chem.MolFromSmiles(s), "thermal") for s in ("CCO", "CCCO", "CCOC") * 3], "a list")
    odd = Molecule.from_smiles("C[N+](C)(C)CCO", "choline")
    many = [Molecule(odd.rdmol, f"choline_{k}") for k in range(runs.SHOWN + 2)]
    result = run_generation(tiny, [ETHANOL, odd], tmp_path, CONFIG)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith("choline: Outside of the training data of 'tiny-cascaded'")
    assert "charge +1 on N: never seen" in line and "net charge +1: never seen" in line
    assert result.done == ["ethanol", "choline"]
    table = rows(tmp_path / "summary.csv")
    assert table[0]["warnings"] == "" and "charge +1 on N: never seen" in table[1]["warnings"]
    caplog.clear()
    runs._check_ahead(runs.Models.of(tiny), many, [], force=False)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == runs.SHOWN + 1 and lines[-1].startswith("2 more molecules have warnings")


def test_checks_reach_the_meta_data(tiny):
    molecule, frames = embedded("CCO", 2)
    bad = frames.copy()
    bad[0, 0] += 1.0
    meta = tasks.judged(molecule, bad)
    assert meta["valid"] == 0.5 and meta["failed_checks"]["bonds"] == 0.5 and np.isclose(meta["stereo_retention"], 1.0)
    assert tasks.judged(molecule, frames)["failed_checks"] == {}
