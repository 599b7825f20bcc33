"""Whether what was generated can be used: what is said of a bad result, and which counts as none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENOUGH_VALID, ENOUGH_STEREO = 0.9, 0.99
"""Shares of the frames under which a result comes with a warning."""
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
    return found + unseen_jumps(meta)


def unseen_jumps(meta: Mapping[str, Any]) -> list[str]:
    """A sentence on what a measured clock (`meta["clock"]`) could not measure: torsions, or all of the molecule."""
    clock = meta.get("clock", {})
    if "objection" in clock:
        return [f"No clock was measured and nothing thermalised, so that times are the network's: {clock['objection']}"]
    movers = clock.get("movers", [])
    blind = [str(row) for mover in movers if not mover["jumps"] for row in mover["torsions"]]
    if not blind:
        return []
    return [
        f"The clock saw no jump of the torsions {', '.join(blind)} (rows of torsions.csv, from 0): their times are "
        "guesses; --clock-seconds measures for longer."
    ]


def nothing_usable(meta: Mapping[str, Any]) -> str | None:
    """Why a result counts as failed, in a sentence; None where enough of it can be used."""
    if meta["valid"] >= USABLE and meta["stereo_retention"] >= USABLE:
        return None
    return f"nothing usable came out: {' '.join(quality_warnings(meta))} The files stay."


def _share(value: float) -> str:
    return f"{100 * value:.1f} %".replace(".0 %", " %")
