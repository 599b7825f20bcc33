"""`egi evaluate`: its tables, its JSON, and its exit code where molecules are missing."""

from __future__ import annotations

import json

import pytest

from eginterpolator.files.folder import write_conformer_folder
from eginterpolator.files.trajectory import ConformerEnsemble
from tests.builders.conformers import FLEXIBLE, embedded, write_folders


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("folders"))


def test_commands(folders, few_states, tmp_path):
    from typer.testing import CliRunner

    from eginterpolator.cli.evaluate import app

    generated, reference = map(str, folders)
    arguments = ["trajectories", generated, reference, "--frames", "40", "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "held-out part of the reference" in done.output and "2604.03911" not in done.output  # no MD
    assert json.loads((tmp_path / "out.json").read_text())["schema_version"] == 3
    assert "Our protocol" in done.output and "lag of 10.4 ps, density in 50 x 50" in " ".join(done.output.split())
    assert "generated minus it" in done.output and "at the oracle" in done.output
    assert "not told of so few molecules" in done.output
    molecule, frames = embedded(FLEXIBLE)
    for name in ("a", "b"):
        write_conformer_folder(tmp_path / "r" / name, ConformerEnsemble(molecule, frames[:2]), {})
    write_conformer_folder(tmp_path / "g" / "a", ConformerEnsemble(molecule, frames[:4]), {})
    partly = CliRunner().invoke(app, ["conformers", str(tmp_path / "g"), str(tmp_path / "r")])
    assert partly.exit_code == 1 and "COV-R" in partly.output and "failed: b" in partly.output
    assert all(f"within {delta} Å" in partly.output for delta in (0.5, 0.75, 1.25))
    one = CliRunner().invoke(app, ["conformers", str(tmp_path / "g"), str(tmp_path / "r"), "--delta", "0.6"])
    assert "within 0.6 Å" in one.output and "1.25" not in one.output
