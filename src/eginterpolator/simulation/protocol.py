"""Simulation protocols: every physical setting of a reference simulation, with its unit in its name."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from eginterpolator.errors import InputError

MAX_TIMESTEP_FS = 5.0
"""Above this, hydrogen motion is unstable even with constraints and repartitioned masses."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What both protocols share: OpenFF Sage 2.2.1, LangevinMiddle at 300 K, H-bond constraints.

    Raises
    ------
    InputError
        When a value is not finite, not positive, or makes the integrator unstable.
    """

    name: ClassVar[str] = ""
    force_field: str = "openff-2.2.1.offxml"
    charge_model: str = "openff-gnn-am1bcc-1.0.0.pt"
    temperature_K: float = 300.0
    friction_per_ps: float = 1.0
    timestep_fs: float = 4.0
    hydrogen_mass_amu: float = 1.5

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, str):
                continue
            zero_allowed = item.name in ("equilibration_ps", "nvt_steps")
            if not math.isfinite(value) or value < 0 or (value == 0 and not zero_allowed):
                raise InputError(f"{item.name} = {value} makes no simulation; give a positive number.")
        if self.timestep_fs > MAX_TIMESTEP_FS:
            raise InputError(
                f"timestep_fs = {self.timestep_fs:g} is unstable with {self.hydrogen_mass_amu:g} amu hydrogens; "
                f"use {MAX_TIMESTEP_FS:g} fs or less (the protocol's own is 4)."
            )
        if not 1.0 <= self.hydrogen_mass_amu <= 4.0:
            raise InputError(
                f"hydrogen_mass_amu = {self.hydrogen_mass_amu:g} is outside 1 to 4; the protocol's own is 1.5."
            )

    def steps(self, ps: float) -> int:
        """Number of time steps in `ps` picoseconds, at least one."""
        return max(1, round(ps * 1000.0 / self.timestep_fs))

    def to_dict(self) -> dict[str, Any]:
        """Every setting with its name, ready for `meta.json`."""
        return {"name": self.name, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class OpenProtocol(Protocol):
    """A molecule without a box and without cutoffs."""

    equilibration_ps: float = 20.0


@dataclass(frozen=True, kw_only=True)
class VacuumProtocol(OpenProtocol):
    """No solvent."""

    name: ClassVar[str] = "vacuum"


@dataclass(frozen=True, kw_only=True)
class ImplicitProtocol(OpenProtocol):
    """OBC2 implicit solvent (GBSAOBCForce, mbondi2 radii): the protocol of `qm9-md`."""

    name: ClassVar[str] = "implicit"
    solvent_dielectric: float = 78.5
    solute_dielectric: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ExplicitProtocol(Protocol):
    """TIP3P water, particle-mesh Ewald, NVT and then NPT: the protocol of the published data."""

    name: ClassVar[str] = "explicit"
    padding_nm: float = 1.5
    cutoff_nm: float = 0.9
    switch_nm: float = 0.8
    nvt_steps: int = 5000
    pressure_bar: float = 1.0
    barostat_steps: int = 25

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.switch_nm >= self.cutoff_nm:
            raise InputError(
                f"switch_nm = {self.switch_nm:g} must be below cutoff_nm = {self.cutoff_nm:g}; "
                "the protocol's own are 0.8 and 0.9."
            )
        if self.padding_nm < self.cutoff_nm:
            raise InputError(
                f"padding_nm = {self.padding_nm:g} lets the molecule see its own image; "
                f"give at least the cutoff, {self.cutoff_nm:g}."
            )


PROTOCOLS: dict[str, type[Protocol]] = {
    "implicit": ImplicitProtocol,
    "vacuum": VacuumProtocol,
    "explicit": ExplicitProtocol,
}


def protocol_named(name: str, **changes: Any) -> Protocol:
    """One of `PROTOCOLS`, with its default settings but for `changes`.

    Raises
    ------
    InputError
        For another name, or a value that makes no simulation.
    """
    if name not in PROTOCOLS:
        raise InputError(f"'{name}' is not a protocol; choose one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name](**changes)
