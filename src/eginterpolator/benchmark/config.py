"""What a study compares: data, tasks and systems, from one YAML in configs/benchmark/."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eginterpolator.diffusion.samplers import SAMPLERS
from eginterpolator.errors import InputError
from eginterpolator.simulation.conformers import ENERGIES
from eginterpolator.training.config import TrainConfig, build, read_yaml

TABLES = ("conformers", "unconditional", "forward")
TOOLS = ("etkdg", "etkdg_mmff", "md")


@dataclass(frozen=True)
class MadeData:
    """Simulations that the study makes itself (OpenFF Sage in OBC2), so that it runs where there are no data.

    They become the store `{made}/train.h5` and the reference folder `{made}/test`; in the study's settings `{made}`
    stands for their folder.

    Attributes
    ----------
    train, test : tuple of str
        SMILES with their stereo defined.
    train_replicas, test_replicas : int
        The last replica of a test molecule is the MD oracle.
    ns, save_ps : float
        Length of each replica and spacing of its frames.
    conformers : int
        Structures that ETKDG embeds for the reference conformers of each test molecule: their minima in the same
        force field and solvent.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    train_replicas: int = 2
    test_replicas: int = 3
    ns: float = 0.2
    save_ps: float = 0.4
    conformers: int = 8


@dataclass(frozen=True)
class ConformerTask:
    """Coverage and matching against reference ensembles.

    Attributes
    ----------
    reference : str
        A folder of <name>/conformers.sdf, or a store whose records hold conformers.
    deltas : tuple of float
        Thresholds in Å, a table for each.
    per_reference : int
        Generated conformers for each reference conformer.
    max_references : int
        References of a molecule that count, from the first on.
    ensemble : str
        Which ensemble the networks are asked for.
    limit : int or None
        Molecules, from the first name on.
    """

    reference: str
    deltas: tuple[float, ...] = (0.5,)
    per_reference: int = 2
    max_references: int = 50
    ensemble: str = "minimum"
    limit: int | None = None


@dataclass(frozen=True)
class TrajectoryTask:
    """Trajectories against reference simulations.

    Attributes
    ----------
    reference : str
        A folder of molecule folders with several replicas each; the last replica is the MD oracle.
    samples, n_frames : int
        Trajectories of each molecule, and frames of each.
    frame_ps : float
        Spacing at which all are compared.
    limit : int or None
        Molecules, from the first name on.
    """

    reference: str
    samples: int = 10
    n_frames: int = 500
    frame_ps: float = 5.2
    limit: int | None = None


@dataclass(frozen=True)
class SystemConfig:
    """One row: a model that is trained, one that takes another one's weights or shipped ones, or a tool in use today.

    Attributes
    ----------
    name : str
        The row's label.
    tables : tuple of str
        Of TABLES: where it takes part.
    train : dict or None
        Settings of its training, over those that all share; see `TrainConfig`.
    minutes : float or None
        Processor minutes of its training: as many updates as the first ones promise to take. None: `max_steps` of
        `train`.
    structure : str or None
        The system whose weights its structure layers start from.
    of : str or None
        The system whose weights it takes as they are.
    weights : str or None
        A model that exists, by its name or folder: it is taken as it is, with its own sampler and window.
    tool : str or None
        One of TOOLS.
    strength : float
        lambda.
    sampler : dict
        `name`, `steps`, `options`.
    window : int or None
        Frames made at once; longer trajectories are made in blocks.
    ensemble : str or None
        What its conformers are samples of, one of ENSEMBLES, where it is not what the task says.
    energies : str
        What relaxes its conformers, one of `simulation.conformers.ENERGIES`.
    spread : int
        So many times as many conformers are generated; those that count stand for as many clusters of them, relaxed and
        without duplicates where there are energies.
    seconds_of : str or None
        For `md`: the system whose sampling time it gets.
    note : str
        What differs from the method's published settings.
    """

    name: str
    tables: tuple[str, ...]
    train: dict[str, Any] | None = None
    minutes: float | None = None
    structure: str | None = None
    of: str | None = None
    weights: str | None = None
    tool: str | None = None
    strength: float = 1.0
    sampler: dict[str, Any] = field(default_factory=dict)
    window: int | None = None
    ensemble: str | None = None
    energies: str = "none"
    spread: int = 1
    seconds_of: str | None = None
    note: str = ""


def _plain(name: str) -> str:
    """Its letters and digits in small letters."""
    return "".join(character for character in name.lower() if character.isalnum())


