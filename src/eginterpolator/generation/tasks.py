"""The tasks: unconditional trajectories, forward simulation in blocks, interpolation, conformers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from eginterpolator.chemistry.hydrogens import add_hydrogens
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import stereo_retention
from eginterpolator.chemistry.validity import every_check, failed_shares, frame_checks
from eginterpolator.data.frames import superpose
from eginterpolator.errors import InputError
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.files.trajectory import ConformerEnsemble, Trajectory
from eginterpolator.generation.config import GenerationConfig
from eginterpolator.generation.placing import given_frames, placed
from eginterpolator.generation.sampling import Given, Sampler, block_frames, derive_seed
from eginterpolator.generation.schedule import calls_a_block, sampler_config
from eginterpolator.machine.cores import on_cores, shares
from eginterpolator.models.ahead import Settings, fast_denoiser
from eginterpolator.models.choice import has_time
from eginterpolator.models.compiled import with_kernels
from eginterpolator.models.denoiser import WindowDenoiser
from eginterpolator.models.registry import Model

POOL_FRAMES, POOL_TRAJECTORIES = 500, 4
"""Frames that the network draws for a measured clock, at most, and trajectories, at least, where those are fewer."""
Progress = Callable[[int], None]
__all__ = ["GenerationConfig", "Progress", "generate_conformers", "generate_trajectories"]


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
    if config.task != "unconditional" and not has_time(model):
        raise InputError(
            f"The model '{model.name}' is of structures only, so it goes on from no given frame; use another --model."
        )
    if config.task == "interpolation" and config.n_frames > (most := block_frames(model)):
        raise InputError(f"Interpolation is limited to {most} frames by the model; ask for fewer --frames.")


def make_sampler(model: Model, molecule: Molecule, config: GenerationConfig) -> Sampler:
    """The sampler of a molecule, with the model's own settings where the config leaves them open."""
    return Sampler(
        model,
        molecule,
        sampler_config(model, config),
        config.seed,
        strength_of(model, config),
        frame_ps(model),
        config.ensemble,
        resolve_precision(config.precision, next(model.denoiser.parameters()).device),
        config.temperature_K,
    )


def strength_of(model: Model, config: GenerationConfig) -> float:
    """lambda as it is: 0 where frames are independent, by the config or by the model."""
    return 0.0 if config.independent or not has_time(model) else config.strength


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
    if not on_cpu or with_kernels(model.denoiser, settings.precision):
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
    began = time.perf_counter()
    config, why_no_clock = _hoped_for(config, molecule)
    trajectories = _drawn(model, molecule, config, start, end, progress)
    if config.clock == "auto":  # now: what parameters need was loaded meanwhile
        config, why_no_clock = _settled(config, molecule)
        if config.clock == "network":
            trajectories = _drawn(model, molecule, config, start, end, lambda calls: None)
    if config.warm_ps:
        trajectories = _thermalised(trajectories, config, start, end)
    if config.clock == "measured":  # last: what lay on a barrier is in a well by then
        trajectories = _clocked(trajectories, config)
    seconds = (time.perf_counter() - began) / config.n_samples
    for trajectory in trajectories:
        trajectory.meta["seconds"] = round(seconds, 3)
        if why_no_clock:
            trajectory.meta["clock"] = {"objection": why_no_clock}
    return trajectories


def _drawn(
    model: Model,
    molecule: Molecule,
    config: GenerationConfig,
    start: Endpoint | None,
    end: Endpoint | None,
    progress: Progress,
) -> list[Trajectory]:
    """What the network makes: `as_drawn` of the config."""
    check_task(model, config, start, end)
    config = as_drawn(config)
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
    parts = shares(config.n_samples, batch, torch.get_num_threads() if cpu else 1)
    made = on_cores(make, parts) if cpu else [make(part, lambda: None) for part in parts]
    return [trajectory for part in made for trajectory in part]


def _hoped_for(config: GenerationConfig, molecule: Molecule) -> tuple[GenerationConfig, str]:
    """The config, with the network's clock where it is clear at once that lanes cannot run a molecule, and why.

    Else what they need is loaded meanwhile.
    """
    if config.clock == "network":
        return config, ""
    from eginterpolator.generation.clock import refusal
    from eginterpolator.simulation.parameters import load_openmm

    why = refusal(molecule, config.clock_settings()) if config.clock == "auto" else ""
    if why:
        return config.by_the_network(thermalise_ps=0.0), why
    load_openmm()
    return config, ""


def _settled(config: GenerationConfig, molecule: Molecule) -> tuple[GenerationConfig, str]:
    """The config with the clock that `auto` is for a molecule, and why it is not a measured one."""
    from eginterpolator.generation.clock import objection

    why = objection(molecule, config.clock_settings())
    return (config.by_the_network(thermalise_ps=0.0), why) if why else (replace(config, clock="measured"), "")


def as_drawn(config: GenerationConfig) -> GenerationConfig:
    """The config with the trajectories that the network makes: those that are asked for, or frames for a clock."""
    if config.clock == "network":
        return config
    frames = min(config.n_frames, POOL_FRAMES)
    samples = min(max(config.n_samples, POOL_TRAJECTORIES), -(-POOL_FRAMES // frames))
    return replace(config, n_frames=frames, n_samples=samples)


def _clocked(trajectories: list[Trajectory], config: GenerationConfig) -> list[Trajectory]:
    """Those trajectories that are asked for, by a clock measured from the frames of these, and judged."""
    from eginterpolator.generation.clock import clocked

    molecule = trajectories[0].molecule
    seed = derive_seed(config.seed, molecule, 0, -3, 0)
    spacing = config.frame_ps or trajectories[0].frame_ps
    again = config.thermalise_settings() if config.warm_ps else None
    shape = (config.n_samples, config.n_frames)
    found = clocked(trajectories, config.clock_settings(), seed, spacing, shape, again, torch.get_num_threads())
    for trajectory in found:
        trajectory.meta |= judged(molecule, trajectory.positions)
    return found


def _thermalised(
    trajectories: list[Trajectory], config: GenerationConfig, start: Endpoint | None, end: Endpoint | None
) -> list[Trajectory]:
    """The trajectories after some dynamics from each frame, and judged again; given frames stay."""
    from eginterpolator.generation.thermalise import thermalise_trajectories

    molecule = trajectories[0].molecule
    given = [index for index, endpoint in ((0, start), (-1, end)) if endpoint is not None]
    seed = derive_seed(config.seed, molecule, 0, -2, 0)
    found = thermalise_trajectories(trajectories, config.thermalise_settings(), seed, given, torch.get_num_threads())
    for trajectory in found:
        trajectory.meta |= judged(molecule, trajectory.positions)
    return found


def network_calls(model: Model, config: GenerationConfig) -> int:
    """How often `progress` will be told of a sample's pass through the network: for a progress bar."""
    calls, most = calls_a_block(model, config), block_frames(model)
    drawn = as_drawn(config)
    blocks = 1 + max(0, -(-(drawn.n_frames - most) // (most - 1)))
    return calls * blocks * drawn.n_samples


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
        **config.conditions(),
        "sampler": sampler.config.name,
        "steps": sampler.config.steps,
        "precision": sampler.precision,
        "device": str(sampler.device),
        "compiled": sampler.compiled,
        "kernels": sampler.kernels,
        **judged(molecule, positions),
    }
    return Trajectory(molecule, positions.astype(np.float32), sampler.frame_ps, meta)
