"""Training runs as YAML: dataclasses, `key=value` overrides, and the sentence that says what is wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from eginterpolator.chemistry.text import read_text
from eginterpolator.errors import InputError
from eginterpolator.training.module import OptimiserConfig


@dataclass(frozen=True)
class SourceConfig:
    """Stores to draw from, the share of batch rows that they give, and of which ensembles; none named takes all."""

    stores: tuple[str, ...] = ()
    weight: float = 1.0
    ensembles: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataConfig:
    """What a batch is made of; see `FrameBatches`. `max_atoms`, `buckets` and `batch_atoms` count heavy atoms.

    With `axes` the graphs say the handedness of axes of chirality; each counts as a triple.
    """

    sources: tuple[SourceConfig, ...] = ()
    batch_size: int = 128
    n_frames: int = 1
    strides: tuple[int, ...] = (1,)
    conditioning: tuple[float, float, float] = (1.0, 0.0, 0.0)
    mirror: float = 0.5
    validation_share: float = 0.05
    validation_batches: int = 8
    max_atoms: int = 9
    max_triples: int = 24
    axes: bool = False
    buckets: tuple[int, ...] = ()
    batch_atoms: int = 0


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    `model` and `process` hold the class name under `class` and its parameters. `structure` names the checkpoint
    folder of stage 1, or an interpolator, whose weights the structure layers start from; `freeze` keeps them as they
    are. Without `structure` the layers start at random (variant -N), without `freeze` they are trained too (variant
    -F). `snapshots` is how many sets of weights a learning curve keeps (`training.run.snapshot_steps`).
    """

    name: str
    out: str
    model: dict[str, Any]
    process: dict[str, Any] = field(default_factory=lambda: {"class": "Preconditioned"})
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    structure: str | None = None
    freeze: bool = True
    start: str | None = None
    align: bool = False
    max_steps: int = 10000
    precision: str = "bf16"
    compile: bool = True
    devices: int = 1
    accelerator: str = "auto"
    threads: int = 0
    seed: int = 0
    checkpoint_minutes: float = 3.0
    validate_every: int = 1000
    snapshots: int = 0


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """What a YAML file holds.

    Raises
    ------
    InputError
        For a missing file, or bad YAML.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no config '{path}'.")
    try:
        return yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise InputError(f"'{path}' is not valid YAML: {str(error).splitlines()[0]}.") from error


def load_config(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a YAML file and apply overrides such as `data.batch_size=64`.

    Raises
    ------
    InputError
        For a missing file, bad YAML, a key that does not exist, or a value that does not fit.
    """
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"'{path}' must hold keys and values; see configs/ for examples.")
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            raise InputError(f"'{override}' is not an override; write key=value, for example max_steps=100.")
        target = values
        *parents, last = key.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise InputError(f"'{key}' cannot be overridden: '{parent}' has no settings with names.")
        try:
            target[last] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"The value of the override '{override}' is not valid YAML.") from error
    return build(TrainConfig, values, "")


def build(cls: type, values: dict[str, Any], where: str) -> Any:
    """Make the dataclass `cls` of nested dictionaries; unknown and missing keys are named.

    Raises
    ------
    InputError
        When a key is unknown or missing, or a value does not fit.
    """
    if not isinstance(values, dict):
        raise InputError(f"'{where.rstrip('.')}' must hold keys and values, not '{values}'.")
    hints = get_type_hints(cls)
    known = {f.name for f in fields(cls)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"'{where}{unknown[0]}' is not a setting; known are {', '.join(sorted(known))}.")
    arguments = {}
    for key, value in values.items():
        hint = hints[key]
        parts = [part for part in get_args(hint) if part is not NoneType]
        if NoneType in get_args(hint):  # X | None
            hint = None if value is None else parts[0]
        if is_dataclass(hint) and isinstance(hint, type):
            value = build(hint, {} if value is None else value, f"{where}{key}.")
        elif get_origin(hint) is tuple:
            if not isinstance(value, list):
                raise InputError(f"'{where}{key}' must be a list, not '{value}'.")
            each = parts[0] if is_dataclass(parts[0]) and isinstance(parts[0], type) else None
            value = tuple(build(each, item, f"{where}{key}.") if each else item for item in value)
        elif hint in (int, float) and not isinstance(value, bool):
            value = _number(value, hint, where + key)
        arguments[key] = value
    missing = [f.name for f in fields(cls) if f.name not in arguments and f.default is f.default_factory is MISSING]
    if missing:
        raise InputError(f"The config lacks the setting '{where}{missing[0]}'.")
    return cls(**arguments)


def _number(value: Any, kind: type, where: str) -> int | float:
    """YAML 1.1 reads 1e-3 as text: take it as the number it is."""
    try:
        number = float(value)
        if kind is int and not number.is_integer():
            raise ValueError
    except (TypeError, ValueError) as error:
        raise InputError(f"'{where}' must be {'a whole' if kind is int else 'a'} number, not '{value}'.") from error
    return int(number) if kind is int else number


def to_dict(config: TrainConfig) -> dict[str, Any]:
    """Plain dictionaries, for logs and checkpoints."""
    return asdict(config)
