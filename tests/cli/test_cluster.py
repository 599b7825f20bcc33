"""`egi cluster`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eginterpolator.files.folder import write_molecule_folder
from tests.builders.cli import rows, sentence
from tests.builders.pages import embedded
from tests.builders.wells import turned


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    made = turned("CCCCCC", (1, 2, 3, 4), np.repeat([180.0, 65.0], [30, 20]) + random.normal(scale=6, size=50))
    write_molecule_folder(tmp_path / "out" / "hexane", made.molecule, [made] * 5, {})
    return tmp_path / "out"


def test_it_says_what_it_did_and_the_page_lists_the_clusters(egi, folder):
    pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")
    found = egi("cluster", "out", "--clusters", "2")
    assert found.code == 0, found.err
    assert "hexane: 2 clusters (average linkage, 2 clusters); 250 of 250 frames compared" in found.out
    assert "C1: 60 % (" in found.out and "out/hexane/clusters.sdf" in found.out
    (molecule,) = embedded((folder / "report.html").read_text())["molecules"]
    table = rows(folder / "hexane" / "clusters.csv")
    assert [row["name"] for row in molecule["clusters"]["rows"]] == ["C1", "C2"]
    assert [row["frame"] for row in molecule["clusters"]["rows"]] == [int(row["frame"]) for row in table]


def test_as_json_and_without_page(egi, folder):
    found = json.loads(egi("cluster", "out", "--metric", "torsion", "--no-report", "--json").out)
    assert found["failures"] == [] and not (folder / "report.html").exists()
    assert [row["cluster"] for row in found["clusters"]["hexane"]] == ["C1", "C2"]


def test_bad_settings_and_failures_are_one_sentence(egi, folder):
    sentence(egi("cluster", "out", "--cutoff", "1", "--clusters", "2"), "not both")
    sentence(egi("cluster", "nowhere"), "holds no molecule folders")
    (folder / "hexane" / "meta.json").unlink()
    found = egi("cluster", "out", "--no-report")
    assert found.code == 1 and "failed: hexane: " in found.err
