"""Kernels of every kind that this processor has, and those of ARM's processors under an emulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from eginterpolator.kernels import library
from tests.builders import elsewhere
from tests.builders.kernels import EVERY_KIND

WHY = "there is no compiler for ARM, or no emulator: apt-get install g++-aarch64-linux-gnu qemu-user"
NEON = pytest.param("neon", marks=[pytest.mark.slow, pytest.mark.skipif(not elsewhere.is_here(), reason=WHY)])


@pytest.fixture(scope="session")
def arm(tmp_path_factory) -> Path:
    return elsewhere.compiled(tmp_path_factory.mktemp("arm"))


@pytest.fixture(params=[*EVERY_KIND, NEON])
def numbers(request, monkeypatch, tmp_path) -> str:
    """What the kernels of each kind multiply, which are those that serve during the test."""
    if request.param == "neon" and "neon" not in library.kinds():
        elsewhere.Elsewhere(request.getfixturevalue("arm"), tmp_path).install(monkeypatch)
    else:
        monkeypatch.setenv(library.CHOICE, request.param)
    return library.KINDS[request.param].numbers
