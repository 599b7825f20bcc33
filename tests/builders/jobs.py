"""Work to be done on workers."""

from __future__ import annotations

from collections.abc import Callable

from eginterpolator.errors import InputError


def square(item: int, step: Callable[[float], None]) -> int:
    step(1.0)
    if item == 3:
        raise InputError("three is refused.")
    if item == 5:
        raise ZeroDivisionError("five\nbreaks")
    return item * item
