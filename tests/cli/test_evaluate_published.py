"""`egi evaluate trajectories --protocol`: table, JSON and page name the protocol; other choices are refused."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from eginterpolator.cli.evaluate import app
from eginterpolator.cli.evaluate_published import refuse_others
from eginterpolator.errors import InputError
from tests.builders.conformers import FLEXIBLE, write_walks
from tests.builders.published import write_generated, write_reference


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("published")
    return str(write_generated(root / "generated")), str(write_reference(root / "reference"))


def run(*arguments: str):
    return CliRunner().invoke(app, ["trajectories", *arguments])


def test_the_table_and_the_json_say_which_protocol_made_them(folders, tmp_path):
    done = run(*folders, "--protocol", "qm9", "--json", str(tmp_path / "out.json"))
    assert done.exit_code == 0, done.output
    assert "Protocol: as published, QM9" in done.output and "MD oracle, 2 molecules" in done.output
    assert "EGInterpolator, arXiv 2604.03911" in done.output and "reference 120 x 500, held out 10 x 500" in done.output
    assert "fewer than 3 components: b" in done.output and "1 torsions never decorrelate" in done.output
    assert json.loads((tmp_path / "out.json").read_text())["protocol"] == "as published, QM9"


def test_published_rows_do_not_stand_beside_our_own_protocol(folders):
    done = run(*folders)
    assert done.exit_code == 0, done.output
    assert "2604.03911" not in done.output and "as published" not in done.output


def test_short_replicas_are_refused(folders, tmp_path):
    write_walks(tmp_path / "short" / "a", FLEXIBLE, 3, 200, 1.3)
    done = run(folders[0], str(tmp_path / "short"), "--protocol", "qm9")
    assert isinstance(done.exception, InputError) and "has 3, the shortest of 0.26 ns" in str(done.exception)


def test_an_unknown_protocol_is_refused(folders):
    done = run(*folders, "--protocol", "qm7")
    assert isinstance(done.exception, InputError) and "choose qm9 or drugs" in str(done.exception)


@pytest.mark.parametrize("given", [["--frames", "100"], ["--no-oracle"], ["--energies", "3"], ["--frame-ps", "1.3"]])
def test_what_the_protocol_fixes_cannot_be_chosen(folders, given):
    done = run(*folders, "--protocol", "qm9", *given)
    assert isinstance(done.exception, InputError) and f"without {given[0]}:" in str(done.exception)


def test_all_that_was_given_is_named():
    refuse_others({"--frames": False})
    with pytest.raises(InputError, match="without --frames, --figures:"):
        refuse_others({"--frames": True, "--energies": False, "--figures": True})
