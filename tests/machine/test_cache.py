"""Where compiled code is kept, the compiler that makes it, and the seal that finds a part of it missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from eginterpolator.errors import InputError
from eginterpolator.machine.cache import cache_folder, check_seal, compiler, make_cache_folder, sealed


def test_the_folder_is_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "eginterpolator" and not cache_folder().exists()
    assert make_cache_folder() == cache_folder() and cache_folder().is_dir()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "eginterpolator"


def test_folders_that_cannot_be_are_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="set XDG_CACHE_HOME"):
        make_cache_folder()

    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(InputError, match="no home directory"):
        cache_folder()


def test_a_compiler_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-compiler")
    with pytest.raises(InputError, match="'no-compiler'"):
        compiler()
    (tmp_path / "cxx").write_text("#!/bin/sh\n")
    (tmp_path / "cxx").chmod(0o755)
    monkeypatch.setenv("CXX", str(tmp_path / "cxx"))
    assert compiler() == str(tmp_path / "cxx")


def test_a_seal_finds_every_missing_end_and_every_changed_byte(tmp_path):
    path, whole = tmp_path / "a.so", sealed(b"library" * 9)
    path.write_bytes(whole)
    check_seal(path)
    assert whole.startswith(b"library" * 9)
    changed = bytes([whole[0] ^ 1]) + whole[1:]
    for content in (whole[:-1], whole[: len(whole) // 2], b"", changed):
        path.write_bytes(content)
        with pytest.raises(RuntimeError, match="hash"):
            check_seal(path)
    with pytest.raises(OSError):
        check_seal(tmp_path / "none")
