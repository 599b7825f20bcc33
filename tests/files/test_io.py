"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path, fill, fsync_folder, sha256, write_json, write_text


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "below" / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        assert temporary.suffix == ".json" and temporary.parent == path.parent
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1} and list(path.parent.iterdir()) == [path]


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    fsync_folder(tmp_path)


def test_files_have_the_rights_that_the_user_gives_to_new_ones(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_only_what_is_between_the_markers_is_filled(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("before\n<!-- x:start -->\nold\n<!-- x:end -->\nafter\n")
    fill(page, "x", "new")
    fill(page, "x", "newer")
    assert page.read_text() == "before\n<!-- x:start -->\nnewer\n<!-- x:end -->\nafter\n"
    page.write_text(page.read_text() * 2)
    for name in ("x", "y"):
        with pytest.raises(InputError, match="lacks the markers"):
            fill(page, name, "newest")


@pytest.mark.parametrize("size", [0, 5, (1 << 20) + 1])
def test_the_hash_is_that_of_all_bytes(tmp_path, size):
    content = bytes(k % 251 for k in range(size))
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
