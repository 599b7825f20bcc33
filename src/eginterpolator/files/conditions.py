"""What a structure or a trajectory is a sample of: its ensemble, temperature, and the friction of its thermostat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eginterpolator.chemistry.codes import SAMPLES

_PROTOCOLS = {"implicit": "obc2", "vacuum": "vacuum", "explicit": "tip3p"}
"""Ensembles of folders that name a protocol only."""
_WORDS = {"OBC2": "obc2", "TIP3P": "tip3p"}
"""Ensembles of folders that name a force field only."""


@dataclass(frozen=True)
class Conditions:
    """Where structures come from, as far as it is known.

    Attributes
    ----------
    ensemble : str
        One of `SAMPLES`: `minimum`, `vacuum`, `obc2`, `tip3p`, or `thermal` for a simulation of an unknown kind.
    temperature_K, friction_per_ps : float or None
        Of the thermostat.
    """

    ensemble: str = "thermal"
    temperature_K: float | None = None
    friction_per_ps: float | None = None

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any]) -> Conditions:
        """What a `meta.json`, or the `meta` of a Trajectory, says; older ones say it by protocol or force field."""
        protocol = meta.get("protocol")
        settings = protocol if isinstance(protocol, Mapping) else {}
        ensemble = meta.get("ensemble")
        if ensemble not in SAMPLES:
            words = str(meta.get("forcefield", ""))
            told = [name for word, name in _WORDS.items() if word in words]
            ensemble = _PROTOCOLS.get(str(settings.get("name")), told[0] if told else "thermal")
        values = {
            key: _number(meta.get(key, settings.get(key))) for key in ("temperature_K", "friction_per_ps")
        }  # fmt: skip
        return cls(str(ensemble), **values)

    def to_meta(self) -> dict[str, Any]:
        """What is known, by the names of `meta.json`; nothing of a simulation of which nothing is known."""
        known = {key: value for key, value in asdict(self).items() if value is not None}
        return {} if known == {"ensemble": "thermal"} else known

    def __str__(self) -> str:
        parts = [self.ensemble]
        if self.temperature_K is not None:
            parts.append(f"{self.temperature_K:g} K")
        if self.friction_per_ps is not None:
            parts.append(f"{self.friction_per_ps:g}/ps")
        return ", ".join(parts)


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
