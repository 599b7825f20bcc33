"""A trajectory to report."""

from __future__ import annotations

import pytest

from eginterpolator.files.trajectory import Trajectory
from tests.builders.pages import make_trajectory


@pytest.fixture(scope="session")
def trajectory() -> Trajectory:
    return make_trajectory()
