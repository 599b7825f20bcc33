"""What the systems of a study make: conformers and trajectories in folders that the evaluation reads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eginterpolator.benchmark.config import ConformerTask, TrajectoryTask
from eginterpolator.benchmark.data import Target
from eginterpolator.chemistry.stereo import stereo_retention
from eginterpolator.chemistry.validity import valid_share
from eginterpolator.errors import EGIError
from eginterpolator.files.endpoints import Endpoint
from eginterpolator.files.folder import write_conformer_folder
from eginterpolator.files.trajectory import ConformerEnsemble
from eginterpolator.generation.conformers import finished_ensemble
from eginterpolator.generation.etkdg import etkdg_conformers
from eginterpolator.generation.runs import RunResult, run_conformers, run_generation
from eginterpolator.generation.tasks import GenerationConfig, generate_conformers
from eginterpolator.models.registry import Model
from eginterpolator.simulation.conformers import RankSettings


@dataclass
class Made:
    """What a system made of a task's molecules.

    Attributes
    ----------
    folder : Path
        A sub-folder a molecule.
    metas : dict
        meta.json of each molecule that is there: seconds, stereo retention, validity.
    failures : dict
        The reason for each molecule that is not.
    """

    folder: Path
    metas: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def seconds(self) -> float:
        """Wall-clock seconds of sampling, all molecules together."""
        return float(sum(meta["seconds"] for meta in self.metas.values()))

    def share(self, name: str, names: set[str] | None = None) -> float | None:
        """Mean of `stereo_retention` or `valid` over the molecules `names`, None where there is none."""
        values = [meta[name] for key, meta in self.metas.items() if names is None or key in names]
        return sum(values) / len(values) if values else None


@dataclass(frozen=True)
class Chosen:
    """Which conformers of a system count: `energies` and `spread` as `SystemConfig` has them."""

    energies: str = "none"
    spread: int = 1

    def ranking(self, count: int) -> RankSettings:
        """How conformers are relaxed, so that `count` of them are left to be taken.

        Of a system that generates no more than count, each is relaxed, and none is left out for being like another.
        """
        if self.spread > 1:
            return RankSettings.of(self.energies, clusters=count)
        if self.energies == "none":
            return RankSettings.of()
        return RankSettings.of(self.energies, window_kcal=1e6, prune_rmsd=1e-6)

    def taken(self, ensemble: ConformerEnsemble) -> ConformerEnsemble:
        """Those that stand for clusters, where there are more than count."""
        if self.spread == 1 or ensemble.clusters is None:
            return ensemble
        frames = sorted(ensemble.clusters["frame"])
        return ConformerEnsemble(ensemble.molecule, ensemble.positions[frames], meta=ensemble.meta)


def model_conformers(
    model: Model,
    targets: Sequence[Target],
    task: ConformerTask,
    out: Path,
    seed: int,
    hydrogens: bool,
    chosen: Chosen | None = None,
) -> Made:
    """Conformers of a model, `per_reference` times as many as there are references; resumes."""
    chosen = chosen or Chosen()
    config = GenerationConfig(n_frames=1, seed=seed, strength=0.0, hydrogens=hydrogens, ensemble=task.ensemble)

    def make(target: Target) -> RunResult | None:
        count = task.per_reference * target.n_references
        if chosen == Chosen():
            return run_conformers(model, [target.molecule], out, count, config)
        molecule = target.molecule
        made = generate_conformers(model, molecule, chosen.spread * count, config)
        ensemble = chosen.taken(finished_ensemble(made, chosen.ranking(count), seed))
        write_conformer_folder(out / molecule.name, ensemble, _judged(ensemble, made.meta["seconds"]))
        return None

    return _each(targets, out, make)


def model_trajectories(
    model: Model, targets: Sequence[Target], task: TrajectoryTask, out: Path, seed: int, strength: float,
    forward: bool, hydrogens: bool,
) -> Made:  # fmt: skip
    """Trajectories of a model, from the target's start frame where `forward`; resumes."""
    config = GenerationConfig(
        task="forward" if forward else "unconditional", n_frames=task.n_frames, n_samples=task.samples, seed=seed,
        strength=strength, hydrogens=hydrogens,
    )  # fmt: skip

    def make(target: Target) -> RunResult:
        start = None
        if forward and target.start is not None:
            frame = target.start if hydrogens else target.start[: target.molecule.n_heavy]
            start = Endpoint.of(frame, target.molecule)
        return run_generation(model, [target.molecule], out, config, start=start)

    return _each(targets, out, make)


