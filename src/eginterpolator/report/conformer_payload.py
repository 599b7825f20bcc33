"""What the page says of ranked conformers: the ladder of energies, clusters with their members, what was left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from eginterpolator.simulation.conformers import ranking_line


def ladder_payload(
    rows: Sequence[Mapping[str, str]], ranking: Mapping[str, Any] | None, stride: int
) -> dict[str, Any] | None:
    """Energies above the lowest, populations and clusters of the rows of `conformers.csv`; None without energies.

    Parameters
    ----------
    rows : sequence of mapping
    ranking : mapping or None
        `ranking` of meta.json.
    stride : int
        Every how many structures one is embedded.
    """
    levels = []
    for k, row in enumerate(rows):
        relative = number(row.get("relative_kcal"))
        if relative is None:
            return None
        levels.append(
            {
                "frame": k // stride,
                "kcal": round(relative, 3),
                "population": number(row.get("population")),
                "cluster": row.get("cluster", ""),
                "rmsd": number(row.get("rmsd_to_best")),
                "found": row.get("found", ""),
            }
        )
    return {"levels": levels, "note": ranking_note(ranking or {})} if levels else None


def ranking_note(ranking: Mapping[str, Any]) -> str:
    """What was done and left out, in sentences; '' where nothing is known."""
    if not {"generated", "kept", "dropped"} <= ranking.keys():
        return ""
    sentences = [f"{ranking_line(dict(ranking))}."]
    if "energies" in ranking:
        sentences.append(
            f"Energies are of the minima by {ranking['energies']}; populations are Boltzmann weights at "
            f"{ranking['temperature_K']:g} K, with 95 % intervals over the structures that the search began with: they "
            "know nothing of errors of the energies."
        )
    if "thermal" in ranking:
        sentences.append(f"Thermal populations: {ranking['thermal']['text']}")
    return " ".join(sentences)


def members(rows: Sequence[Mapping[str, str]], stride: int) -> dict[str, list[int]]:
    """Embedded structures of each cluster, from the rows of `conformers.csv`."""
    found: dict[str, list[int]] = {}
    for k, row in enumerate(rows):
        if k % stride == 0 and row.get("cluster"):
            found.setdefault(row["cluster"], []).append(k // stride)
    return found


def weights_of(rows: Sequence[Mapping[str, str]], count: int) -> list[float] | None:
    """Populations of `count` structures; None where they are not known."""
    values = [number(row.get("population")) for row in rows]
    known = [value for value in values if value is not None]
    return known if len(known) == count and sum(known) > 0 else None


def number(text: str | None) -> float | None:
    """A cell as a number; None of an empty one, and of one that is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return round(value, 4) if math.isfinite(value) else None
