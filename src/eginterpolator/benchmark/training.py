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
from eginterpolator.benchmark.curves import late_fall
from eginterpolator.benchmark.data import hash_of
from eginterpolator.files.io import sha256, write_json
from eginterpolator.machine.provenance import machine
from eginterpolator.models.registry import Model, load_model, model_folder
from eginterpolator.training.config import TrainConfig, to_dict

Say = Callable[[str], None]
SPENT = ("updates", "samples_seen", "train_seconds", "train_cpu_seconds")
"""Costs that add up over the runs of a system."""


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
    runs : tuple of Path
        Folders of the runs that led to the weights, in their order; none of a model that existed.
    cost : dict
        `parameters` and, of them, `trained_parameters`; `updates`, `samples_seen`, `train_seconds`,
        `train_cpu_seconds` of this run; `stage_one_seconds` and `stage_one_samples` of the structure model's, or 0;
        of interpolators `alpha`, the learned shares of the structure model, by the parameter's name.
    """

    model: Model
    folder: Path
    key: str
    cost: dict[str, Any]
    runs: tuple[Path, ...] = ()


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
        minutes = None if "max_steps" in self.limits else system.minutes
        key = self._key(config, below, minutes)
        folder = self.out / f"{slug(system.name)}_seed{seed}_{key[:8]}"
        if minutes is not None:
            config = replace(config, max_steps=steps_for(config, minutes, folder))
        runs = [self._run(replace(config, out=str(folder)), system.name)]
        above = self.study.again_above
        if minutes is not None and above is not None and late_fall(folder) > above:
            further = folder.with_name(f"{folder.name}_again")
            self.say(f"{system.name}, seed {seed}: its held-out loss still falls; as many updates again")
            before = str(folder / "model")
            again = replace(config, start=before, structure=config.structure and before, out=str(further))
            runs.append(self._run(again, system.name))
        models = [load_model(run / "model") for run in runs]
        cost = _cost(models[-1], below)
        for earlier in models[:-1]:
            spent = _cost(earlier, below)
            cost |= {name: cost[name] + spent[name] for name in SPENT}
        return Trained(models[-1], runs[-1] / "model", key, cost, tuple(runs))

    def _run(self, config: TrainConfig, name: str) -> Path:
        """The folder of a run, trained to its end."""
        folder = Path(config.out)
        if _steps(folder) < config.max_steps:
            from eginterpolator.training.run import train

            for logger in ("lightning.pytorch", "pytorch_lightning"):  # what it says of devices is not for this table
                logging.getLogger(logger).setLevel(logging.WARNING)
            self.say(f"{name}, seed {config.seed}: training, {_steps(folder)} of {config.max_steps} updates done")
            self._note(folder, name, config, "training")
            train(config)
        self._note(folder, name, config, "trained")
        return folder

    def _note(self, folder: Path, name: str, config: TrainConfig, state: str) -> None:
        """What a program may read of the study while it runs: `state.json`, a run by the name of its folder."""
        path = self.out / "state.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        known[folder.name] = {
            "system": name, "seed": config.seed, "state": state, "updates": _steps(folder), "of": config.max_steps,
        }  # fmt: skip
        self.out.mkdir(parents=True, exist_ok=True)
        write_json(path, known)

    def _key(self, config: TrainConfig, below: Trained | None, minutes: float | None = None) -> str:
        settings = to_dict(config)
        for name in ("name", "out", "structure", "threads", "checkpoint_minutes", "snapshots"):
            settings.pop(name)
        if minutes is not None:
            settings |= {"max_steps": None, "minutes": minutes, "again_above": self.study.again_above}
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


def steps_for(config: TrainConfig, minutes: float, folder: Path) -> int:
    """Updates that take so many processor minutes, by the first ones; kept in `budget.json` of the folder.

    A run that goes on, on another machine too, keeps the number.
    """
    path = folder / "budget.json"
    if not path.is_file():
        from eginterpolator.training.plan import plan

        each = plan(config).cpu_seconds_a_step
        steps = max(1, round(60 * minutes / each))
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, {"minutes": minutes, "cpu_seconds_a_step": each, "max_steps": steps, "machine": machine()})
    return int(json.loads(path.read_text(encoding="utf-8"))["max_steps"])


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
