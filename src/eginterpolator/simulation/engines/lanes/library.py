"""The engine's library: one for each number of lanes that the processor can have."""

from __future__ import annotations

import ctypes
import platform
from functools import cache
from pathlib import Path

from eginterpolator.errors import InputError
from eginterpolator.machine.compilation import Library
from eginterpolator.machine.processor import processor_features
from eginterpolator.simulation.engines.lanes.approximations import header

NAMES = ("vectors.h", "system.h", "bonded.h", "nonbonded.h", "dynamics.h", "lanes.cpp")
SOURCES = [Path(__file__).parent / name for name in NAMES]
FLAGS = ("-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast")
X86 = {
    16: ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"),
    8: ("-mavx2", "-mfma"),
    4: ("-msse4.2",),
}
"""Flags of each width on x86. What else a processor has makes lanes no faster (benchmarks/LOG.md, entry 45)."""
NEEDED = {16: {"avx512f", "avx512dq", "avx512vl"}, 8: {"avx2", "fma"}, 4: {"sse4_2"}}


def widths() -> tuple[int, ...]:
    """Numbers of lanes that this processor has registers for, the largest first."""
    kind = platform.machine().lower()
    if kind in ("arm64", "aarch64"):
        return (4,)
    if kind not in ("x86_64", "amd64"):
        return ()
    return tuple(width for width, needed in NEEDED.items() if needed <= processor_features())


def of_width(width: int) -> Library:
    """What the library of `width` lanes is made of, on processors of this machine's kind."""
    arm = platform.machine().lower() in ("arm64", "aarch64")
    flags = (*FLAGS, *(() if arm else X86[width]), f"-DLANES={width}")
    return Library(name="lanes", sources=SOURCES, flags=flags, generated={"coefficients.h": header()})


@cache
def library(width: int) -> ctypes.CDLL:
    """The library of `width` lanes, compiled if the cache has it not; some ten seconds.

    Raises
    ------
    InputError
        When the processor has no such registers, or there is no compiler.
    """
    if width not in widths():
        known = ", ".join(map(str, widths())) or "none"
        raise InputError(f"This processor has no registers for {width} lanes (it has them for: {known}).")
    found = of_width(width).load()
    if found.lanes() != width:
        raise InputError(f"The library of {width} lanes has {found.lanes()}; delete it from the cache and start again.")
    return found
