"""The engine's library: one for each number of lanes that the processor can have."""

from __future__ import annotations

import ctypes
import platform
from functools import cache
from pathlib import Path

from eginterpolator.errors import InputError
from eginterpolator.machine.compilation import load_library
from eginterpolator.machine.processor import processor_features, processor_name
from eginterpolator.simulation.engines.lanes.approximations import header

NAMES = ("vectors.h", "system.h", "bonded.h", "nonbonded.h", "dynamics.h", "lanes.cpp")
SOURCES = [Path(__file__).parent / name for name in NAMES]
FLAGS = ("-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast")
X86 = {
    16: ("-march=native", "-mprefer-vector-width=512"),
    8: ("-march=native", "-mno-avx512f"),
    4: ("-march=native", "-mno-avx512f", "-mno-avx2", "-mno-avx", "-mno-fma"),
}
"""Flags of each width on x86; a build of fewer lanes does without the wider instructions."""
NEEDED = {16: {"avx512f", "avx512dq", "avx512vl"}, 8: {"avx2", "fma"}, 4: {"sse4_2"}}


def widths() -> tuple[int, ...]:
    """Numbers of lanes that this processor has registers for, the largest first."""
    kind = platform.machine().lower()
    if kind in ("arm64", "aarch64"):
        return (4,)
    if kind not in ("x86_64", "amd64"):
        return ()
    return tuple(width for width, needed in NEEDED.items() if needed <= processor_features())


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
    arm = platform.machine().lower() in ("arm64", "aarch64")
    flags = (*FLAGS, *(("-mcpu=native",) if arm else X86[width]), f"-DLANES={width}")
    found = load_library(
        "lanes", SOURCES, flags, generated={"coefficients.h": header()}, facts=(processor_name(), width)
    )
    if found.lanes() != width:
        raise InputError(f"The library of {width} lanes has {found.lanes()}; delete it from the cache and start again.")
    return found
