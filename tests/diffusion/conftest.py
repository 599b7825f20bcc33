"""Each noise process."""

from __future__ import annotations

import pytest

from tests.builders.noise import PROCESSES


@pytest.fixture(params=PROCESSES)
def process(request):
    return PROCESSES[request.param]
