"""The tasks: unconditional trajectories, forward simulation in blocks, interpolation, conformers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from eginterpolator.chemistry.codes import SAMPLES, TEMPERATURE_K
from eginterpolator.chemistry.hydrogens import add_hydrogens
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import stereo_retention
from eginterpolator.chemistry.validity import every_check, failed_shares, frame_checks
from eginterpolator.data.frames import superpose
from eginterpolator.diffusion.samplers import SAMPLERS, SamplerConfig
from eginterpolator.errors import InputError
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from eginterpolator.generation.clock import ClockSettings, clocked
from eginterpolator.generation.placing import given_frames, placed
from eginterpolator.generation.sampling import Given, Sampler, block_frames, derive_seed
from eginterpolator.generation.thermalise import ThermaliseSettings, thermalise_trajectories
from eginterpolator.machine.cores import on_cores, shares
from eginterpolator.models.ahead import Settings, fast_denoiser
from eginterpolator.models.compiled import with_kernels
from eginterpolator.models.denoiser import WindowDenoiser
from eginterpolator.models.registry import Model

TASKS = ("unconditional", "forward", "interpolation")
CLOCKS = ("network", "measured")
POOL_FRAMES = 2000
"""Frames that a measured clock orders together, at least: a slow torsion need not change in every trajectory then."""
Progress = Callable[[int], None]


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
    thermalise_ps : float
        Picoseconds of dynamics from each frame, at most 1; 0 for none. See `thermalise`.
    clock : 'network' or 'measured'
        What puts frames in order: the trained interpolator, or a clock that is measured on the molecule itself
        (`clock`), for independent frames of the structure model.
    clock_seconds : float
        See `ClockSettings.seconds`.
    frame_ps : float or None
        Spacing of the frames, which a measured clock leaves free; None takes the model's.
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
    thermalise_ps: float = 0.0
    temperature_K: float = TEMPERATURE_K
    clock: str = "network"
    clock_seconds: float = 3.0
    frame_ps: float | None = None

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
        if self.device not in ("auto", "cpu", "cuda"):
            raise InputError(f"'{self.device}' is not a device; use auto, cpu or cuda.")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("--device cuda was asked for, but PyTorch sees no GPU here; use --device cpu.")
        if self.thermalise_ps:
            ThermaliseSettings(ps=self.thermalise_ps)
            if not self.hydrogens:
                raise InputError("Frames are thermalised with their hydrogens; leave --no-hydrogens away.")
        if self.clock not in CLOCKS:
            raise InputError(f"'{self.clock}' is not a clock; use one of {', '.join(CLOCKS)}.")
        if self.clock == "measured":
            ClockSettings(seconds=self.clock_seconds)
            if self.task != "unconditional" or not self.hydrogens:
                raise InputError("A measured clock is for unconditional trajectories with their hydrogens.")
        elif self.frame_ps is not None:
            raise InputError("The spacing of frames is the model's; --frame-ps needs --clock measured.")
        if self.frame_ps is not None and not self.frame_ps > 0:
            raise InputError(f"--frame-ps is {self.frame_ps:g}; give more than 0.")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise InputError(f"'{self.precision}' is not a precision; use auto, fp32 or bf16.")


def check_task(model: Model, config: GenerationConfig, start: Endpoint | None, end: Endpoint | None) -> None:
    """Check that the task has the given frames that it needs, and a length that the model can make.

    Raises
    ------
    InputError
        When it has not.
    """
    needed = {"unconditional": (False, False), "forward": (True, False), "interpolation": (True, True)}[config.task]
    if (start is not None, end is not None) != needed:
        wanted = {(False, False): "neither --start nor --end", (True, False): "--start and no --end"}
        raise InputError(f"The task '{config.task}' needs {wanted.get(needed, 'both --start and --end')}.")
    if config.strength != 1 and isinstance(model.denoiser, WindowDenoiser):
        raise InputError(
            f"The model '{model.name}' has no structure model inside, so its frames cannot be independent; "
            "use strength 1."
        )
    if config.task == "interpolation" and config.n_frames > (most := block_frames(model)):
        raise InputError(f"Interpolation is limited to {most} frames by the model; ask for fewer --frames.")


def make_sampler(model: Model, molecule: Molecule, config: GenerationConfig) -> Sampler:
    """The sampler of a molecule, with the model's own settings where the config leaves them open."""
    own = model.config.get("sampler", {})
    name = config.sampler or own.get("name", "sde")
    options = tuple(own.get("options", {}).items()) if name == own.get("name") else ()
    steps = config.steps or int(own.get("steps", 40))
    return Sampler(
        model,
        molecule,
        SamplerConfig(name, steps, options),
        config.seed,
        config.strength if config.clock == "network" else 0.0,
        frame_ps(model),
        config.ensemble,
        resolve_precision(config.precision, next(model.denoiser.parameters()).device),
        config.temperature_K,
    )


