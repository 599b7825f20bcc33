"""C++ compiled once for a machine: found again, made anew where anything differs, named where it cannot be."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from eginterpolator.errors import InputError
from eginterpolator.machine import compilation
from eginterpolator.machine.compilation import Library

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


def answer(source: Path, number: int = 42) -> Library:
    return Library(name="answer", sources=[source], flags=(), generated={"number.h": f"#define NUMBER {number}\n"})


def test_a_library_is_known_by_all_that_it_depends_on(source, monkeypatch):
    plain = Library(name="answer", sources=[source], flags=("-O2",), generated={"a.h": "1"}, facts=8)
    first = plain.kept
    assert replace(plain, flags=["-O2"]).kept == first
    changes = ({"name": "other"}, {"flags": ("-O3",)}, {"generated": {"a.h": "2"}}, {"facts": 4})
    others = {replace(plain, **change).kept for change in changes}
    monkeypatch.setenv("CXX", "another")
    others.add(plain.kept)
    monkeypatch.delenv("CXX")
    source.write_text(source.read_text() + "\n")
    others.add(plain.kept)
    assert len(others) == 6 and first not in others


@needs_compiler
def test_it_is_compiled_once_and_nothing_else_stays(source, tmp_path, monkeypatch):
    assert answer(source).load().answer() == 42 and answer(source, 7).load().answer() == 7
    assert len(list((tmp_path / "cache" / "eginterpolator").iterdir())) == 2
    monkeypatch.setattr("eginterpolator.machine.compilation.subprocess.run", lambda *a, **k: pytest.fail("compiled"))
    assert answer(source).load().answer() == 42


@needs_compiler
def test_what_cannot_be_compiled_or_loaded_is_named(source, tmp_path, monkeypatch):
    source.write_text("this is no C++")
    with pytest.raises(InputError, match="cannot compile answer: .*error"):
        answer(source).load()
    assert not list((tmp_path / "cache" / "eginterpolator").iterdir()), "half a library stays behind"
    answer(source).kept.write_bytes(b"damaged")
    with pytest.raises(InputError, match="delete it"):
        answer(source).load()
    monkeypatch.setenv("CXX", "no-compiler")
    with pytest.raises(InputError, match="no C\\+\\+ compiler 'no-compiler'"):
        answer(source).load()


@needs_compiler
def test_a_wheel_brings_libraries_of_the_same_sources(source, tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "PREBUILT", tmp_path / "wheel")
    (tmp_path / "wheel").mkdir()
    answer(source).build(answer(source).prebuilt)
    monkeypatch.setenv("CXX", "no-compiler")
    assert answer(source).load().answer() == 42 and not (tmp_path / "cache").exists()
    for other in (answer(source, 7), replace(answer(source), facts="this machine")):
        with pytest.raises(InputError, match="no C\\+\\+ compiler"):
            other.load()
    answer(source, 7).prebuilt.write_bytes(b"damaged")
    with pytest.raises(InputError, match="wheel/answer.*delete it"):
        answer(source, 7).load()