def etkdg(
    targets: Sequence[Target], task: ConformerTask, out: Path, seed: int, refine: bool, chosen: Chosen | None = None
) -> Made:
    """RDKit's conformers, with MMFF94s refinement where `refine`; resumes."""
    chosen = chosen or Chosen()

    def make(target: Target) -> None:
        began = time.perf_counter()
        molecule = target.molecule
        count = task.per_reference * target.n_references
        made = etkdg_conformers(molecule, chosen.spread * count, seed, refine)
        seconds = time.perf_counter() - began
        made = replace(made, meta={**made.meta, "seconds": seconds})
        ensemble = chosen.taken(finished_ensemble(made, chosen.ranking(count), seed))
        write_conformer_folder(out / molecule.name, ensemble, {**_judged(ensemble, seconds), "seed": seed})

    return _each(targets, out, make)


def short_md(
    targets: Sequence[Target], task: TrajectoryTask, out: Path, seed: int, seconds: dict[str, float], forward: bool
) -> Made:
    """Simulations that take as long as a model's trajectories did: `seconds` a trajectory, by molecule; resumes.

    A molecule that the model failed on has no time to equal, and is listed as a failure.
    """
    from eginterpolator.benchmark.md import simulate_for

    def make(target: Target) -> None:
        if target.molecule.name not in seconds:
            raise EGIError("the system whose time it should take made nothing of this molecule.")
        start = target.start if forward else None
        simulate_for(seconds[target.molecule.name], target.molecule, task, out, seed, start)

    return _each(targets, out, make)


def md_note(made: Made, task: TrajectoryTask) -> str:
    """By which engine a row of `short_md` ran, what it spent of what it was given, and how often that was for all."""
    metas = made.metas.values()
    if not metas:
        return ""
    engines = sorted({meta.get("engine", "openmm") for meta in metas})  # there was no other when none was written down
    whole = sum(meta["n_frames"] >= task.n_frames for meta in metas)
    given = sum(meta["seconds_to_equal"] for meta in metas)
    return (
        f"by {' and '.join(engines)}: {made.seconds():.3g} s of the {given:.3g} s given; the whole length for {whole} "
        f"of {len(metas)} molecules"
    )


def _judged(ensemble: ConformerEnsemble, seconds: float) -> dict[str, Any]:
    """meta.json of an ensemble that took so many seconds before it was relaxed."""
    molecule = ensemble.molecule
    return {
        "smiles": molecule.smiles,
        "seconds": seconds + ensemble.meta.get("ranking", {}).get("seconds", 0.0),
        "stereo_retention": stereo_retention(molecule, ensemble.positions),
        "valid": valid_share(molecule, ensemble.positions),
    }


def _each(targets: Sequence[Target], out: Path, make: Callable[[Target], RunResult | None]) -> Made:
    """Make every molecule that is not there yet; one that fails is listed, the others go on."""
    made = Made(out)
    for target in targets:
        name = target.molecule.name
        path = out / name / "meta.json"
        try:
            if not path.is_file():
                result = make(target)
                if result is not None and result.failures and not path.is_file():  # of a bad result the files stay
                    made.failures[name] = result.failures[0].reason
                    continue
            made.metas[name] = json.loads(path.read_text(encoding="utf-8"))
        except (EGIError, ArithmeticError, LookupError, RuntimeError, ValueError) as error:
            kind = "" if isinstance(error, EGIError) else f"{type(error).__name__}: "
            made.failures[name] = kind + " ".join(str(error).split())
    return made
