"""`egi data`: import, info, check, and what they say."""

from __future__ import annotations

import json
import re

import h5py
import numpy as np
import pytest

from eginterpolator.data.check import check
from eginterpolator.data.info import describe
from eginterpolator.data.store import Store
from tests.builders.cli import sentence
from tests.builders.records import flip, offset, write_damaged_folders, written


@pytest.mark.parametrize("array", ["conformers", "trajectories", "atomic_numbers"])
def test_round_trip_and_a_flipped_byte(egi, tmp_path, array):
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    records = written(a)
    written(b, ["CCN", "CCF"])
    with Store(a) as store:
        for name, wanted in records.items():
            np.testing.assert_array_equal(store[name].trajectories, wanted.trajectories)
    good = egi("data", "check", a, b)
    assert good.code == 0 and good.out.count("what the manifest says") == 2
    flip(a, offset(a, "m1", array) + 3)
    bad = egi("data", "check", a, b)
    assert bad.code == 1 and "Traceback" not in bad.err
    assert re.findall(r"damaged: group '(\w+)' of '(.*?)'", bad.out) == [("m1", str(a))]
    assert f"{b}: file, groups and arrays" in bad.out


def test_stores_of_before_and_without_a_manifest_are_checked_as_far_as_they_can(egi, tmp_path):
    path, manifest = tmp_path / "a.h5", tmp_path / "a.h5.json"
    written(path)
    old = {key: value for key, value in json.loads(manifest.read_text()).items() if key != "groups"}
    manifest.write_text(json.dumps(old))
    assert check(path) == []
    with h5py.File(path, "a") as file:
        file["m2"].attrs["frame_ps"] = 5.2
    assert [(fault.group, fault.reason) for fault in check(path)] == [
        ("", "its bytes are not those the manifest was written for")
    ]
    manifest.unlink()
    result = egi("data", "check", path)
    assert result.code == 0 and "has no manifest" in result.out


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_a_truncated_store_is_one_sentence(egi, tmp_path, keep):
    path = tmp_path / "a.h5"
    written(path)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    for command in ("check", "info"):
        sentence(egi("data", command, path), str(path))


def test_info_prints_a_table_and_bars(egi, tmp_path):
    written(tmp_path / "a.h5")
    result = egi("data", "info", tmp_path / "a.h5")
    assert result.code == 0
    for text in ("molecules", "trajectory frames", "by heavy atoms", "by element", "by frame spacing, ps", "sha256"):
        assert text in result.out
    bars = {name: (len(bar), int(count)) for name, bar, count in re.findall(r"^ +(\w+) (█+) (\d+)$", result.out, re.M)}
    assert bars["C"] == bars["H"] == (40, 3) and bars["O"] == (27, 2) and bars["N"] == (13, 1)
    assert json.loads(egi("data", "info", tmp_path / "a.h5", "--json").out) == json.loads(
        json.dumps(describe(tmp_path / "a.h5"))
    )


def test_info_draws_what_it_counts(egi, tmp_path):
    written(tmp_path / "a.h5")
    assert egi("data", "info", tmp_path / "a.h5", "--plot", tmp_path / "a.png").code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    egi("data", "info", tmp_path / "a.h5", "--plot", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert all(label in text for label in ("<svg", "heavy atoms", "element", "frame spacing, ps"))
    sentence(egi("data", "info", tmp_path / "a.h5", "--plot", tmp_path / "a.doc"), "is no picture")
    assert not (tmp_path / "a.doc").exists()


@pytest.fixture
def folders(tmp_path):
    return write_damaged_folders(tmp_path)


def test_import_shows_what_it_dropped_and_exits_1_for_broken_files(egi, folders, tmp_path):
    result = egi("data", "import", folders, "--out", "md.h5")
    assert result.code == 1 and "Traceback" not in result.err
    assert "failed: cut: " in result.err and "trajectory_001.xtc" in result.err
    text = re.sub(r"[^\w.,]+", " ", result.out)
    assert re.search(r"kept 2 12 structures", text) and "dropped a replica 1 half" in text, text
    manifest = json.loads((tmp_path / "md.h5.json").read_text())
    assert manifest["dropped_structures"] == {"a replica has broken bonds": 1}
    assert manifest["failures"].keys() == {"cut"} and set(manifest["groups"]) == {"good", "half"}
    as_json = egi("data", "import", folders, "--out", "again.h5", "--json", "--quiet")
    assert json.loads(as_json.out)["molecules"] == 2


def test_nothing_left_leaves_what_was_there(egi, folders, tmp_path):
    written(tmp_path / "md.h5")
    before = (tmp_path / "md.h5").read_bytes(), (tmp_path / "md.h5.json").read_bytes()
    (tmp_path / "all.smi").write_text("CCO\nCCN\nCCC\n")
    result = egi("data", "import", folders, "--out", "md.h5", "--exclude", "all.smi", "--quiet")
    sentence(result, "No molecule of folders in md is left")
    assert before == ((tmp_path / "md.h5").read_bytes(), (tmp_path / "md.h5.json").read_bytes())
