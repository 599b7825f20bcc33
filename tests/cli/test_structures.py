"""`egi data conformers` and `egi data thermal-md`: stores of structures, and what stops them."""

from __future__ import annotations

import pytest

from eginterpolator.data.store import Store
from tests.builders.cli import sentence
from tests.builders.records import stored


def test_the_commands_say_what_is_wrong(egi, tmp_path, monkeypatch) -> None:
    result = egi("data", "conformers", "CCO", "--num", "3", "--out", "one.h5")
    assert result.code == 0 and "1 done" in result.out and list(stored(tmp_path / "one.h5")) == ["CCO"]
    sentence(egi("data", "conformers", "CCO", "--num", "4", "--out", "one.h5"), "other settings")
    sentence(egi("data", "conformers", "CCO", "--window-kcal", "0", "--out", "two.h5"), "positive energy window")
    sentence(egi("data", "thermal-md", "qm9"), "--limit")
    sentence(egi("data", "thermal-md", "CCO", "--exclude", "nothing.smi"), "no file or folder")
    monkeypatch.setitem(__import__("sys").modules, "tblite.interface", None)
    sentence(egi("data", "conformers", "CCO", "--method", "xtb", "--out", "three.h5"), "eginterpolator[xtb]")
    assert not (tmp_path / "two.h5").exists() and not (tmp_path / "three.h5").exists()


def test_thermal_structures_of_a_file_become_a_dataset(egi, tmp_path) -> None:
    pytest.importorskip("openmm")
    (tmp_path / "in.smi").write_text("CCO ethanol\nCO methanol\nCC=O test\n")
    (tmp_path / "test.smi").write_text("CC=O\n")
    run = ("data", "thermal-md", "in.smi", "--ps", "0.4", "--save-ps", "0.1", "--replicas", "2", "--out", "md")
    result = egi(*run, "--exclude", "test.smi")
    assert result.code == 0 and "2 done" in result.out
    assert "0 done, 2 finished before" in egi(*run, "--exclude", "test.smi").out
    sentence(egi(*run[:4], "0.8", *run[5:]), "runs of other settings")
    assert {path.name for path in (tmp_path / "md").iterdir()} == {"ethanol", "methanol", "summary.csv", "failures.csv"}
    assert egi("data", "thermal", "md", "--out", "thermal.h5").code == 0
    with Store(tmp_path / "thermal.h5") as store:
        assert {record.molecule.smiles for record in store} == {"CCO", "CO"}
        for record in store:
            assert record.trajectories is not None and record.frame_ps == pytest.approx(0.1)
            assert record.trajectories.shape[:2] == (2, 4) and record.ensemble == "obc2"
