"""The processor's name and instructions, as Linux and macOS tell them."""

from __future__ import annotations

import subprocess

import pytest

from eginterpolator.machine import processor
from eginterpolator.machine.processor import processor_features, processor_name


@pytest.fixture(autouse=True)
def asked_anew():
    processor_features.cache_clear()
    yield
    processor_features.cache_clear()


def test_linux_tells_both_in_a_file(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("model name\t: Some CPU @ 2: GHz\nflags\t\t: fpu avx2 sse4_2\nflags\t\t: other\n")
    monkeypatch.setattr(processor, "_LINUX", tmp_path / "cpuinfo")
    assert processor_name() == "Some CPU @ 2: GHz"
    assert processor_features() == {"fpu", "avx2", "sse4_2"}


def test_macos_tells_them_by_a_command_in_names_of_its_own(tmp_path, monkeypatch):
    def told(command, **settings):
        return subprocess.CompletedProcess(command, 0, "FPU SSE4.2 AVX1.0\nAVX2\n", "")

    monkeypatch.setattr(processor, "_LINUX", tmp_path / "none")
    monkeypatch.setattr(processor.subprocess, "run", told)
    assert processor_features() == {"fpu", "sse4_2", "avx", "avx2"}
    assert processor_name()


def test_where_nobody_tells_there_are_none(tmp_path, monkeypatch):
    def missing(*arguments, **settings):
        raise FileNotFoundError("sysctl")

    monkeypatch.setattr(processor, "_LINUX", tmp_path / "none")
    monkeypatch.setattr(processor.subprocess, "run", missing)
    assert processor_features() == frozenset()
