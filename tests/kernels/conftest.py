"""Kernels of every kind that this processor has."""

from __future__ import annotations

import pytest

from eginterpolator.kernels import library
from tests.builders.kernels import EVERY_KIND


@pytest.fixture(params=EVERY_KIND or ["none"])
def numbers(request, monkeypatch) -> str:
    """What the kernels of each kind multiply, which are those that serve during the test."""
    monkeypatch.setenv(library.CHOICE, request.param)
    return library.KINDS[request.param].numbers
