"""What the page says of ranked conformers, from their tables."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.files.folder import write_conformer_folder
from eginterpolator.files.trajectory import ConformerEnsemble
from eginterpolator.report import write_folder_report
from eginterpolator.report.conformer_payload import ladder_payload, members, ranking_note, weights_of
from eginterpolator.simulation.conformers import RankSettings, ranked
from tests.builders.conformers import FLEXIBLE, embedded
from tests.builders.pages import embedded as page_data

ROWS = [
    {"relative_kcal": "0", "population": "0.8", "cluster": "C1", "rmsd_to_best": "0", "found": "3"},
    {"relative_kcal": "0.7", "population": "0.15", "cluster": "C2", "rmsd_to_best": "1.1", "found": "1"},
    {"relative_kcal": "1.6", "population": "0.05", "cluster": "C1", "rmsd_to_best": "0.3", "found": "2"},
]
RANKING = {
    "generated": 9, "kept": 3, "dropped": {"duplicates": 3, "not converged": 3}, "energies": "MMFF94s in vacuum",
    "temperature_K": 300.0,
}  # fmt: skip


def test_a_ladder_has_a_level_a_structure_and_says_what_was_left_out():
    ladder = ladder_payload(ROWS, RANKING, 1)
    assert [level["kcal"] for level in ladder["levels"]] == [0.0, 0.7, 1.6]
    assert [level["frame"] for level in ladder_payload(ROWS, RANKING, 2)["levels"]] == [0, 0, 1]
    assert "3 of 9 kept: 3 duplicates, 3 not converged left out." in ladder["note"]
    assert "MMFF94s in vacuum" in ladder["note"] and "300 K" in ladder["note"]
    assert ladder_payload([{"population": "0.5"}], RANKING, 1) is None and ladder_payload([], None, 1) is None
    assert ranking_note({}) == ""


def test_members_and_weights():
    assert members(ROWS, 1) == {"C1": [0, 2], "C2": [1]} and members(ROWS, 2) == {"C1": [0, 1]}
    assert weights_of(ROWS, 3) == [0.8, 0.15, 0.05]
    assert weights_of(ROWS, 2) is None and weights_of([{"population": ""}], 1) is None


def test_the_page_of_a_folder_of_ranked_conformers(tmp_path):
    pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")
    molecule, frames = embedded(FLEXIBLE)
    found = ranked(ConformerEnsemble(molecule, frames), RankSettings.of("mmff", clusters="0.6"))
    write_conformer_folder(tmp_path / "demo", found, {"name": "demo", "warnings": [], **found.meta})
    (shown,) = page_data(write_folder_report(tmp_path).read_text())["molecules"]
    assert shown["headline"][0] == ["Structures", f"{len(found)} of 12"]
    assert len(shown["ladder"]["levels"]) == len(found) and "kept" in shown["ladder"]["note"]
    rows = shown["clusters"]["rows"]
    assert [row["name"] for row in rows] == found.clusters["cluster"] and "within 0.6" in shown["clusters"]["note"]
    assert sorted(k for row in rows for k in row["members"]) == list(range(len(found)))
    assert all("ranking" not in label.lower() for label, _ in shown["facts"])
    for torsion in shown["torsions"]:  # shares are sums of populations, which have no intervals
        assert sum(well["share"][0] for well in torsion["wells"]) == pytest.approx(1.0, abs=2e-3)
        assert all(well["share"][1] is None for well in torsion["wells"])
    assert np.isclose(sum(row["share"][0] for row in rows), 1.0, atol=1e-3)
