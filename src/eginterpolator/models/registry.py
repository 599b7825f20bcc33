"""Checkpoint folders: `model.safetensors`, `config.json`, `census.json`, `card.md`; a model rebuilds itself."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from eginterpolator.chemistry.codes import FEATURIZER_VERSION
from eginterpolator.diffusion.process import NoiseProcess, process_from_config
from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path, write_json
from eginterpolator.machine.registry import Registry
from eginterpolator.models.architectures import Architecture
from eginterpolator.models.census import Census
from eginterpolator.models.denoiser import Denoiser

NETWORKS: Registry[Architecture] = Registry(
    "eginterpolator.networks",
    "model class",
    {
        name: f"eginterpolator.models.architectures:{name}"
        for name in (
            "BasicES", "CascadedInterpolator", "BlockwiseInterpolator", "ConfGF", "GeoDiff", "GeoTDM",
            "AutoregressiveEGNN", "AutoregressiveET",
        )
    },
)  # fmt: skip
"""Class name -> the network, and the denoiser that puts it under a noise process."""


@dataclass
class Model:
    """A denoiser with what is needed to use it.

    `config` holds class, hyperparameters, limits and provenance, `census` what it was trained on, where that is known.
    """

    name: str
    denoiser: Denoiser
    config: dict[str, Any]
    census: Census | None = None

    @property
    def process(self) -> NoiseProcess:
        """The noise process that the denoiser was trained under."""
        return self.denoiser.process


def build_denoiser(model: dict[str, Any], process: dict[str, Any]) -> Denoiser:
    """Denoiser from the `model` and `process` sections of a config.

    Raises
    ------
    InputError
        For a class or a parameter that does not exist.
    """
    name = model.get("class")
    network, denoiser = NETWORKS.find(name)
    arguments = {key: value for key, value in model.items() if key != "class"}
    try:
        built: Denoiser = denoiser(network(**arguments), process_from_config(process))
    except (TypeError, KeyError) as error:
        raise InputError(f"The settings of model '{name}' do not fit: {error}.") from error
    return built


def save_model(
    folder: str | os.PathLike[str], denoiser: Denoiser, config: dict[str, Any], census: Census | None = None
) -> None:
    """Write weights, config and what the model was trained on; `config` needs the sections `model` and `process`."""
    folder = Path(folder)
    tensors = {key: value.contiguous() for key, value in denoiser.network.state_dict().items()}
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file(tensors, temporary)
    if census is not None:
        census.save(folder)
    write_json(folder / "config.json", {**config, "featurizer_version": FEATURIZER_VERSION})


def list_models() -> list[str]:
    """Names of the models that ship with the package."""
    root = resources.files("eginterpolator") / "pretrained"
    folders = root.iterdir() if root.is_dir() else ()
    return sorted(item.name for item in folders if (item / "config.json").is_file())


def model_folder(name: str | os.PathLike[str]) -> Path:
    """Folder of a shipped model's name, or a checkpoint folder of one's own.

    Raises
    ------
    InputError
        When there is neither.
    """
    shipped = Path(str(resources.files("eginterpolator") / "pretrained" / str(name)))
    for folder in (Path(name), shipped):
        if (folder / "config.json").is_file():
            return folder
    raise InputError(
        f"There is no model '{name}': neither a checkpoint folder nor one of the shipped {', '.join(list_models())}."
    )


def export_model(name: str | os.PathLike[str], out: str | os.PathLike[str]) -> Path:
    """Copy a model's folder to `out`, which must not exist.

    Raises
    ------
    InputError
        When there is no such model, or `out` is in the way.
    """
    source, target = model_folder(name), Path(out)
    if target.exists():
        raise InputError(f"'{target}' exists; choose another folder to copy the model to.")
    hidden = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copytree(source, hidden)
        os.replace(hidden, target)
    except OSError as error:
        raise InputError(f"Cannot write '{target}' ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return target


def load_model(name: str | os.PathLike[str], device: str = "cpu") -> Model:
    """Load a model in evaluation mode.

    Raises
    ------
    InputError
        When it does not exist, its weights are damaged, or it was made with another featuriser.
    """
    folder = model_folder(name)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        state = load_file(folder / "model.safetensors", device="cpu")
        denoiser = build_denoiser(config["model"], config["process"])
        denoiser.network.load_state_dict(state)
    except (SafetensorError, json.JSONDecodeError, KeyError, TypeError, RuntimeError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"The weights in '{folder}' are damaged or incomplete ({reason}); fetch the model again."
        ) from error
    if config.get("featurizer_version") != FEATURIZER_VERSION:
        raise InputError(
            f"'{folder}' was trained with featuriser {config.get('featurizer_version')}, this version has "
            f"{FEATURIZER_VERSION}; use the release that made it or train it again."
        )
    called = str(config.get("name", folder.name))
    return Model(called, denoiser.eval().to(torch.device(device)), config, Census.load(folder))
