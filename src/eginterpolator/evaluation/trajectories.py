"""Generated trajectories against reference simulations: the metrics of SPEC section 5, with the MD oracle beside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.comparison import Comparison, Reference, compare
from eginterpolator.evaluation.distributions import bootstrap_mean
from eginterpolator.folder import read_molecule_folder
from eginterpolator.molecule import Molecule

SCHEMA_VERSION = 1

__all__ = ["Comparison", "Evaluation", "EvaluationConfig", "compare", "evaluate_folders", "summarise"]


@dataclass(frozen=True)
class EvaluationConfig:
    """How trajectories are compared (SPEC section 5).

    Attributes
    ----------
    frame_ps : float
        Spacing at which all trajectories are compared; those with finer frames are thinned.
    n_frames : int
        Length of a reference window.
    reference_windows, oracle_windows : int
        Windows drawn from each reference replica, and from the oracle's.
    oracle_replicas : int
        How many of the last replicas are held out of the reference as MD oracle; none of a molecule that has no more.
    oracle : bool
        Whether to judge the MD oracle as well; its replicas are held out of the reference either way.
    seed : int
        Of the window offsets and of k-means.
    """

    frame_ps: float = 5.2
    n_frames: int = 500
    reference_windows: int = 30
    oracle_windows: int = 10
    oracle_replicas: int = 1
    oracle: bool = True
    seed: int = 0


@dataclass
class Evaluation:
    """Comparisons of many molecules, the MD oracle's beside, and what could not be compared."""

    config: EvaluationConfig
    generated: dict[str, Comparison] = field(default_factory=dict)
    oracle: dict[str, Comparison] = field(default_factory=dict)
    smiles: dict[str, str] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, `schema_version` first."""
        return {
            "schema_version": SCHEMA_VERSION,
            "config": asdict(self.config),
            "generated": summarise(self.generated),
            "oracle": summarise(self.oracle),
            "molecules": {
                name: {
                    "smiles": self.smiles[name],
                    "generated": _plain(self.generated.get(name)),
                    "oracle": _plain(self.oracle.get(name)),
                }
                for name in self.smiles
            },
            "failures": self.failures,
        }


def summarise(comparisons: dict[str, Comparison], seed: int = 0) -> dict[str, Any]:
    """Mean, median and bootstrap interval of every metric over all (molecule, feature) pairs; {} for no molecule.

    `stereo_retention` is the mean over the molecules that have stereo (None where none has): those without would keep
    it whatever is generated. `valid` is the mean over all molecules.
    """
    if not comparisons:
        return {}
    each = list(comparisons.values())
    result: dict[str, Any] = {"molecules": len(each)}
    for kind in ("length", "angle", "torsion", "decorrelation"):
        arrays = [c.jsd[kind] for c in each if len(c.jsd[kind])]
        if arrays:
            result[kind] = _statistics(arrays, seed)
    for name in ("tica_0", "tica_01", "msm"):
        known = [np.array([getattr(c, name)]) for c in each if getattr(c, name) is not None]
        if known:
            result[name] = _statistics(known, seed)
    result["too_rigid_for_tica"] = [name for name, c in comparisons.items() if c.tica_0 is None]
    kept = [c.stereo_retention for c in each if c.has_stereo]
    result["stereo_retention"] = float(np.mean(kept)) if kept else None
    result["molecules_with_stereo"] = len(kept)
    result["valid"] = float(np.mean([c.valid for c in each]))
    result["outside_range"] = {kind: sum(c.outside_range[kind] for c in each) for kind in ("length", "angle")}
    return result


def evaluate_folders(
    generated: str | os.PathLike[str] | None, reference: str | os.PathLike[str], config: EvaluationConfig | None = None
) -> Evaluation:
    """Compare folders of molecule folders, molecule by molecule.

    Parameters
    ----------
    generated : path or None
        Output of `egi generate` or of any tool in that layout; None gives the MD oracle alone.
    reference : path
        Simulations, several replicas a molecule.
    config : EvaluationConfig

    Raises
    ------
    InputError
        When a folder is missing or holds nothing. A molecule that cannot be compared is listed in `failures`.
    """
    config = config or EvaluationConfig()
    result = Evaluation(config)
    references = _folders(reference)
    ours = _folders(generated) if generated is not None else {}
    for name in sorted(set(ours) - set(references)):
        result.failures.append({"name": name, "reason": "there is no reference simulation of this name."})
    for name, folder in references.items():
        try:
            _evaluate(name, folder, ours.get(name), generated is not None, config, result)
        except EGIError as error:
            result.failures.append({"name": name, "reason": str(error)})
        except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
            reason = f"it could not be compared, by {type(error).__name__}: {error}"
            result.failures.append({"name": name, "reason": reason})
    return result


def _evaluate(
    name: str, folder: Path, generated: Path | None, wanted: bool, config: EvaluationConfig, result: Evaluation
) -> None:
    """Put the comparisons of one molecule into `result`."""
    molecule, replicas, stride = _load(folder, config)
    held = config.oracle_replicas if len(replicas) > config.oracle_replicas else 0
    random = np.random.default_rng([config.seed, len(replicas)])
    windows = _windows(replicas[: len(replicas) - held], stride, config.reference_windows, config, random)
    reference = Reference.of(molecule, windows, config.frame_ps, config.seed)
    result.smiles[name] = molecule.smiles
    if held and config.oracle:
        oracle = _windows(replicas[len(replicas) - held :], stride, config.oracle_windows, config, random)
        result.oracle[name] = reference.compare(oracle)
    if not wanted:
        return
    if generated is None:
        raise InputError("nothing was generated for this molecule.")
    _, trajectories, stride = _load(generated, config, molecule)
    result.generated[name] = reference.compare([x[::stride] for x in trajectories])


def _folders(root: str | os.PathLike[str]) -> dict[str, Path]:
    root = Path(root)
    found = {path.parent.name: path.parent for path in sorted(root.glob("*/molecule.sdf"))}
    if not found:
        raise InputError(f"'{root}' holds no molecule folders (<name>/molecule.sdf).")
    return found


def _load(
    folder: Path, config: EvaluationConfig, like: Molecule | None = None
) -> tuple[Molecule, list[np.ndarray], int]:
    """Molecule, its trajectories as they are stored, and the stride that gives the evaluation's frame spacing."""
    molecule, trajectories, _ = read_molecule_folder(folder)
    if like is not None:
        if molecule.smiles_flat != like.smiles_flat:
            raise InputError(f"'{folder}' is {molecule.smiles}, and the reference is {like.smiles}.")
        same = molecule.heavy_bonds.tolist() == like.heavy_bonds.tolist()
        numbers = molecule.atomic_numbers[: molecule.n_heavy].tolist()
        if not same or numbers != like.atomic_numbers[: like.n_heavy].tolist():
            trajectories = _reordered(molecule, like, trajectories)
    strides = set()
    for trajectory in trajectories:
        stride = config.frame_ps / trajectory.frame_ps
        if abs(stride - round(stride)) > 0.01 * stride or round(stride) < 1:
            raise InputError(
                f"'{folder}' has frames every {trajectory.frame_ps} ps, which do not make {config.frame_ps} ps; "
                "choose another frame spacing of the evaluation."
            )
        strides.add(round(stride))
        if not np.isfinite(trajectory.positions).all():
            bad = int((~np.isfinite(trajectory.positions).all(axis=(1, 2))).sum())
            raise InputError(
                f"'{folder}' has coordinates that are not finite in {bad} of {trajectory.n_frames} frames."
            )
        if trajectory.n_frames <= round(stride):
            raise InputError(f"'{folder}' has a trajectory shorter than two frames of {config.frame_ps} ps.")
    if len(strides) > 1:
        raise InputError(f"the trajectories of '{folder}' have several frame spacings.")
    return molecule, [trajectory.positions for trajectory in trajectories], strides.pop()


