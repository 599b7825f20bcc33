"""C++ compiled once for a machine: found again, made anew where anything differs, named where it cannot be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from eginterpolator.errors import InputError
from eginterpolator.machine.compilation import library_file, load_library

needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="there is no C++ compiler: install g++"
)


@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    """A function that gives a number of a generated header; the cache is this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "answer.cpp"
    path.write_text('#include "number.h"\nextern "C" int answer() { return NUMBER; }\n')
    return path


def load(source: Path, number: int = 42, flags: tuple[str, ...] = ()):
    return load_library("answer", [source], flags, generated={"number.h": f"#define NUMBER {number}\n"})


def test_a_library_is_known_by_all_that_it_depends_on(source, monkeypatch):
    first = library_file("answer", [source], ("-O2",), {"a.h": "1"}, 8)
    assert library_file("answer", [source], ["-O2"], {"a.h": "1"}, 8) == first
    others = {
        library_file("other", [source], ("-O2",), {"a.h": "1"}, 8),
        library_file("answer", [source], ("-O3",), {"a.h": "1"}, 8),
        library_file("answer", [source], ("-O2",), {"a.h": "2"}, 8),
        library_file("answer", [source], ("-O2",), {"a.h": "1"}, 4),
    }
    monkeypatch.setenv("CXX", "another")
    others.add(library_file("answer", [source], ("-O2",), {"a.h": "1"}, 8))
    monkeypatch.delenv("CXX")
    source.write_text(source.read_text() + "\n")
    others.add(library_file("answer", [source], ("-O2",), {"a.h": "1"}, 8))
    assert len(others) == 6 and first not in others


@needs_compiler
def test_it_is_compiled_once_and_nothing_else_stays(source, tmp_path, monkeypatch):
    assert load(source).answer() == 42 and load(source, 7).answer() == 7
    assert len(list((tmp_path / "cache" / "eginterpolator").iterdir())) == 2
    monkeypatch.setattr("eginterpolator.machine.compilation.subprocess.run", lambda *a, **k: pytest.fail("compiled"))
    assert load(source).answer() == 42


@needs_compiler
def test_what_cannot_be_compiled_or_loaded_is_named(source, tmp_path, monkeypatch):
    source.write_text("this is no C++")
    with pytest.raises(InputError, match="cannot compile answer: .*error"):
        load(source)
    assert not list((tmp_path / "cache" / "eginterpolator").iterdir()), "half a library stays behind"
    library_file("answer", [source], (), {"number.h": "#define NUMBER 42\n"}, None).write_bytes(b"damaged")
    with pytest.raises(InputError, match="delete it"):
        load(source)
    monkeypatch.setenv("CXX", "no-compiler")
    with pytest.raises(InputError, match="no C\\+\\+ compiler 'no-compiler'"):
        load(source)
