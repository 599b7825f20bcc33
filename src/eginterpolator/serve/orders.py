"""What the browser asks for: read from JSON, checked before any work."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from eginterpolator.errors import InputError
from eginterpolator.models.conditions import COLDEST, HOTTEST
from eginterpolator.serve.limits import Limits

CLOCKS = ("auto", "measured", "network")
SOLVENTS = ("implicit", "water", "none")
"""Those of `egi generate`, the default first; its own list of clocks loads PyTorch, which only the worker does."""


@dataclass(frozen=True)
class Order:
    """One molecule, and how it is generated; the fields are those of `egi generate`.

    Attributes
    ----------
    model : str
        One of the names that the page offers.
    clock : str
        One of CLOCKS.
    frame_ps : float or None
        Spacing of frames, free with a measured clock; None takes the model's.
    thermalise_ps : float or None
        Picoseconds of dynamics from each frame, at most 1; 0 for none, None for what goes with the clock.
    solvent : str
        One of SOLVENTS.
    """

    smiles: str
    frames: int = 500
    samples: int = 1
    seed: int = 0
    model: str = "auto"
    strength: float = 1.0
    clock: str = "auto"
    frame_ps: float | None = None
    thermalise_ps: float | None = None
    solvent: str = "implicit"
    temperature_K: float = 300.0
    largest_fragment: bool = False
    force: bool = False


def read_smiles_text(values: Any, limits: Limits) -> str:
    """The SMILES of a request.

    Raises
    ------
    InputError
        When there is none, or it is too long.
    """
    text = values.get("smiles") if isinstance(values, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        raise InputError("There is no molecule; give a SMILES.")
    if len(text) > limits.smiles:
        raise InputError(f"The SMILES has {len(text)} characters; this page takes at most {limits.smiles}.")
    if not text.isprintable():
        raise InputError("The SMILES has characters that cannot be printed; give it on one line.")
    return text.strip()


def read_order(values: Any, limits: Limits, models: Collection[str]) -> Order:
    """Check a request for a job.

    Parameters
    ----------
    values : Any
        Parsed JSON.
    models : collection of str
        The names that may be asked for; a path is none of them.

    Raises
    ------
    InputError
        For a value of another kind or outside of its bounds, and for a name that there is not.
    """
    smiles = read_smiles_text(values, limits)
    if unknown := values.keys() - Order.__dataclass_fields__.keys():
        raise InputError(f"'{str(min(unknown, key=str))[:40]}' is nothing that can be set here.")
    frames = _whole(values, "frames", 500, 1, limits.frames)
    samples = _whole(values, "samples", 1, 1, limits.frames)
    if frames * samples > limits.frames:
        raise InputError(
            f"{frames} frames of {samples} samples are {frames * samples}; this page makes at most {limits.frames} "
            "at a time, 'egi generate' any number."
        )
    model = values.get("model", "auto")
    if not isinstance(model, str) or model not in models:
        raise InputError("There is no such model here; take one of the list.")
    return Order(
        smiles=smiles,
        frames=frames,
        samples=samples,
        seed=_whole(values, "seed", 0, 0, 2**53 - 1),
        model=model,
        strength=_number(values, "strength", 1.0, 0.0, 1.0),
        clock=_one_of(values, "clock", CLOCKS),
        frame_ps=_number(values, "frame_ps", None, 0.01, 1e6),
        thermalise_ps=_number(values, "thermalise_ps", None, 0.0, 1.0),
        solvent=_one_of(values, "solvent", SOLVENTS),
        temperature_K=_number(values, "temperature_K", 300.0, COLDEST, HOTTEST),
        largest_fragment=_yes(values, "largest_fragment"),
        force=_yes(values, "force"),
    )


_SAID = {
    "strength": "lambda", "thermalise_ps": "thermalise", "frame_ps": "frame spacing", "temperature_K": "temperature",
}  # fmt: skip


def _whole(values: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"'{name}' must be a whole number from {low} to {high}.")
    return value


@overload
def _number(values: Mapping[str, Any], name: str, default: float, low: float, high: float) -> float: ...
@overload
def _number(values: Mapping[str, Any], name: str, default: None, low: float, high: float) -> float | None: ...
def _number(values: Mapping[str, Any], name: str, default: float | None, low: float, high: float) -> float | None:
    value = values.get(name, default)
    if value is None and default is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not low <= value <= high:
        raise InputError(f"'{_SAID.get(name, name)}' must be a number from {low:g} to {high:g}.")
    return float(value)


def _one_of(values: Mapping[str, Any], name: str, words: Sequence[str]) -> str:
    value = values.get(name, words[0])
    if value not in words:
        raise InputError(f"'{name}' must be one of {', '.join(words)}.")
    return str(value)


def _yes(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name, False)
    if not isinstance(value, bool):
        raise InputError(f"'{name}' must be true or false.")
    return value