def _reordered(molecule: Molecule, like: Molecule, trajectories: Sequence[Any]) -> list[Any]:
    """Heavy-atom trajectories in the order of `like`; of another stereoisomer too, whose retention will tell."""
    from eginterpolator.trajectory import Trajectory

    mol = molecule.heavy_mol
    match = mol.GetSubstructMatch(like.heavy_mol, useChirality=True) or mol.GetSubstructMatch(like.heavy_mol)
    if len(match) != like.n_heavy:
        raise InputError(f"the atoms of {molecule.smiles} cannot be matched with those of {like.smiles}.")
    return [Trajectory(like, t.heavy[:, list(match)], t.frame_ps, t.meta) for t in trajectories]


def _windows(
    replicas: Sequence[np.ndarray], stride: int, count: int, config: EvaluationConfig, random: np.random.Generator
) -> list[np.ndarray]:
    """`count` windows of each replica at random offsets in its stored frames, thinned by `stride`.

    A replica that is too short for a window of `config.n_frames` is taken as a whole.
    """
    result = []
    span = (config.n_frames - 1) * stride + 1
    for replica in replicas:
        if len(replica) <= span:
            result.append(replica[::stride])
            continue
        for offset in random.integers(len(replica) - span + 1, size=count):
            result.append(replica[offset : offset + span : stride])
    return result


def _statistics(arrays: Sequence[np.ndarray], seed: int) -> dict[str, Any]:
    values = np.concatenate(arrays)
    return {
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "mean_95": bootstrap_mean(arrays, seed),
        "count": len(values),
    }


def _plain(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    values = asdict(comparison)
    values["jsd"] = {kind: array.tolist() for kind, array in comparison.jsd.items()}
    return values
