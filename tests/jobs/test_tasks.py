"""One item of a job: its value, or the reason in one line."""

from __future__ import annotations

import pytest

from eginterpolator.jobs.tasks import attempt
from tests.builders.jobs import square


def test_whatever_goes_wrong_is_one_line():
    steps: list[float] = []
    assert attempt(square, 4, steps.append) == (16, None) and steps == [1.0]
    assert attempt(square, 3) == (None, "three is refused.")
    assert attempt(square, 5) == (None, "ZeroDivisionError: five breaks")


def test_an_interruption_is_not_a_failure_of_an_item():
    def interrupted(item, step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(interrupted, 1)
