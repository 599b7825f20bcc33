"""From a run's meta dictionary to the lines that a reader sees."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Fact = tuple[str, str]

_LABELS = {
    "model": "Model", "protocol": "Protocol", "task": "Task", "seed": "Seed", "steps": "Sampler steps",
    "sampler": "Sampler",
    "strength": "Temporal strength λ", "lambda": "Temporal strength λ", "seconds": "Wall clock",
    "seconds_of_all": "Wall clock, all molecules",
    "device": "Device", "precision": "Precision", "compiled": "Compiled layers", "kernels": "Kernels",
    "stereo_retention": "Stereo retention",
    "valid": "Valid frames", "validity": "Valid frames", "frame_ps": "Frame spacing", "n_frames": "Frames",
    "forcefield": "Force field", "temperature_K": "Temperature", "ensemble": "Solvent or ensemble",
    "timestep_fs": "Time step", "hydrogens": "Hydrogens",
    "hydrogen_mass_amu": "Hydrogen mass", "platform": "Platform", "command": "Command", "created": "Created",
}  # fmt: skip
_UNITS = {"frame_ps": "ps", "temperature_K": "K", "timestep_fs": "fs", "hydrogen_mass_amu": "amu", "ns": "ns"}
_SHARES = {"stereo_retention", "valid", "validity"}


def seconds_text(seconds: float) -> str:
    """Seconds as a reader says them: '0.4 s', '14 s', '3 min 05 s', '2 h 10 min'."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def time_text(ps: float) -> str:
    """A stretch of time given in ps: '2.60 ns', '13.0 ps'."""
    return f"{ps / 1000:.2f} ns" if ps >= 1000 else f"{ps:.1f} ps"


def order_text(meta: Mapping[str, Any]) -> str:
    """What put generated frames in order; '' of what no network made."""
    if "model" not in meta or "strength" not in meta:
        return ""
    if "movers" in meta.get("clock", {}):
        return "clock of MD"
    return "network" if meta["strength"] else "none"


def share_text(value: Any) -> str:
    """A share in 0..1, or a list of shares (their mean), as per cent."""
    number = mean(value)
    if number is None:
        return "unknown"
    percent = 100 * number
    return "100 %" if percent == 100 else f"{min(percent, 99.9):.1f} %"


def mean(value: Any) -> float | None:
    """Mean of a number or of the finite numbers in a sequence; None where there is none."""
    values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    numbers = [float(v) for v in values if isinstance(v, (bool, int, float)) and math.isfinite(v)]
    return sum(numbers) / len(numbers) if numbers else None


def fact_lines(meta: Mapping[str, Any], skip: Sequence[str] = ()) -> list[Fact]:
    """Readable (label, value) lines of a meta dictionary; nested dictionaries become one line, empty values none."""
    lines = []
    for key, value in meta.items():
        if key in skip or value is None or value == "" or value == {} or value == []:
            continue
        lines.append((_LABELS.get(key, key.replace("_", " ").capitalize()), _value_text(key, value)))
    return lines


def _value_text(key: str, value: Any) -> str:
    if key in _SHARES:
        return share_text(value)
    if key in ("seconds", "seconds_of_all") and isinstance(value, (int, float)):
        return seconds_text(float(value))
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items() if not isinstance(v, list))
    if isinstance(value, Sequence) and not isinstance(value, str):
        shown = ", ".join(_plain(v) for v in value[:12])
        return shown + (f", … ({len(value)})" if len(value) > 12 else "")
    return f"{_plain(value)} {_UNITS[key]}" if key in _UNITS else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