def frame_ps(model: Model) -> float:
    """Spacing of the model's frames, ps."""
    return float(model.config.get("frame_ps") or 5.2)


def layer_settings(model: Model, precision: str = "auto") -> Settings:
    """What layers have to be compiled for so that generation on a processor takes them (`models.ahead`)."""
    return Settings(resolve_precision(precision, torch.device("cpu")), frame_ps(model))


def could_be_compiled(model: Model, precision: str = "auto") -> bool:
    """Whether the model is on a processor and `models.ahead.compile_layers` would make it faster: kernels need none."""
    on_cpu = next(model.denoiser.parameters()).device.type == "cpu"
    settings = layer_settings(model, precision)
    if not on_cpu or (settings.precision == "bf16" and with_kernels(model.denoiser)):
        return False
    return fast_denoiser(model.denoiser, settings) is None


def resolve_precision(precision: str, device: torch.device) -> str:
    """'auto' is bf16 where the device multiplies it in hardware, and fp32 elsewhere: emulated, it is far slower."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported()
    else:
        found = torch.cpu.get_capabilities()
        native = bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return "bf16" if native else "fp32"


def resolve_device(device: str) -> str:
    """'auto' is the GPU where there is one."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def generate_trajectories(
    model: Model,
    molecule: Molecule,
    config: GenerationConfig,
    start: Endpoint | None = None,
    end: Endpoint | None = None,
    progress: Progress = lambda calls: None,
) -> list[Trajectory]:
    """`config.n_samples` trajectories of one molecule.

    Longer ones than `block_frames` are made in blocks, each started from the last frame of the one before.

    Raises
    ------
    InputError
        When the task lacks its given frames.
    GenerationError
        When a sample stays non-finite.
    """
    check_task(model, config, start, end)
    began = time.perf_counter()
    count = drawn_samples(config)
    sampler = make_sampler(model, molecule, config)
    most = block_frames(model)
    given = given_frames(molecule, start, end)
    one_at_a_time = threading.Lock()

    def make(samples: range, check: Callable[[], None]) -> list[Trajectory]:
        def told(calls: int) -> None:
            check()
            with one_at_a_time:
                progress(calls)

        heavy = _blocks(sampler, samples, config.n_frames, most, given, told)
        return [
            _finish(model, sampler, k, frames, config, start, end, given)
            for k, frames in zip(samples, heavy, strict=True)
        ]

    cpu = sampler.device.type == "cpu"
    batch = config.batch or sampler.batch_size(config.n_frames)
    parts = shares(count, batch, torch.get_num_threads() if cpu else 1)
    made = on_cores(make, parts) if cpu else [make(part, lambda: None) for part in parts]
    trajectories = [trajectory for part in made for trajectory in part]
    if config.thermalise_ps:
        trajectories = _thermalised(trajectories, config, start, end)
    if config.clock == "measured":  # last: what lay on a barrier is in a well by then
        trajectories = _clocked(trajectories, config)[: config.n_samples]
    seconds = (time.perf_counter() - began) / config.n_samples
    for trajectory in trajectories:
        trajectory.meta["seconds"] = round(seconds, 3)
    return trajectories


