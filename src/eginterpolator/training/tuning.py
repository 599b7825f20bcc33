"""A short run from a model's own weights on data of one's own, with settings that need no YAML; it writes the YAML."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from eginterpolator.chemistry.graph import featurize
from eginterpolator.data.build import build
from eginterpolator.data.given import is_store
from eginterpolator.data.readers.recognise import open_source
from eginterpolator.data.store import Store
from eginterpolator.errors import InputError
from eginterpolator.files.io import write_text
from eginterpolator.generation.sampling import window_frames
from eginterpolator.models.conditions import holds_axes
from eginterpolator.models.denoiser import InterpolatorDenoiser, StructureDenoiser
from eginterpolator.models.registry import Model, load_model
from eginterpolator.training.config import TrainConfig, load_config
from eginterpolator.training.plan import plan

STAGES = ("structure", "time")
LEARNING_RATE = 3e-4
"""A fifth of what stage 1 was trained with: enough for new wells in some thousand steps."""
NOISE = {"log_mean": -1.0, "log_std": 1.4}
"""Noise levels that stage 1 is trained on; an interpolator's own are those of stage 2."""
SPACE = {"structure": 10_400, "time": 700}
"""Heavy atoms squared times samples in a batch: 128 structures or 8 windows of 9 atoms, as the shipped ones had."""
FEWEST, MOST_ROWS, LEAST_STEPS = 8, 128, 60
WARMUP, EMA_SHARE = 50, 0.1
"""The moving average of the weights reaches back over this share of the steps."""
HOLD_OUT_FROM = 20
"""Molecules from which on a tenth of them is held out for validation."""
TEMPORAL: dict[str, Any] = {"n_frames": 64, "conditioning": [0.5, 0.35, 0.15]}
REHEARSED = (
    "Nothing is rehearsed, since the data that '{base}' was trained on do not ship: what it makes of other molecules "
    "changes too, so keep '{base}' for them, or give data of them with --data as well."
)


@dataclass(frozen=True)
class Found:
    """What training data hold: molecules, most heavy atoms and stereo triples of one, ps between frames (0: none)."""

    molecules: int
    max_atoms: int
    max_triples: int
    frame_ps: float
    frames: int

    @classmethod
    def of(cls, stores: Sequence[str], axes: bool) -> Found:
        """From stores; `frames` is the most that a trajectory has."""
        count = atoms = triples = frames = 0
        spacings: set[float] = set()
        for path in stores:
            with Store(path) as store:
                for name in store.names:
                    graph, facts = featurize(store[name].molecule, axes=axes), store.facts(name)
                    atoms, triples = max(atoms, graph.n_atoms), max(triples, len(graph.signs))
                    frames = max(frames, facts.trajectories[1])
                    spacings |= {facts.frame_ps} if facts.trajectories[1] else set()
                    count += 1
        return cls(count, atoms, triples, min(spacings) if len(spacings) == 1 else 0.0, frames)


def tuning_run(
    base: str,
    data: Sequence[Path],
    out: str | os.PathLike[str],
    stage: str = "structure",
    minutes: float = 10.0,
    overrides: Sequence[str] = (),
    with_held_out: bool = False,
) -> TrainConfig:
    """Settings of a run that goes on from the weights of `base` on `data`, kept as `OUT/config.yaml`.

    Molecule folders and whatever else `egi data import` reads become `OUT/data.h5`. A run that is there already keeps
    its settings, so that the same call goes on with it.

    Parameters
    ----------
    base : str
        Name or folder of a model.
    data : sequence of Path
        Stores (.h5), or one other source.
    stage : 'structure' or 'time'
        The structure network, which gives a structure model; or the temporal one on the frozen structure network.
    minutes : float
        As long as the run lasts, by the speed of a few steps; not where `overrides` set `max_steps`.

    Raises
    ------
    InputError
        When the model or the data do not go with the stage, or `out` holds another run.
    """
    if stage not in STAGES:
        raise InputError(f"'{stage}' is not a stage; use {' or '.join(STAGES)}.")
    if not minutes > 0:
        raise InputError(f"--minutes is {minutes:g}; give more than 0.")
    out = Path(out)
    path = out / "config.yaml"
    if path.is_file():
        return _again(path, base, stage, overrides)
    model = load_model(base)
    stores = _stores(data, out, with_held_out)
    settings = settings_of(model, base, stores, out, stage)
    with tempfile.TemporaryDirectory() as hidden:  # a run that is interrupted here has no settings yet
        draft = Path(hidden) / "config.yaml"
        write_text(draft, yaml.safe_dump(settings, sort_keys=False))
        config = load_config(draft, overrides)
    steps = config.max_steps
    if not any(text.startswith("max_steps=") for text in overrides):
        steps = max(LEAST_STEPS, round(60 * minutes / plan(replace(config, max_steps=LEAST_STEPS)).seconds_a_step))
    settings |= {"max_steps": steps, "optimiser": _optimiser(steps)}
    write_text(path, yaml.safe_dump(settings, sort_keys=False))
    return load_config(path, overrides)


