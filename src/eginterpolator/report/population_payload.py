"""What the page says of wells, rotamer states and clusters, as JSON-ready rows."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eginterpolator.analysis.states import State
from eginterpolator.analysis.tables import Populations
from eginterpolator.analysis.wells import Torsion
from eginterpolator.report.facts import time_text


def well_rows(torsion: Torsion) -> list[dict[str, Any]]:
    """Name, mean angle in degrees, share and interval of each well; the one with most frames first."""
    order = np.argsort(-torsion.frames, kind="stable")
    return [
        {
            "name": pretty(torsion.names[w]),
            "degrees": round(float(torsion.degrees[w])),
            "share": [round(float(value), 4) for value in torsion.shares[w]],
        }
        for w in order
        if torsion.frames[w]
    ]


def states_payload(found: Populations, stride: int) -> dict[str, Any]:
    """The list of states: what they are made of, what intervals are from, and a row each."""
    return {
        "note": found.made_of(),
        "groups": found.states.groups,
        "rows": [_state_row(found, row, stride) for row in found.states.rows],
    }


def packed_states(of_frames: np.ndarray, stride: int) -> str:
    """State of every embedded frame, a byte each, base64."""
    return base64.b64encode(of_frames[::stride].astype(np.uint8).tobytes()).decode()


def clusters_payload(
    rows: Sequence[Mapping[str, str]], stride: int, members: Mapping[str, list[int]] | None = None
) -> dict[str, Any]:
    """How frames were clustered, and the rows of `clusters.csv`; one that lacks a number or a frame is left out.

    With `members`, the embedded structures of each, a row has these as well.
    """
    first = rows[0] if rows else {}
    if rows and "frames_compared" not in first:  # of `egi conformers`
        return {"note": f"Heavy-atom RMSD, {first.get('method', '')}.", "rows": _cluster_rows(rows, stride, members)}
    said = {key: first.get(key, "") for key in ("method", "frames_compared", "frames_assigned", "frames_in_all")}
    note = "{method}; {frames_compared} of {frames_in_all} frames compared with each other, {frames_assigned} assigned."
    return {"note": note.format(**said) if rows else "", "rows": _cluster_rows(rows, stride, members)}


def _cluster_rows(
    rows: Sequence[Mapping[str, str]], stride: int, members: Mapping[str, list[int]] | None
) -> list[dict[str, Any]]:
    result = []
    for row in rows:
        try:
            share = [_number(row[key]) for key in ("population", "population_low", "population_high")]
            place = {"sample": int(row["sample"]), "frame": int(row["frame"]) // stride}
            name, spread = row["cluster"], f"mean distance {float(row['spread']):.2f} {row['unit']}"
        except (KeyError, ValueError):
            continue
        found: dict[str, Any] = {"name": name, "text": spread, "share": share, **place}
        if row.get("relative_kcal"):
            found["kcal"] = _number(row["relative_kcal"])
        if row.get("thermal"):
            found["thermal"] = [_number(row[key]) for key in ("thermal", "thermal_low", "thermal_high")]
        if members and members.get(name):
            found["members"] = members[name]
        result.append(found)
    return result


def pretty(text: str) -> str:
    """With the minus sign and the degree that files leave out: 'gauche− (−48°)'."""
    return text.replace("-", "−").replace("s−", "s-").replace(")", "°)")


def _state_row(found: Populations, state: State, stride: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": state.name,
        "wells": [pretty(well) for well in state.wells],
        "torsions": found.states.torsions if state.wells else [],
        "text": "" if state.wells else found.well_text(state),
        "share": [round(float(value), 4) for value in (state.population, state.low, state.high)],
        "lifetime": lifetime_text(state),
        "stays": f"{state.stays} stays, {state.censored} cut by an end" if state.stays else "",
    }
    return row if state.sample < 0 else {**row, "sample": state.sample, "frame": state.frame // stride}


def lifetime_text(state: State) -> str:
    """'58 ps (49 to 69 ps)', '> 120 ps' of a state that was never left, '' where nothing is known."""
    if not math.isfinite(state.lifetime_low_ps):
        return ""
    if not math.isfinite(state.lifetime_ps):
        return f"> {time_text(state.lifetime_low_ps)}"
    low, high = time_text(state.lifetime_low_ps), time_text(state.lifetime_high_ps)
    low = low.removesuffix(" ps") if high.endswith(" ps") else low
    return f"{time_text(state.lifetime_ps)} ({low} to {high})"


def _number(text: str) -> float:
    return round(float(text), 4) if text.strip() else math.nan
