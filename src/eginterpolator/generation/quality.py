"""Whether what was generated can be used: what is said of a bad result, and which counts as none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENOUGH_VALID, ENOUGH_STEREO = 0.9, 0.99
"""Shares of the frames under which a result comes with a warning."""
ENOUGH_SOUND = 0.5
"""Share of the network's frames under which what a measured clock makes of them comes with a warning."""
MISSING = 0.05
"""Share of the network's frames in wells that no replica of a clock visited, over which that is said."""
USABLE = 0.1
"""Share of the frames under which nothing usable came out."""


def quality_warnings(meta: Mapping[str, Any]) -> list[str]:
    """Sentences on a result with too few valid frames, or frames of another stereo.

    Parameters
    ----------
    meta : mapping
        `valid` and `stereo_retention`, shares of all frames; `failed_checks`, the share of the frames that fails each
        check of `validity.frame_checks`; and `clock`, where one was measured.
    """
    found = []
    if meta["valid"] < ENOUGH_VALID:
        failed = sorted(meta.get("failed_checks", {}).items(), key=lambda each: -each[1])
        most = ", ".join(f"{name.replace('_', ' ')} in {_share(share)}" for name, share in failed[:3])
        found.append(f"Only {_share(meta['valid'])} of the frames are valid{f' (wrong: {most})' if most else ''}.")
    if meta["stereo_retention"] < ENOUGH_STEREO:
        found.append(f"Only {_share(meta['stereo_retention'])} of the frames have the molecule's stereo.")
    return found + of_the_clock(meta)


def of_the_clock(meta: Mapping[str, Any]) -> list[str]:
    """Sentences on what a measured clock (`meta["clock"]`) began from, and what it could not measure."""
    clock = meta.get("clock", {})
    if "objection" in clock:
        return [f"No clock was measured and nothing thermalised, so that times are the network's: {clock['objection']}"]
    found = []
    if clock.get("network_sound", 1.0) < ENOUGH_SOUND:
        found.append(
            f"Only {_share(clock['network_sound'])} of the network's frames are sound, so that wells may be missing "
            "and their shares wrong; egi simulate needs no network."
        )
    missing = {row: mover.get("unvisited", 0.0) for mover in clock.get("movers", []) for row in mover["torsions"]}
    named = [f"{row} ({_share(share)} of the network's frames)" for row, share in missing.items() if share > MISSING]
    if named:
        found.append(
            f"No replica of the clock visited some wells of the torsions {', '.join(named)}, so that no frame is in "
            "them; --clock network shows them."
        )
    blind = [str(row) for mover in clock.get("movers", []) if not mover["jumps"] for row in mover["torsions"]]
    if blind:
        found.append(
            f"The clock saw no jump of the torsions {', '.join(blind)} (rows of torsions.csv, from 0): their times are "
            "guesses; --clock-seconds measures for longer."
        )
    return found


def nothing_usable(meta: Mapping[str, Any]) -> str | None:
    """Why a result counts as failed, in a sentence; None where enough of it can be used."""
    if meta["valid"] >= USABLE and meta["stereo_retention"] >= USABLE:
        return None
    return f"nothing usable came out: {' '.join(quality_warnings(meta))} The files stay."


def _share(value: float) -> str:
    return f"{100 * value:.1f} %".replace(".0 %", " %")