def drawn_samples(config: GenerationConfig) -> int:
    """Trajectories that the network makes: those that are asked for, or as many as the pool of a clock needs."""
    return config.n_samples if config.clock == "network" else max(config.n_samples, -(-POOL_FRAMES // config.n_frames))


def _clocked(trajectories: list[Trajectory], config: GenerationConfig) -> list[Trajectory]:
    """The frames of all trajectories in the order of a measured clock, and judged again."""
    molecule = trajectories[0].molecule
    settings = ClockSettings(seconds=config.clock_seconds, temperature_K=config.temperature_K)
    seed = derive_seed(config.seed, molecule, 0, -3, 0)
    found = clocked(trajectories, settings, seed, config.frame_ps or trajectories[0].frame_ps)
    for trajectory in found:
        trajectory.meta |= judged(molecule, trajectory.positions)
    return found


def _thermalised(
    trajectories: list[Trajectory], config: GenerationConfig, start: Endpoint | None, end: Endpoint | None
) -> list[Trajectory]:
    """The trajectories after some dynamics from each frame, and judged again; given frames stay."""
    molecule = trajectories[0].molecule
    given = [index for index, endpoint in ((0, start), (-1, end)) if endpoint is not None]
    settings = ThermaliseSettings(ps=config.thermalise_ps)
    seed = derive_seed(config.seed, molecule, 0, -2, 0)
    found = thermalise_trajectories(trajectories, settings, seed, given, torch.get_num_threads())
    for trajectory in found:
        trajectory.meta |= judged(molecule, trajectory.positions)
    return found


def network_calls(model: Model, config: GenerationConfig) -> int:
    """How often `progress` will be told of a sample's pass through the network: for a progress bar."""
    own = model.config.get("sampler", {})
    steps = config.steps or int(own.get("steps", 40))
    name = config.sampler or own.get("name", "sde")
    calls = 2 * steps - 1 if name in ("heun", "stochastic") else steps
    if name == "annealed_langevin":
        calls = steps * int(own.get("options", {}).get("inner", 100))
    most = block_frames(model)
    blocks = 1 + max(0, -(-(config.n_frames - most) // (most - 1)))
    return calls * blocks * drawn_samples(config)


def generate_conformers(
    model: Model,
    molecule: Molecule,
    n_conformers: int,
    config: GenerationConfig,
    progress: Progress = lambda calls: None,
) -> ConformerEnsemble:
    """Independent structures from the structure model (strength 0): [n_conformers, n_atoms, 3].

    Raises
    ------
    GenerationError
        When a structure stays non-finite.
    """
    config = replace(config, strength=0.0, n_frames=1, n_samples=n_conformers, task="unconditional")
    trajectories = generate_trajectories(model, molecule, config, progress=progress)
    positions = np.concatenate([t.positions for t in trajectories])
    meta = {key: value for key, value in trajectories[0].meta.items() if key not in ("frame_ps", "sample")}
    meta |= {
        "task": "conformers",
        "n_frames": n_conformers,
        "seconds": round(sum(t.meta["seconds"] for t in trajectories), 3),
        **judged(molecule, positions),
    }
    return ConformerEnsemble(molecule, positions, None, meta)


def judged(molecule: Molecule, positions: np.ndarray) -> dict[str, Any]:
    """Meta data that say how good frames [T, N, 3] are: `stereo_retention`, `valid`, and `failed_checks`."""
    checks = frame_checks(molecule, positions)
    return {
        "stereo_retention": stereo_retention(molecule, positions),
        "valid": float(every_check(checks).mean()),
        "failed_checks": failed_shares(checks),
    }


def _blocks(
    sampler: Sampler, samples: Sequence[int], n_frames: int, most: int, given: Given, progress: Progress
) -> np.ndarray:
    """Heavy-atom frames [len(samples), n_frames, N, 3], block after block of at most `most` frames."""
    done = sampler.draw(samples, min(most, n_frames), [given] * len(samples), 0, progress)
    block = 1
    while done.shape[1] < n_frames:
        length = min(most, n_frames - done.shape[1] + 1)
        last = [Given(frame) for frame in done[:, -1]]
        more = sampler.draw(samples, length, last, block, progress)
        done = np.concatenate([done, more[:, 1:]], axis=1)
        block += 1
    return done


def _finish(
    model: Model,
    sampler: Sampler,
    index: int,
    heavy: np.ndarray,
    config: GenerationConfig,
    start: Endpoint | None,
    end: Endpoint | None,
    given: Given,
) -> Trajectory:
    """Place a sample in space, put its hydrogens back, judge it."""
    molecule = sampler.molecule
    if start is None:
        heavy = superpose(heavy[None].astype(np.float64))[0].astype(np.float32)
    positions = heavy
    if config.hydrogens and molecule.n_atoms > molecule.n_heavy:
        seed = derive_seed(config.seed, molecule, index, -1, 0)
        positions = add_hydrogens(molecule, heavy, seed=seed, frame_ps=sampler.frame_ps)
    if start is not None:
        positions = placed(positions, molecule, start, end, given.last)
    meta = {
        "smiles": molecule.smiles,
        "frame_ps": sampler.frame_ps,
        "n_frames": len(positions),
        "seed": config.seed,
        "sample": index,
        "model": model.name,
        "task": config.task,
        "strength": sampler.strength,
        "sampler": sampler.config.name,
        "steps": sampler.config.steps,
        "precision": sampler.precision,
        "device": str(sampler.device),
        "compiled": sampler.compiled,
        "kernels": sampler.kernels,
        **judged(molecule, positions),
    }
    return Trajectory(molecule, positions.astype(np.float32), sampler.frame_ps, meta)
