"""Fixtures of a study."""

from __future__ import annotations

import pytest

from eginterpolator.evaluation import msm


@pytest.fixture(scope="module")
def few_states():
    """PCCA with 3 states: ten take a second a molecule."""
    patch = pytest.MonkeyPatch()
    patch.setattr(msm, "METASTABLE", 3)
    yield
    patch.undo()
