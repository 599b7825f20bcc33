"""Molecule folders to trajectories that can be compared: one frame spacing, one atom order; and windows of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.evaluation.sources import Source, read_source, trajectory_sources
from eginterpolator.files.trajectory import Trajectory


@dataclass(frozen=True)
class EvaluationConfig:
    """How trajectories are compared (SPEC section 5, B).

    Attributes
    ----------
    frame_ps : float
        Spacing at which kinetics are compared; of trajectories with finer frames all count in distributions.
    n_frames : int
        Frames that a replica should have at this spacing; what is shorter is noted. Length of a window, for
        `draw_windows`.
    reference_windows, oracle_windows : int
        Windows that `draw_windows` is asked for of each replica, and of the held-out one; nothing else draws any.
    oracle_replicas : int or None
        Replicas in each block that is judged against the others as oracle; None for a quarter of them, 0 for no oracle.
        `windows_of_source` holds out that many, one by default.
    oracle : bool
        Whether to judge the oracle.
    seed : int
        Of bootstrap, of k-means, and of windows.
    paths : bool or None
        Whether each generated trajectory is a path between its first and last frame; None: where its meta.json says
        that the task was interpolation. The oracle's replicas are then judged as paths as well.
    energy_frames : int
        Frames of each molecule whose energies are compared (`energy`), 0 for none; needs the extra `md`.
    xtb : bool
        GFN2-xTB energies of these frames as well; needs tblite.
    curves : bool
        Collect what a page draws (`curves`).
    """

    frame_ps: float = 5.2
    n_frames: int = 500
    reference_windows: int = 30
    oracle_windows: int = 10
    oracle_replicas: int | None = None
    oracle: bool = True
    seed: int = 0
    paths: bool | None = None
    energy_frames: int = 0
    xtb: bool = False
    curves: bool = False

    @property
    def held_out(self) -> int:
        """Replicas that `windows_of_source` holds out."""
        return 1 if self.oracle_replicas is None else self.oracle_replicas


def windows_of_folder(
    folder: str | os.PathLike[str] | Source, config: EvaluationConfig
) -> tuple[Molecule, list[np.ndarray], list[np.ndarray]]:
    """Molecule, windows of the reference and of the MD oracle [T, N, 3] (Å); see `windows_of_source`."""
    source = Path(folder) if isinstance(folder, str | os.PathLike) else folder
    return windows_of_source(source, config)[:3]


def windows_of_source(
    source: Source, config: EvaluationConfig
) -> tuple[Molecule, list[np.ndarray], list[np.ndarray], dict[str, Any]]:
    """Molecule, windows of the reference and of the held-out part [T, N, 3] (Å) of a source, and its meta data.

    The last `config.held_out` replicas are the held-out part; a molecule that has no more has an empty one. This is no
    longer how `egi evaluate` compares (it takes every frame): the windows are for studies of windows.

    Raises
    ------
    InputError
        When the folder cannot be read, or its frames do not fit the evaluation's spacing.
    """
    molecule, replicas, stride, meta = load_trajectories(source, config)
    kept = len(replicas) - (config.held_out if len(replicas) > config.held_out else 0)
    random = np.random.default_rng([config.seed, len(replicas)])
    windows = draw_windows(replicas[:kept], stride, config.reference_windows, config, random)
    return molecule, windows, draw_windows(replicas[kept:], stride, config.oracle_windows, config, random), meta


def molecule_folders(root: str | os.PathLike[str]) -> dict[str, Path]:
    """Name -> folder of every molecule folder in `root`; InputError when there is none."""
    if not Path(root).is_dir():
        raise InputError(f"'{root}' holds no molecule folders (<name>/molecule.sdf).")
    return {name: folder for name, folder in trajectory_sources(root).items() if isinstance(folder, Path)}


def load_trajectories(
    folder: Source, config: EvaluationConfig, like: Molecule | None = None
) -> tuple[Molecule, list[np.ndarray], int, dict[str, Any]]:
    """Molecule, its trajectories as they are stored, the stride to the evaluation's frame spacing, and meta data.

    With `like` the trajectories are put in the order of that molecule's atoms.

    Raises
    ------
    InputError
        When the folder cannot be read, is another molecule than `like`, or its frames do not fit the evaluation's
        spacing, are too few or are not finite.
    """
    molecule, trajectories, meta = read_matched(folder, like)
    strides = set()
    for trajectory in trajectories:
        stride = config.frame_ps / trajectory.frame_ps
        if abs(stride - round(stride)) > 0.01 * stride or round(stride) < 1:
            raise InputError(
                f"'{folder}' has frames every {trajectory.frame_ps} ps, which do not make {config.frame_ps} ps; "
                "save frames whose spacing divides it, or choose another (--frame-ps) for our own protocol."
            )
        strides.add(round(stride))
        if trajectory.n_frames <= round(stride):
            raise InputError(f"'{folder}' has a trajectory shorter than two frames of {config.frame_ps} ps.")
    if len(strides) > 1:
        raise InputError(f"the trajectories of '{folder}' have several frame spacings.")
    return molecule, [trajectory.positions for trajectory in trajectories], strides.pop(), meta


def read_matched(
    source: Source, like: Molecule | None = None, whose: str = "the reference"
) -> tuple[Molecule, list[Trajectory], dict[str, Any]]:
    """Molecule, trajectories and meta data of a source, with `like` in the order of that molecule's atoms.

    `whose` is what errors call `like`.

    Raises
    ------
    InputError
        When the source cannot be read, is another molecule than `like`, or a coordinate is not finite.
    """
    molecule, trajectories, meta = read_source(source, like)
    if like is not None:
        if molecule.smiles_flat != like.smiles_flat:
            raise InputError(f"'{source}' is {molecule.smiles}, and {whose} is {like.smiles}.")
        same = molecule.heavy_bonds.tolist() == like.heavy_bonds.tolist()
        numbers = molecule.atomic_numbers[: molecule.n_heavy].tolist()
        if not same or numbers != like.atomic_numbers[: like.n_heavy].tolist():
            trajectories = _reordered(molecule, like, trajectories)
    for trajectory in trajectories:
        bad = int((~np.isfinite(trajectory.positions).all(axis=(1, 2))).sum())
        if bad:
            raise InputError(
                f"'{source}' has coordinates that are not finite in {bad} of {trajectory.n_frames} frames."
            )
    return molecule, trajectories, meta


def _reordered(molecule: Molecule, like: Molecule, trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    """Heavy-atom trajectories in the order of `like`; of another stereoisomer too, whose retention will tell."""
    mol = molecule.heavy_mol
    match = mol.GetSubstructMatch(like.heavy_mol, useChirality=True) or mol.GetSubstructMatch(like.heavy_mol)
    if len(match) != like.n_heavy:
        raise InputError(f"the atoms of {molecule.smiles} cannot be matched with those of {like.smiles}.")
    return [Trajectory(like, t.heavy[:, list(match)], t.frame_ps, t.meta) for t in trajectories]


def draw_windows(
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
