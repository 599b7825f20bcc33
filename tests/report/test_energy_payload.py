"""Energies beside trajectories."""

from __future__ import annotations

import numpy as np

from eginterpolator.report.energy_payload import energies_payload, read_energies

TABLE = "time_ps,potential_kcal,temperature_K,density_g_ml\n1.0,-3.5,300.0,\n2.0,,310.0,\n3.0,-2.5,320.0,\n"


def test_columns_with_numbers_are_read_and_thinned(tmp_path):
    (tmp_path / "e.csv").write_text(TABLE)
    found = read_energies(tmp_path / "e.csv", 3)
    assert sorted(found) == ["potential_kcal", "temperature_K"]
    np.testing.assert_array_equal(found["potential_kcal"], [-3.5, np.nan, -2.5])
    rows = energies_payload(found, 2)
    assert [(row["label"], row["unit"], row["values"]) for row in rows] == [
        ("Potential energy", "kcal/mol", [-3.5, -2.5]), ("Temperature", "K", [300.0, 320.0]),
    ]  # fmt: skip
    assert energies_payload(found, 1)[0]["values"][1] is None


def test_a_table_of_other_frames_is_not_shown(tmp_path):
    (tmp_path / "e.csv").write_text(TABLE)
    assert read_energies(tmp_path / "e.csv", 4) == {} and read_energies(tmp_path / "none.csv", 4) == {}
