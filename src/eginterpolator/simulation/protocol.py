"""Simulation protocols: every physical setting of a reference simulation, with its unit in its name."""

from __future__ import annotations

import math
from dataclasses import InitVar, asdict, dataclass, fields
from typing import Any, ClassVar

from eginterpolator.errors import InputError
from eginterpolator.files.conditions import Conditions

MAX_TIMESTEP_FS = 5.0
"""Above this, hydrogen motion is unstable even with constraints and repartitioned masses."""
WATER = "water"
WATER_FRICTION_PER_PS = 20.0
"""Friction at which torsions in OBC2 keep about the pace that they have in explicit water. A first calibration: one
number for all molecules, from 22 torsions of 9 of them (18 within a factor of two; at 1/ps 11). Nothing is fitted; how
it does on our own simulations in water is in benchmarks/results/friction.md."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What both protocols share: OpenFF Sage 2.2.1, LangevinMiddle at 300 K, H-bond constraints.

    Raises
    ------
    InputError
        When a value is not finite, not positive, or makes the integrator unstable.
    """

    name: ClassVar[str] = ""
    ensemble: ClassVar[str] = ""
    """What frames of it are samples of: vacuum, obc2 or tip3p."""
    force_field: str = "openff-2.2.1.offxml"
    charge_model: str = "openff-gnn-am1bcc-1.0.0.pt"
    temperature_K: float = 300.0
    friction_per_ps: float = 1.0
    timestep_fs: float = 4.0
    hydrogen_mass_amu: float = 1.5

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None or isinstance(value, str):
                continue
            zero_allowed = item.name in ("equilibration_ps", "nvt_steps", "npt_steps", "obc2_start_ps")
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

    @property
    def conditions(self) -> Conditions:
        """What frames are samples of."""
        return Conditions(self.ensemble, self.temperature_K, self.friction_per_ps)

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
    ensemble: ClassVar[str] = "vacuum"


@dataclass(frozen=True, kw_only=True)
class ImplicitProtocol(OpenProtocol):
    """OBC2 implicit solvent (GBSAOBCForce, mbondi2 radii): the protocol of `qm9-md`.

    Parameters
    ----------
    friction : {"water"}, optional
        Takes `WATER_FRICTION_PER_PS`, so that torsions move about as fast as in explicit water; statics stay.
    """

    name: ClassVar[str] = "implicit"
    ensemble: ClassVar[str] = "obc2"
    solvent_dielectric: float = 78.5
    solute_dielectric: float = 1.0
    friction: InitVar[str | None] = None

    def __post_init__(self, friction: str | None = None) -> None:  # type: ignore[override]
        if friction is not None:
            if friction != WATER:
                raise InputError(f"friction = '{friction}' is unknown; give 'water', or a number as friction_per_ps.")
            object.__setattr__(self, "friction_per_ps", WATER_FRICTION_PER_PS)
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class ExplicitProtocol(Protocol):
    """TIP3P water, particle-mesh Ewald, NVT and then NPT: the protocol of the published data.

    Attributes
    ----------
    box : {"cubic", "dodecahedron"}
    padding_nm : float
        Least distance between the solute's bounding sphere and its images.
    least_image_nm : float, optional
        Least distance between a point and its image; by default twice the padding.
    obc2_start_ps : float
        Replicas start from frames that have run so long in OBC2 (0: from conformers).
    nvt_steps, npt_steps : int
        Equilibration.
    """

    name: ClassVar[str] = "explicit"
    ensemble: ClassVar[str] = "tip3p"
    box: str = "cubic"
    padding_nm: float = 1.5
    least_image_nm: float | None = None
    cutoff_nm: float = 0.9
    switch_nm: float = 0.8
    obc2_start_ps: float = 200.0
    nvt_steps: int = 5000
    npt_steps: int = 5000
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
        if self.box not in SHAPES:
            raise InputError(f"'{self.box}' is not a box; choose one of {', '.join(SHAPES)}.")
        if self.image_nm < 2.2 * self.cutoff_nm:
            raise InputError(
                f"least_image_nm = {self.image_nm:g} is too small for a cutoff of {self.cutoff_nm:g}; "
                f"give at least {2.2 * self.cutoff_nm:.2g}, since the box shrinks a little."
            )

    @property
    def image_nm(self) -> float:
        """Least distance between a point and its image."""
        return 2.0 * self.padding_nm if self.least_image_nm is None else self.least_image_nm


SHAPES = ("cubic", "dodecahedron")
BOXES: dict[str, dict[str, Any]] = {
    "published": {"box": "cubic", "padding_nm": 1.5},
    "small": {"box": "dodecahedron", "padding_nm": 1.4, "least_image_nm": 2.15},
}
"""Named boxes, as settings of `ExplicitProtocol`."""
PROTOCOLS: dict[str, type[Protocol]] = {
    "implicit": ImplicitProtocol,
    "vacuum": VacuumProtocol,
    "explicit": ExplicitProtocol,
}
OPEN: dict[str, type[OpenProtocol]] = {
    "thermal": ImplicitProtocol,
    "obc2": ImplicitProtocol,
    "vacuum": VacuumProtocol,
}
"""Ensemble -> the protocol whose frames are samples of it, of those that lanes run."""


def lanes_protocol(ensemble: str, **changes: Any) -> OpenProtocol:
    """The protocol of some dynamics in lanes whose frames are samples of an ensemble (of `SAMPLES`).

    `thermal` is implicit water, and `changes` are settings beside the protocol's own.

    Raises
    ------
    InputError
        For explicit water and minima, or a value that makes no simulation.
    """
    if ensemble not in OPEN:
        what = "explicit water" if ensemble == ExplicitProtocol.ensemble else "minima"
        raise InputError(f"Frames of {what} are not thermalised or timed: lanes know implicit water and vacuum only.")
    return OPEN[ensemble](**changes)


def friction_named(text: str) -> float:
    """Friction in 1/ps that a text stands for: a number, or `water` for `WATER_FRICTION_PER_PS`.

    Raises
    ------
    InputError
        For another text.
    """
    if text == WATER:
        return WATER_FRICTION_PER_PS
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"--friction takes a number in 1/ps or '{WATER}', not '{text}'.") from error


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
