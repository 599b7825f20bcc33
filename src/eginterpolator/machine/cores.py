"""Independent pieces of work on the cores of one process; workers in processes of their own are in `cluster`."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")

PROBE_SECONDS = 0.2


def shares(count: int, most: int, threads: int) -> list[range]:
    """Cut range(count) into parts of at most `most`, as equal as can be and as many for each of `threads`."""
    parts = -(-count // most)
    parts = min(count, -(-parts // threads) * threads)
    edges = [index * count // parts for index in range(parts + 1)]
    return [range(begin, end) for begin, end in itertools.pairwise(edges)]


class Stopped(BaseException):
    """Raised inside of pieces that are still running when another one has failed or the user has stopped the run."""


def on_cores(
    work: Callable[[Part, Callable[[], None]], Result], parts: Sequence[Part], small: bool = False
) -> list[Result]:
    """`work(part, check)` of every part, in order: one part at a time on each of PyTorch's threads.

    PyTorch leaves Python's lock while it computes, and small operations gain more from different pieces of work on
    each core than from sharing one of them. `work` calls `check` now and then; it raises where the result is no longer
    wanted. A single part keeps all threads for itself, unless its operations are `small`: threads that share those wait
    for each other far longer than they compute where the machine has other work.

    Raises
    ------
    Exception
        What the first part that fails raises.
    """
    threads = torch.get_num_threads()
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Stopped

    if min(threads, len(parts)) < 2:
        if not small or threads < 2:
            return [work(part, check) for part in parts]
        torch.set_num_threads(1)
        try:
            return [work(part, check) for part in parts]
        finally:
            torch.set_num_threads(threads)
    pool = ThreadPoolExecutor(min(threads, len(parts)), initializer=torch.set_num_threads, initargs=(1,))
    try:
        futures = [pool.submit(work, part, check) for part in parts]
        return [future.result() for future in futures]
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads)


def free_cores(seconds: float = PROBE_SECONDS) -> float:
    """Cores' worth of computing that PyTorch's threads get now, beside other work of the machine.

    Each of them computes for `seconds` of the clock; the result is their processor time over it.
    """
    threads = torch.get_num_threads()
    matrix = torch.ones(128, 128)

    def spin(part: int, check: Callable[[], None]) -> float:
        clock, processor = time.perf_counter(), time.thread_time()
        while time.perf_counter() - clock < seconds:
            matrix @ matrix
        return (time.thread_time() - processor) / (time.perf_counter() - clock)

    return min(float(threads), sum(on_cores(spin, range(threads), small=True)))
