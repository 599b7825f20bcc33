"""The processor: its name, and the instructions that it has."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from pathlib import Path

_LINUX = Path("/proc/cpuinfo")


def processor_name() -> str:
    """What the processor calls itself."""
    return _of_linux("model name") or platform.processor() or platform.machine()


@cache
def processor_features() -> frozenset[str]:
    """Instruction sets of an x86 processor by Linux's names (avx512f, avx2, sse4_2 ...); none where nobody tells."""
    flags = _of_linux("flags")
    if flags:
        return frozenset(flags.split())
    command = ["sysctl", "-n", "machdep.cpu.features", "machdep.cpu.leaf7_features"]  # macOS
    try:
        words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.lower().split()
    except (OSError, subprocess.CalledProcessError):
        return frozenset()
    return frozenset({"sse4.2": "sse4_2", "avx1.0": "avx"}.get(word, word) for word in words)


def _of_linux(key: str) -> str:
    lines = _LINUX.read_text(encoding="utf-8").splitlines() if _LINUX.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")