def settings_of(model: Model, base: str, stores: Sequence[str], out: Path, stage: str) -> dict[str, Any]:
    """The YAML of such a run, without its number of steps."""
    held = isinstance(model.denoiser, InterpolatorDenoiser)
    if not held and not isinstance(model.denoiser, StructureDenoiser):
        raise InputError(f"'{base}' is a {model.config['model'].get('class')}, which is trained from a YAML only.")
    if stage == "time" and not held:
        raise InputError(f"'{base}' is a structure model and has no temporal network to train; leave --stage away.")
    axes = holds_axes(model.config)
    found = Found.of(stores, axes)
    limit = int(model.config.get("limits", {}).get("max_heavy_atoms") or 0)
    rows = max(FEWEST if stage == "structure" else 1, min(MOST_ROWS, SPACE[stage] // found.max_atoms**2))
    data: dict[str, Any] = {
        "sources": [{"stores": list(stores)}],
        "batch_size": rows,
        "max_atoms": max(limit, found.max_atoms),
        "max_triples": max(24, found.max_triples),
        "axes": axes,
        "validation_share": 0.1 if found.molecules >= HOLD_OUT_FROM else 0.0,
    }
    process = dict(model.config["process"])
    own = dict(model.config["model"])
    settings: dict[str, Any] = {"name": f"{model.name}-tuned", "out": str(out), "start": base}
    if stage == "time":
        own.pop("structure")
        data |= {**TEMPORAL, **_windows(model, found)}
        settings["structure"] = base
    elif held:
        own = {"class": "BasicES", **own["structure"]}
        process = {key: value for key, value in process.items() if key != "memory"} | NOISE
    return {
        **settings, "model": own, "process": process, "data": data, "precision": "bf16", "compile": False,
        "accelerator": "auto", "threads": 1, "validate_every": 200, "checkpoint_minutes": 1.0,
    }  # fmt: skip


def _windows(model: Model, found: Found) -> dict[str, Any]:
    """Length and stride of windows; InputError where trajectories hold none."""
    wanted = float(model.config.get("frame_ps") or 5.2)
    stride = wanted / found.frame_ps if found.frame_ps else 0.0
    if not stride or abs(stride - round(stride)) > 0.01 * stride:
        raise InputError(
            f"'{model.name}' makes frames {wanted:g} ps apart, and the data have "
            f"{f'frames {found.frame_ps:g} ps apart' if found.frame_ps else 'none of one spacing'}; "
            f"save them every {wanted:g} ps, or a whole part of it."
        )
    fit = (found.frames - 1) // round(stride) + 1
    if fit < 2:
        raise InputError("The data have no trajectory of two frames of the model; simulate longer.")
    return {"n_frames": min(TEMPORAL["n_frames"], window_frames(model), fit), "strides": [round(stride)]}


def _optimiser(steps: int) -> dict[str, float]:
    reach = max(10.0, EMA_SHARE * steps)
    decay = min(0.999, 1 - 1 / reach)
    return {"learning_rate": LEARNING_RATE, "warmup_steps": min(WARMUP, math.ceil(steps / 10)), "ema_decay": decay}


def _stores(data: Sequence[Path], out: Path, with_held_out: bool) -> list[str]:
    """Stores as they are, everything else as `OUT/data.h5`."""
    stores = [path for path in data if path.is_file() and is_store(path)]
    others = [path for path in data if path not in stores]
    if not data:
        raise InputError("Name what to train on with --data: a folder of molecule folders, or a dataset (.h5).")
    if others:
        made = out / "data.h5"
        build(open_source(others), made, with_held_out=with_held_out)
        stores.append(made)
    return [str(path) for path in stores]


def _again(path: Path, base: str, stage: str, overrides: Sequence[str]) -> TrainConfig:
    """The settings of a run that is there already."""
    config = load_config(path, overrides)
    if config.start != base or bool(config.structure) != (stage == "time"):
        raise InputError(f"'{path.parent}' holds a run from '{config.start}'; choose another folder with --out.")
    return config
