"""Training of a study's systems: what is trained already is taken as it is, what is not is trained or resumed."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eginterpolator.benchmark.config import StudyConfig, SystemConfig, train_config
from eginterpolator.benchmark.data import hash_of
from eginterpolator.files.io import sha256
from eginterpolator.models.registry import Model, load_model, model_folder
from eginterpolator.training.config import TrainConfig, to_dict

Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A trained system.

    Attributes
    ----------
    model : Model
        With the sampler and window of its row.
    folder : Path
        Its weights.
    key : str
        Hash of everything that they follow from: settings, data, the structure model's key.
    cost : dict
        `parameters` and, of them, `trained_parameters`; `updates`, `samples_seen`, `train_seconds`,
        `train_cpu_seconds` of this run; `stage_one_seconds` and `stage_one_samples` of the structure model's, or 0;
        of interpolators `alpha`, the learned shares of the structure model, by the parameter's name.
    """

    model: Model
    folder: Path
    key: str
    cost: dict[str, Any]


class Trainer:
    """Trains the systems of one study below `out`, each once for each seed.

    Parameters
    ----------
    study : StudyConfig
    out : Path
    say : callable
        Told what is being done.
    limits : dict
        Settings that overrule every run's, such as `max_steps`: for a dry run.
    """

    def __init__(self, study: StudyConfig, out: Path, say: Say, limits: dict[str, Any] | None = None) -> None:
        self.study, self.out, self.say, self.limits = study, out, say, limits or {}
        self._trained: dict[tuple[str, int], Trained] = {}
        self._hashes: dict[str, str] = {}

    def trained(self, system: SystemConfig, seed: int) -> Trained:
        """The system with its weights, trained now where they are missing.

        Raises
        ------
        InputError
            When a setting, a store or a checkpoint cannot be used.
        """
        source = self.study.system(system.of) if system.of else system
        weights = self._weights(source, seed)
        config = dict(weights.model.config)
        config["sampler"] = system.sampler or source.sampler or config.get("sampler", {})
        config["window"] = system.window or source.window or (config.get("window") if source.weights else None)
        return replace(weights, model=replace(weights.model, name=system.name, config=config))

    def _weights(self, system: SystemConfig, seed: int) -> Trained:
        known = (system.name, seed)
        if known not in self._trained:
            self._trained[known] = _existing(system.weights) if system.weights else self._train(system, seed)
        return self._trained[known]

    def _train(self, system: SystemConfig, seed: int) -> Trained:
        below = self._weights(self.study.system(system.structure), seed) if system.structure else None
        config = train_config(self.study, system, seed, self.out, below.folder if below else None)
        config = _limited(config, self.limits)
        key = self._key(config, below)
        folder = self.out / f"{slug(system.name)}_seed{seed}_{key[:8]}"
        config = replace(config, out=str(folder))
        if _steps(folder) < config.max_steps:
            from eginterpolator.training.run import train

            for name in ("lightning.pytorch", "pytorch_lightning"):  # what it says of devices is not for this table
                logging.getLogger(name).setLevel(logging.WARNING)
            self.say(f"{system.name}, seed {seed}: training, {_steps(folder)} of {config.max_steps} updates done")
            train(config)
        model = load_model(folder / "model")
        return Trained(model, folder / "model", key, _cost(model, below))

    def _key(self, config: TrainConfig, below: Trained | None) -> str:
        settings = to_dict(config)
        for name in ("name", "out", "structure", "threads", "checkpoint_minutes"):
            settings.pop(name)
        for path in {store for source in config.data.sources for store in source.stores}:
            if path not in self._hashes:
                self._hashes[path] = hash_of(path)
        data = [self._hashes[store] for source in config.data.sources for store in source.stores]
        text = json.dumps([settings, data, below.key if below else None], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def store_hashes(self) -> dict[str, str]:
        """SHA-256 of every store that was trained on, by its path."""
        return dict(self._hashes)


def _existing(weights: str) -> Trained:
    """A model that was not trained by the study: what it cost is in its card."""
    model = load_model(weights)
    folder = model_folder(weights)
    key = sha256(folder / "model.safetensors") + sha256(folder / "config.json")
    count = _parameters(model)
    return Trained(model, folder, key, {"parameters": count, "trained_parameters": count})


def _parameters(model: Model) -> int:
    return sum(p.numel() for p in model.denoiser.parameters())


def slug(name: str) -> str:
    """A name for files: letters and digits, the rest as hyphens."""
    spelled = name.replace("λ", "lambda").replace("+", " and ")
    return re.sub(r"[^A-Za-z0-9]+", "-", spelled).strip("-").lower()


def _limited(config: TrainConfig, limits: dict[str, Any]) -> TrainConfig:
    data = {key.removeprefix("data."): value for key, value in limits.items() if key.startswith("data.")}
    own = {key: value for key, value in limits.items() if not key.startswith("data.")}
    data = {key: min(value, getattr(config.data, key)) if key == "batch_size" else value for key, value in data.items()}
    return replace(config, data=replace(config.data, **data), **own)


def _steps(folder: Path) -> int:
    try:
        return int(json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))["trained"]["steps"])
    except (OSError, ValueError, KeyError):
        return 0


def _cost(model: Model, below: Trained | None) -> dict[str, Any]:
    trained = model.config["trained"]
    frozen = 0
    if below is not None and model.config["training"]["freeze"]:
        frozen = below.cost["parameters"]
    parameters = _parameters(model)
    cost = {
        "parameters": parameters,
        "trained_parameters": parameters - frozen,
        "updates": trained["steps"],
        "samples_seen": trained["samples"],
        "frames_a_sample": model.config["training"]["data"]["n_frames"],
        "train_seconds": trained["seconds"],
        "train_cpu_seconds": trained["cpu_seconds"],
        "stage_one_seconds": below.cost["train_seconds"] if below else 0.0,
        "stage_one_samples": below.cost["samples_seen"] if below else 0,
    }
    weights = model.denoiser.network.named_parameters()
    alpha = {name: [round(float(a), 4) for a in p.detach().sigmoid()] for name, p in weights if name.endswith("logits")}
    return {**cost, "alpha": alpha} if alpha else cost
