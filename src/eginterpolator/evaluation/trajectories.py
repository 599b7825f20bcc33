"""Generated trajectories against reference simulations: the metrics of SPEC section 5, with the MD oracle beside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.distributions import bootstrap_mean, feature_jsd
from eginterpolator.evaluation.features import FeatureSet, torsions
from eginterpolator.evaluation.kinetics import decorrelation_jsd, decorrelation_times, tica_jsd
from eginterpolator.evaluation.stereo import stereo_retention
from eginterpolator.evaluation.validity import valid_share
from eginterpolator.folder import read_molecule_folder
from eginterpolator.molecule import Molecule

SCHEMA_VERSION = 1


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
        How many of the last replicas are held out of the reference as MD oracle.
    seed : int
        Of the window offsets.
    """

    frame_ps: float = 5.2
    n_frames: int = 500
    reference_windows: int = 30
    oracle_windows: int = 10
    oracle_replicas: int = 1
    seed: int = 0


@dataclass
class Comparison:
    """One molecule's trajectories against its reference.

    Attributes
    ----------
    jsd : dict
        Jensen-Shannon distance of every feature: `length`, `angle`, `torsion`, `decorrelation`.
    tica_0, tica_01 : float or None
        None where the molecule is too rigid for TICA.
    stereo_retention, valid : float
        Shares of the frames.
    decorrelation_ps : dict
        Median decorrelation time of each torsion over trajectories: `generated` and `reference`; None where the
        median trajectory never decorrelates.
    n_trajectories, n_frames : int
        Of the generated ones.
    """

    jsd: dict[str, np.ndarray]
    tica_0: float | None
    tica_01: float | None
    stereo_retention: float
    valid: float
    decorrelation_ps: dict[str, list[float | None]]
    n_trajectories: int
    n_frames: int


def compare(
    molecule: Molecule, generated: Sequence[np.ndarray], reference: Sequence[np.ndarray], frame_ps: float
) -> Comparison:
    """Compare trajectories [T, N, 3] of one molecule, both with frames `frame_ps` apart and heavy atoms first."""
    features = FeatureSet.of(molecule)
    heavy = [x[:, : molecule.n_heavy] for x in generated]
    theirs = [x[:, : molecule.n_heavy] for x in reference]
    jsd = feature_jsd(features, heavy, theirs)
    times: dict[str, list[float | None]] = {"generated": [], "reference": []}
    jsd["decorrelation"] = np.zeros(0)
    tica = None
    if len(features.torsions) and min(len(x) for x in (*heavy, *theirs)) > 2:
        jsd["decorrelation"] = decorrelation_jsd(features, heavy, theirs, frame_ps)
        tica = tica_jsd(features, heavy, theirs)
        for name, group in (("generated", heavy), ("reference", theirs)):
            each = [decorrelation_times(torsions(x, features.torsions), frame_ps) for x in group]
            times[name] = [float(t) if np.isfinite(t) else None for t in np.median(each, axis=0)]
    means = np.concatenate(theirs)
    return Comparison(
        jsd,
        *(tica or (None, None)),
        float(np.mean([stereo_retention(molecule, x) for x in generated])),
        float(np.mean([valid_share(molecule, x, means) for x in generated])),
        times,
        len(generated),
        len(generated[0]),
    )


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
    """Mean, median and bootstrap interval of every metric over all (molecule, feature) pairs; {} for no molecule."""
    if not comparisons:
        return {}
    each = list(comparisons.values())
    result: dict[str, Any] = {"molecules": len(each)}
    for kind in ("length", "angle", "torsion", "decorrelation"):
        arrays = [c.jsd[kind] for c in each if len(c.jsd[kind])]
        if arrays:
            result[kind] = _statistics(arrays, seed)
    for name in ("tica_0", "tica_01"):
        known = [np.array([getattr(c, name)]) for c in each if getattr(c, name) is not None]
        if known:
            result[name] = _statistics(known, seed)
    result["too_rigid_for_tica"] = [name for name, c in comparisons.items() if c.tica_0 is None]
    result["stereo_retention"] = float(np.mean([c.stereo_retention for c in each]))
    result["valid"] = float(np.mean([c.valid for c in each]))
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
            molecule, replicas, stride = _load(folder, config)
            held = config.oracle_replicas if len(replicas) > config.oracle_replicas else 0
            random = np.random.default_rng([config.seed, len(replicas)])
            windows = _windows(replicas[: len(replicas) - held], stride, config.reference_windows, config, random)
            result.smiles[name] = molecule.smiles
            if held:
                oracle = _windows(replicas[len(replicas) - held :], stride, config.oracle_windows, config, random)
                result.oracle[name] = compare(molecule, oracle, windows, config.frame_ps)
            if generated is not None:
                if name not in ours:
                    raise InputError("nothing was generated for this molecule.")
                _, trajectories, stride = _load(ours[name], config, molecule)
                thinned = [x[::stride] for x in trajectories]
                result.generated[name] = compare(molecule, thinned, windows, config.frame_ps)
        except EGIError as error:
            result.failures.append({"name": name, "reason": str(error)})
    return result


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
            raise InputError(f"'{folder}' has coordinates that are not finite.")
        if trajectory.n_frames <= round(stride):
            raise InputError(f"'{folder}' has a trajectory shorter than two frames of {config.frame_ps} ps.")
    if len(strides) > 1:
        raise InputError(f"the trajectories of '{folder}' have several frame spacings.")
    return molecule, [trajectory.positions for trajectory in trajectories], strides.pop()


def _reordered(molecule: Molecule, like: Molecule, trajectories: Sequence[Any]) -> list[Any]:
    """Trajectories with the heavy atoms in the order of `like`."""
    from eginterpolator.trajectory import Trajectory

    match = molecule.heavy_mol.GetSubstructMatch(like.heavy_mol, useChirality=True)
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