@dataclass(frozen=True)
class StudyConfig:
    """A whole study.

    Attributes
    ----------
    name, dataset, scale : str
    fairness : str
        What is held equal, and what is not: printed with the tables.
    seeds : tuple of int
        Each trained system is trained and sampled once for each.
    threads : int
        Of PyTorch; 0 leaves its own choice.
    hydrogens : bool
        Put hydrogens back into what networks generate.
    made : MadeData or None
        Data that the study makes itself.
    stand_in : MadeData or None
        What a dry run takes instead of the study's data, which need not be there.
    conformers, unconditional, forward : the tasks, or None
    curve : TrajectoryTask or None
        What learning curves of trajectory systems are judged by: held-out molecules of the training data, never those
        of the tables.
    again_above : float or None
        A system with `minutes` whose held-out loss fell by more than this share over the last third of its updates is
        trained as long again, from its weights.
    train : dict
        Settings that all trained systems share.
    systems : tuple of SystemConfig
    """

    name: str
    dataset: str
    scale: str
    fairness: str
    systems: tuple[SystemConfig, ...]
    seeds: tuple[int, ...] = (0,)
    threads: int = 1
    hydrogens: bool = False
    made: MadeData | None = None
    stand_in: MadeData | None = None
    conformers: ConformerTask | None = None
    unconditional: TrajectoryTask | None = None
    forward: TrajectoryTask | None = None
    curve: TrajectoryTask | None = None
    again_above: float | None = None
    train: dict[str, Any] = field(default_factory=dict)

    def system(self, name: str) -> SystemConfig:
        """The system of that name, or the only one whose name holds `name` (capitals and signs do not matter).

        Raises
        ------
        InputError
            When there is none, or several.
        """
        for system in self.systems:
            if system.name == name:
                return system
        found = [system for system in self.systems if _plain(name) and _plain(name) in _plain(system.name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"'{name}' names {len(found)} systems: {'; '.join(s.name for s in found)}. Write more of it."
            )
        raise InputError(f"'{self.name}' has no system '{name}'; it has {'; '.join(s.name for s in self.systems)}.")

    def tasks(self) -> dict[str, ConformerTask | TrajectoryTask]:
        """The tasks that the study has, by the table's name."""
        every = {"conformers": self.conformers, "unconditional": self.unconditional, "forward": self.forward}
        return {name: task for name, task in every.items() if task is not None}


def find_config(dataset: str, scale: str) -> Path:
    """`configs/benchmark/<dataset>_<scale>.yaml` of the working folder, or else of the repository.

    Raises
    ------
    InputError
        When there is none.
    """
    name = Path("configs") / "benchmark" / f"{dataset}_{scale}.yaml"
    for root in (Path.cwd(), Path(__file__).resolve().parents[3]):
        if (root / name).is_file():
            return root / name
    raise InputError(f"There is no '{name}' here; run in the repository, or pass --config FILE.yaml.")


def load_study(path: str | os.PathLike[str], made: str | os.PathLike[str] = "made") -> StudyConfig:
    """Read a study; `{made}` in its texts becomes the path `made`.

    Raises
    ------
    InputError
        For a missing file, bad YAML, an unknown key, or systems that do not fit together.
    """
    study: StudyConfig = build(StudyConfig, _filled(read_yaml(path), str(made)), "")
    _check(study)
    return study


def train_config(study: StudyConfig, system: SystemConfig, seed: int, out: Path, structure: Path | None) -> TrainConfig:
    """The training run of a system: the study's settings under its own.

    Raises
    ------
    InputError
        When a setting does not exist or does not fit.
    """
    own: dict[str, Any] = {"name": system.name, "out": str(out), "seed": seed, "threads": study.threads}
    if structure is not None:
        own["structure"] = str(structure)
    merged = _merge(_merge(study.train, system.train or {}), own)
    config: TrainConfig = build(TrainConfig, merged, f"{system.name}: train.")
    return config


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` over `below`; sections are merged, but `model` and `process` are replaced: they name a class."""
    result = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _merge(result[key], value) if both and key not in ("model", "process") else value
    return result


def _filled(value: Any, made: str) -> Any:
    if isinstance(value, str):
        return value.replace("{made}", made)
    if isinstance(value, list):
        return [_filled(item, made) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, made) for key, item in value.items()}
    return value


def _check(study: StudyConfig) -> None:
    names = [system.name for system in study.systems]
    if len(set(names)) < len(names):
        raise InputError(f"'{study.name}' names a system twice.")
    if not study.seeds:
        raise InputError(f"'{study.name}' names no seed.")
    for system in study.systems:
        if sum(kind is not None for kind in (system.train, system.of, system.weights, system.tool)) != 1:
            raise InputError(f"'{system.name}' needs one of train, of, weights and tool.")
        if unknown := sorted(set(system.tables) - set(TABLES)):
            raise InputError(f"'{system.name}' names the table '{unknown[0]}'; there are {', '.join(TABLES)}.")
        if system.tool is not None and system.tool not in TOOLS:
            raise InputError(f"'{system.name}' names the tool '{system.tool}'; there are {', '.join(TOOLS)}.")
        if system.energies not in ENERGIES or system.spread < 1:
            raise InputError(f"'{system.name}' needs energies out of {', '.join(ENERGIES)}, and a spread of 1 or more.")
        if system.minutes is not None and (system.train is None or not system.minutes > 0):
            raise InputError(f"'{system.name}' gives minutes, which are for systems that are trained, and more than 0.")
        if system.tool == "md" and system.seconds_of is None:
            raise InputError(f"'{system.name}' is MD of equal wall-clock; 'seconds_of' must name the system to equal.")
        if system.sampler and system.sampler.get("name") not in SAMPLERS:
            raise InputError(
                f"The sampler of '{system.name}' is '{system.sampler.get('name')}'; use one of {', '.join(SAMPLERS)}."
            )
        for key in ("structure", "of", "seconds_of"):
            other = getattr(system, key)
            if other is None:
                continue
            if study.system(other).train is None:
                raise InputError(f"'{system.name}' names '{other}' as '{key}', which is not a system that is trained.")
            if names.index(other) > names.index(system.name):
                raise InputError(f"'{system.name}' needs '{other}', which must come before it.")
