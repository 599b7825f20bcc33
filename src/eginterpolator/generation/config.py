"""What to generate: task, frames, solvent, sampler, and what is done with frames afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from eginterpolator.chemistry.codes import ENSEMBLES, SAMPLES, TEMPERATURE_K, ensemble_code
from eginterpolator.diffusion.samplers import SAMPLERS
from eginterpolator.errors import InputError
from eginterpolator.models.conditions import check_temperature

if TYPE_CHECKING:
    from eginterpolator.generation.clock import ClockSettings
    from eginterpolator.generation.thermalise import ThermaliseSettings
    from eginterpolator.models.choice import Models

TASKS = ("unconditional", "forward", "interpolation")
THERMALISED_PS = 0.5
LEAST_CLOCKED = 20
"""Frames of a trajectory from which on `auto` measures a clock: fewer have hardly a time to be wrong about."""
LEAST_FRAME_PS = 0.05
CLOCKS = ("auto", "network", "measured")


@dataclass(frozen=True)
class GenerationConfig:
    """What to generate.

    Attributes
    ----------
    task : str
        One of TASKS.
    n_frames : int
        Frames of each trajectory, conditioning frames included.
    n_samples : int
    seed : int
    strength : float
        lambda in [0, 1]: 0 is the structure model (independent frames, white noise), 1 the trained interpolator.
    steps : int or None
        Steps of the sampler; None takes the model's own.
    sampler : str or None
        One of SAMPLERS; None takes the model's own.
    hydrogens : bool
        Put the hydrogens back.
    device : 'auto', 'cpu', 'cuda'
    precision : 'auto', 'fp32', 'bf16'
    batch : int or None
        Samples in one pass; None fits them to memory. It does not change what is sampled.
    ensemble : str
        One of `chemistry.codes.SAMPLES`: what the frames are to be samples of.
    temperature_K : float
    thermalise_ps : float or None
        Picoseconds of dynamics from each frame, at most 1; 0 for none. See `thermalise`. None leaves it to the clock:
        `THERMALISED_PS` with a measured one, 0 without.
    clock : 'auto', 'network' or 'measured'
        What puts frames in order: the trained interpolator, or a clock that is measured on the molecule itself
        (`clock`), for independent frames of the structure model. `auto` measures where a clock is possible for the
        task, there are `LEAST_CLOCKED` frames or a spacing is asked for, and lanes are here, and of each molecule that
        they can run; elsewhere it is `network` at once.
    clock_seconds : float or None
        See `ClockSettings.seconds`.
    frame_ps : float or None
        Spacing of the frames, which a measured clock leaves free; None takes the model's.
    friction_per_ps : float or None
        Of a measured clock's MD, and so the pace; None is that of `ClockSettings`.
    """

    task: str = "unconditional"
    n_frames: int = 500
    n_samples: int = 1
    seed: int = 0
    strength: float = 1.0
    steps: int | None = None
    sampler: str | None = None
    hydrogens: bool = True
    device: str = "auto"
    precision: str = "auto"
    batch: int | None = None
    ensemble: str = "thermal"
    thermalise_ps: float | None = 0.0
    temperature_K: float = TEMPERATURE_K
    clock: str = "network"
    clock_seconds: float | None = None
    frame_ps: float | None = None
    friction_per_ps: float | None = None

    def __post_init__(self) -> None:
        least = {"unconditional": 1, "forward": 2, "interpolation": 3}
        if self.task not in TASKS:
            raise InputError(f"'{self.task}' is not a task; use one of {', '.join(TASKS)}.")
        if self.n_frames < least[self.task]:
            raise InputError(f"--frames is {self.n_frames}; the task '{self.task}' needs at least {least[self.task]}.")
        if self.n_samples < 1:
            raise InputError(f"--samples is {self.n_samples}; ask for at least one.")
        if not 0.0 <= self.strength <= 1.0:
            raise InputError(f"--strength is {self.strength}; it must lie between 0 (structure model) and 1.")
        if self.steps is not None and self.steps < 2:
            raise InputError(f"--steps is {self.steps}; a sampler needs at least 2.")
        if self.sampler is not None:
            SAMPLERS.find(self.sampler)
        if self.ensemble not in SAMPLES:
            raise InputError(f"'{self.ensemble}' is not an ensemble; use one of {', '.join(SAMPLES)}.")
        if self.batch is not None and self.batch < 1:
            raise InputError(f"--batch is {self.batch}; it must be 'auto' or a positive number.")
        check_temperature(self.temperature_K)
        if self.device not in ("auto", "cpu", "cuda"):
            raise InputError(f"'{self.device}' is not a device; use auto, cpu or cuda.")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("--device cuda was asked for, but PyTorch sees no GPU here; use --device cpu.")
        if self.clock not in CLOCKS:
            raise InputError(f"'{self.clock}' is not a clock; use one of {', '.join(CLOCKS)}.")
        if self.clock == "auto" and not (self.wants_clock and self._lanes_know()):
            object.__setattr__(self, "clock", "network")
        if self.warm_ps:
            self.thermalise_settings()
            if not self.hydrogens:
                raise InputError("Frames are thermalised with their hydrogens; leave --no-hydrogens away.")
        if self.clock == "measured":
            self.clock_settings()
            if self.task != "unconditional" or not self.hydrogens:
                raise InputError("A measured clock is for unconditional trajectories with their hydrogens.")
        elif self.clock == "network" and self.frame_ps is not None:
            raise InputError("The spacing of frames is the model's; --frame-ps needs --clock measured.")
        elif self.clock == "network" and self.friction_per_ps is not None:
            raise InputError("The pace is the network's; --friction needs --clock measured.")
        if self.frame_ps is not None and not self.frame_ps >= LEAST_FRAME_PS:
            raise InputError(
                f"--frame-ps is {self.frame_ps:g}; give {LEAST_FRAME_PS:g} or more, nearer frames are for egi simulate."
            )
        if self.precision not in ("auto", "fp32", "bf16"):
            raise InputError(f"'{self.precision}' is not a precision; use auto, fp32 or bf16.")

    def by_the_network(self, **changes: Any) -> GenerationConfig:
        """The config with the network's clock, and with `changes`."""
        return replace(self, clock="network", frame_ps=None, friction_per_ps=None, **changes)

    @property
    def independent(self) -> bool:
        """Whether the network's frames are independent ones: what a model of structures only makes."""
        return self.strength == 0 or self.clock != "network"

    @property
    def warm_ps(self) -> float:
        """Picoseconds of dynamics from each frame, settled."""
        if self.thermalise_ps is not None:
            return self.thermalise_ps
        return 0.0 if self.clock == "network" else THERMALISED_PS

    @property
    def wants_clock(self) -> bool:
        """Whether the frames that are asked for are ones that `auto` would measure a clock for, lanes or not."""
        possible = self.task == "unconditional" and self.hydrogens and self.strength == 1
        return possible and (self.n_frames >= LEAST_CLOCKED or self.frame_ps is not None)

    def _lanes_know(self) -> bool:
        from eginterpolator.generation.thermalise import lanes_are_here

        try:
            self.clock_settings()
        except InputError:  # a solvent that lanes do not run
            return False
        return lanes_are_here()

    def thermalise_settings(self) -> ThermaliseSettings:
        """In the same solvent and at the same temperature; InputError where lanes know none."""
        from eginterpolator.generation.thermalise import ThermaliseSettings

        return ThermaliseSettings(ps=self.warm_ps, ensemble=self.ensemble, temperature_K=self.temperature_K)

    def clock_settings(self) -> ClockSettings:
        """In the same solvent and at the same temperature; InputError where lanes know none."""
        from eginterpolator.generation.clock import ClockSettings

        pace = {} if self.friction_per_ps is None else {"friction_per_ps": self.friction_per_ps}
        return ClockSettings(
            seconds=self.clock_seconds, ensemble=self.ensemble, temperature_K=self.temperature_K, **pace
        )

    def conditions(self) -> dict[str, Any]:
        """What frames are samples of, by the names of `meta.json`."""
        ensemble = ENSEMBLES[ensemble_code(self.ensemble)]
        known = {"ensemble": "obc2" if ensemble == "thermal" else ensemble}
        return known if ensemble == "minimum" else {**known, "temperature_K": self.temperature_K}


def in_solvent(config: GenerationConfig, models: Models, solvent: str | None) -> tuple[GenerationConfig, Models]:
    """The config with the ensemble of a solvent (`models.conditions.solvent_named`), and the models to ask.

    Without a solvent everything stays.

    Raises
    ------
    InputError
        For another solvent, for minima, which have none, and for what lanes would be asked for and do not know.
    """
    if solvent is None:
        return config, models
    if config.ensemble == "minimum":
        raise InputError("Minima have no solvent; give --solvent or --ensemble minimum, not both.")
    ensemble, models = models.in_solvent(solvent, config.temperature_K)
    return replace(config, ensemble=ensemble), models
