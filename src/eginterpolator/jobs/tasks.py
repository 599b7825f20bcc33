"""What is done with one item of a job, by whom, and what becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from eginterpolator.errors import EGIError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Step = Callable[[float], None]
Task = Callable[[Item, Step], Any]
"""What is done with one item; it tells `Step` how much of its work is behind it. Picklable where workers take part."""


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Who works on the molecules of a job; at most one of `count` and `scheduler`.

    Attributes
    ----------
    count : int or None
        Processes of this machine, each of which takes one molecule at a time.
    scheduler : str or None
        Address of a running Dask scheduler (`tcp://host:8786`), or a YAML file that describes a dask-jobqueue cluster.
    threads : int or None
        Compute threads of each worker; one by default, or a job's cores divided by its processes.
    """

    count: int | None = None
    scheduler: str | None = None
    threads: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of item `index` of a job: its value, or the reason for which there is none."""

    index: int
    value: Any = None
    reason: str | None = None


def attempt(task: Task[Item], item: Item, step: Step = lambda amount: None) -> tuple[Any, str | None]:
    """Value of `task`, or None and the reason in one line: whatever goes wrong with one item, the others go on."""
    try:
        return task(item, step), None
    except Exception as error:
        log.debug("%s failed", item, exc_info=True)  # a user sees the reason; --debug shows this
        kind = "" if isinstance(error, EGIError) else f"{type(error).__name__}: "
        return None, kind + " ".join(str(error).split())
