"""Results are what lies in the folder; links lead nowhere."""

from __future__ import annotations

import io
import os
import zipfile

from eginterpolator.serve.results import find_result, id_of, results
from tests.builders.serve import write_result


def test_results_are_listed_the_newest_first_and_found_by_id(tmp_path):
    old, new = write_result(tmp_path / "old one"), write_result(tmp_path / "new")
    os.utime(old / "summary.csv", (1, 1))
    (tmp_path / "unfinished").mkdir()
    (tmp_path / ".hidden").mkdir()
    assert [result.folder for result in results(tmp_path)] == [new, old]
    shown = results(tmp_path)[0].shown()
    assert (shown["name"], shown["samples"], shown["n_frames"], shown["seed"]) == ("CCO", "2", "6", 7)
    assert find_result(tmp_path, id_of(old)).folder == old
    assert all(find_result(tmp_path, id) is None for id in ("new", "..", "", "0" * 16))


def test_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    out = tmp_path / "out"
    folder = write_result(out / "one")
    (folder / "link.txt").symlink_to(secret)
    (folder / "CCO" / "up").symlink_to(tmp_path, target_is_directory=True)
    (out / "linked").symlink_to(write_result(tmp_path / "elsewhere"), target_is_directory=True)
    (result,) = results(out)
    assert [file["name"] for file in result.shown()["files"]] == [
        "failures.csv", "report.html", "summary.csv", "CCO/meta.json", "CCO/trajectory_000.xtc",
    ]  # fmt: skip
    (folder / "report.html").unlink()
    (folder / "report.html").symlink_to(secret)
    assert results(out) == []


def test_a_table_with_a_name_that_leads_out_is_not_followed(tmp_path):
    folder = write_result(tmp_path / "out" / "one")
    write_result(tmp_path / "other")
    table = folder / "summary.csv"
    table.write_text(table.read_text().replace("\nCCO,", "\n../../other/CCO,"))
    assert results(tmp_path / "out")[0].shown()["seed"] is None


def test_a_pack_holds_every_file(tmp_path):
    write_result(tmp_path / "one")
    stream = io.BytesIO()
    results(tmp_path)[0].pack(stream)
    archive = zipfile.ZipFile(stream)
    assert archive.testzip() is None and archive.read("one/CCO/trajectory_000.xtc") == b"frames"
    assert len(archive.namelist()) == 5
