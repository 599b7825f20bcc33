"""What a model was trained to make: ensembles, temperatures, axes of chirality. From the `limits` of its config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eginterpolator.chemistry.codes import ENSEMBLES, TEMPERATURE_K, ensemble_code
from eginterpolator.errors import InputError

SOLVENTS = {"water": "tip3p", "implicit": "thermal", "none": "vacuum"}
"""What frames are to be in -> the ensemble that a model is asked for."""
SPELLINGS = {"explicit": "water", "vacuum": "none"}
"""Names of solvents after the protocols of MD."""
COLDEST, HOTTEST = 250.0, 500.0
"""Temperatures that may be asked for, K."""
WORDS = {"thermal": "implicit water", "minimum": "minima", "vacuum": "vacuum", "tip3p": "explicit water"}
DEGREE = 0.5
"""Kelvin by which a temperature may lie outside of what was trained on."""


def solvent_named(text: str) -> str:
    """One of `SOLVENTS`, by its own name or that of a protocol.

    Raises
    ------
    InputError
        For another word.
    """
    name = SPELLINGS.get(text, text)
    if name not in SOLVENTS:
        raise InputError(f"'{text}' is not a solvent; use {', '.join(SOLVENTS)}.")
    return name


def check_temperature(temperature_K: float) -> None:
    """InputError for a temperature that no model is asked for."""
    if not COLDEST <= temperature_K <= HOTTEST:
        raise InputError(f"--temperature is {temperature_K:g} K; give one from {COLDEST:g} to {HOTTEST:g} K.")


def known_conditions(config: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Ensemble (of `ENSEMBLES`) -> lowest and highest temperature, K, that a model with this config was trained on.

    Of a config that does not say it: simulations and minima, at 300 K.
    """
    told = config.get("limits", {}).get("conditions")
    if told is None:
        return {name: (TEMPERATURE_K, TEMPERATURE_K) for name in ("thermal", "minimum")}
    return {name: (float(low), float(high)) for name, (low, high) in told.items()}


def unmet_condition(config: Mapping[str, Any], ensemble: str, temperature_K: float) -> str | None:
    """Why a model with this config cannot be asked for an ensemble (of `SAMPLES`) and a temperature; None if it can.

    The temperature of minima is of no matter.
    """
    known = known_conditions(config)
    name = ENSEMBLES[ensemble_code(ensemble)]
    if name not in known:
        return f"it was trained on {' and '.join(WORDS[each] for each in known)}, not on {WORDS[name]}"
    low, high = known[name]
    if name != "minimum" and not low - DEGREE <= temperature_K <= high + DEGREE:
        between = f"{low:.4g} K" if low == high else f"{low:.4g} to {high:.4g} K"
        return f"it was trained on {WORDS[name]} at {between}, not at {temperature_K:g} K"
    return None


def conditions_text(config: Mapping[str, Any]) -> str:
    """What a model with this config may be asked for, in words."""
    spans = []
    for name, (low, high) in known_conditions(config).items():
        between = "" if name == "minimum" else f" {low:.4g} K" if low == high else f" {low:.4g}-{high:.4g} K"
        spans.append(WORDS[name] + between)
    return ", ".join(spans)


def holds_axes(config: Mapping[str, Any]) -> bool:
    """Whether a model with this config is told the handedness of axes of chirality."""
    return bool(config.get("limits", {}).get("axes"))


def trained_conditions(
    seen: Iterable[tuple[str, float, float]], ensembles: int, temperatures: bool
) -> dict[str, tuple[float, float]]:
    """`limits.conditions` of a network with so many ensembles, which is told temperatures or not.

    Parameters
    ----------
    seen : iterable of (ensemble, lowest, highest)
        Ensembles of `ENSEMBLES` in the training data, and their temperatures, K.

    Raises
    ------
    InputError
        When the data have more than one temperature and the network is told none.
    """
    result: dict[str, tuple[float, float]] = {}
    for name, low, high in seen:
        told = name if ENSEMBLES.index(name) < ensembles else ENSEMBLES[0]
        before = result.get(told, (low, high))
        result[told] = min(low, before[0]), max(high, before[1])
    simulated = [span for name, span in result.items() if name != "minimum"]
    if simulated and not temperatures:
        low, high = min(low for low, _ in simulated), max(high for _, high in simulated)
        if high - low > DEGREE:
            raise InputError(
                f"The data are of temperatures from {low:g} to {high:g} K, and the network is not told which; "
                "set 'temperatures: true' in its section of the config."
            )
    return result
