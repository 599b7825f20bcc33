"""What the processor says of itself, on Linux and where nobody tells."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from eginterpolator.machine import processor as module
from eginterpolator.machine.processor import processor_features, processor_name


@pytest.fixture(autouse=True)
def forget():
    processor_features.cache_clear()
    yield
    processor_features.cache_clear()


def test_linux_names_the_processor_and_its_instructions(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("processor: 0\nmodel name\t: EPYC: new\nflags\t: fpu avx2 avx512f\n")
    monkeypatch.setattr(module, "_LINUX", tmp_path / "cpuinfo")
    assert processor_name() == "EPYC: new" and processor_features() == {"fpu", "avx2", "avx512f"}


def test_macos_says_it_in_other_words(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LINUX", tmp_path / "none")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: SimpleNamespace(stdout="SSE4.2 FMA AVX1.0\nAVX2\n"))
    assert processor_features() == {"sse4_2", "fma", "avx", "avx2"}


def test_where_nobody_tells_there_are_none(tmp_path, monkeypatch):
    def missing(*arguments, **options):
        raise FileNotFoundError

    monkeypatch.setattr(module, "_LINUX", tmp_path / "none")
    monkeypatch.setattr(subprocess, "run", missing)
    assert processor_features() == frozenset() and processor_name()
