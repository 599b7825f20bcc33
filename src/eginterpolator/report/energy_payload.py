"""Energies over frames: the tables that stand beside trajectories, and what the page shows of them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

ENERGY = "potential_kcal"
_SHOWN = {
    ENERGY: ("Potential energy", "kcal/mol"),
    "temperature_K": ("Temperature", "K"),
    "density_g_ml": ("Density", "g/mL"),
}


def read_energies(path: Path, n_frames: int) -> dict[str, np.ndarray]:
    """Column -> a value a frame (nan: none) of `energies_000.csv`: float64 [n_frames].

    Empty where there is no such file, or one of another number of frames.
    """
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if len(rows) != n_frames:
        return {}
    columns = {name: np.array([_number(row.get(name)) for row in rows]) for name in _SHOWN}
    return {name: values for name, values in columns.items() if np.isfinite(values).any()}


def energies_payload(columns: Mapping[str, Any], stride: int) -> list[dict[str, Any]]:
    """A row a quantity of sequences of numbers: label, unit, and a number for each embedded frame, None for none."""
    return [
        {
            "label": label,
            "unit": unit,
            "values": [round(float(v), 3) if math.isfinite(v) else None for v in columns[name][::stride]],
        }
        for name, (label, unit) in _SHOWN.items()
        if name in columns
    ]


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
