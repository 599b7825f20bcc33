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
        `valid` and `stereo_retention`, shares of all frames, and `failed_checks`, the share of the frames that fails
        each check of `validity.frame_checks`.
    """
    found = []
    if meta["valid"] < ENOUGH_VALID:
        failed = sorted(meta.get("failed_checks", {}).items(), key=lambda each: -each[1])
        most = ", ".join(f"{name.replace('_', ' ')} in {_share(share)}" for name, share in failed[:3])
        found.append(f"Only {_share(meta['valid'])} of the frames are valid{f' (wrong: {most})' if most else ''}.")
    if meta["stereo_retention"] < ENOUGH_STEREO:
        found.append(f"Only {_share(meta['stereo_retention'])} of the frames have the molecule's stereo.")
    return found


def nothing_usable(meta: Mapping[str, Any]) -> str | None:
    """Why a result counts as failed, in a sentence; None where enough of it can be used."""
    if meta["valid"] >= USABLE and meta["stereo_retention"] >= USABLE:
        return None
    return f"nothing usable came out: {' '.join(quality_warnings(meta))} The files stay."


def _share(value: float) -> str:
    return f"{100 * value:.1f} %".replace(".0 %", " %")
