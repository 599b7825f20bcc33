"""Settings of each stage as mdp files: SPEC section 4 in the words of GROMACS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eginterpolator.simulation.protocol import ExplicitProtocol

GROUP = "Solute"
"""Index group of the atoms whose frames are kept."""
COMPRESSIBILITY_PER_BAR = 4.5e-5
TAU_P_PS = 2.0
MINIMISE_STEPS = 1000
LONGEST_ENERGY_STEPS = 100


@dataclass(frozen=True)
class Stage:
    """A stage of a run.

    Attributes
    ----------
    name : str
        Of its files.
    steps : int
    dt_ps : float
    stride : int
        Steps between frames, 0 for none.
    pressure, velocities : bool
        Whether the barostat works; whether velocities are drawn anew.
    """

    name: str
    steps: int
    dt_ps: float = 0.0
    stride: int = 0
    pressure: bool = False
    velocities: bool = False

    @property
    def minimises(self) -> bool:
        """Whether it is a minimisation."""
        return not self.dt_ps


def stages(protocol: ExplicitProtocol, n_frames: int, stride: int) -> Iterator[Stage]:
    """Minimise, NVT at half the time step, NPT, production; a stage without steps is left out."""
    dt = protocol.timestep_fs / 1000.0
    yield Stage("em", MINIMISE_STEPS)
    first = True
    if protocol.nvt_steps:
        yield Stage("nvt", int(protocol.nvt_steps), dt / 2, velocities=True)
        first = False
    if protocol.npt_steps:
        yield Stage("npt", int(protocol.npt_steps), dt, pressure=True, velocities=first)
        first = False
    yield Stage("prod", n_frames * stride, dt, stride, pressure=True, velocities=first)


def mdp(protocol: ExplicitProtocol, stage: Stage, seed: int) -> str:
    """The mdp file of a stage; `seed` below 2^30 is of its velocities and noise."""
    pairs: list[tuple[str, object]] = [
        ("cutoff-scheme", "Verlet"),
        ("coulombtype", "PME"),
        ("rcoulomb", f"{protocol.cutoff_nm:g}"),
        ("fourierspacing", 0.12),
        ("vdw-modifier", "Potential-switch"),
        ("rvdw", f"{protocol.cutoff_nm:g}"),
        ("rvdw-switch", f"{protocol.switch_nm:g}"),
        ("DispCorr", "AllEnerPres"),
        ("constraints", "h-bonds"),
    ]
    if stage.minimises:
        pairs += [("integrator", "steep"), ("nsteps", stage.steps), ("emtol", 100)]
    else:
        every = energy_steps(stage.stride)
        pairs += [
            ("integrator", "sd"),
            ("dt", f"{stage.dt_ps:.9g}"),
            ("nsteps", stage.steps),
            ("tc-grps", "System"),
            ("tau-t", f"{1.0 / protocol.friction_per_ps:.9g}"),
            ("ref-t", f"{protocol.temperature_K:g}"),
            ("ld-seed", seed),
            ("nstcomm", 100),
            ("nstcalcenergy", every),
            ("nstenergy", stage.stride or every),
            ("nstlog", max(stage.steps // 10, 1)),
            ("continuation", "no" if stage.velocities else "yes"),
            ("gen-vel", "yes" if stage.velocities else "no"),
        ]
        if stage.velocities:
            pairs += [("gen-temp", f"{protocol.temperature_K:g}"), ("gen-seed", seed)]
        if stage.stride:
            pairs += [("nstxout-compressed", stage.stride), ("compressed-x-grps", GROUP)]
            pairs += [("compressed-x-precision", 10000)]
        if stage.pressure:
            pairs += [
                ("pcoupl", "C-rescale"),
                ("nstpcouple", 10),
                ("tau-p", TAU_P_PS),
                ("ref-p", f"{protocol.pressure_bar:g}"),
                ("compressibility", COMPRESSIBILITY_PER_BAR),
            ]
    return "".join(f"{key:<24} = {value}\n" for key, value in pairs)


def energy_steps(stride: int) -> int:
    """Steps between calculations of the energy: the largest divisor of `stride` up to 100, which is that of no frames.

    GROMACS would move the frames of the energy to a multiple of it.
    """
    return max(n for n in range(1, LONGEST_ENERGY_STEPS + 1) if stride % n == 0)
