"""Clusters of frames by symmetric RMSD or torsions: representatives and their populations (docs/populations.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eginterpolator.analysis.intervals import Groups, shares
from eginterpolator.analysis.names import folds
from eginterpolator.analysis.wells import angles_of, folded
from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.rmsd import numberings, symmetric_rmsd
from eginterpolator.errors import InputError

METRICS = {"rmsd": ("Å", 1.0), "torsion": ("degrees", 30.0)}
"""Metric -> unit and default cutoff."""
MOST_CLUSTERS = 50
MATRIX, MATRIX_FRAMES = 10_000_000, 1500
"""Superpositions of the distance matrix, and frames that are compared at most; numberings count."""
ASSIGNED = 20_000_000
"""Superpositions by which frames find their cluster."""


@dataclass(frozen=True)
class ClusterSettings:
    """How frames are clustered.

    Attributes
    ----------
    metric : {'rmsd', 'torsion'}
        Heavy-atom RMSD over symmetric numberings in Å, or the root mean square difference of torsions in degrees.
    cutoff : float, optional
        Butina's clusters of that radius; the metric's own by default.
    count : int, optional
        So many clusters of average linkage instead.
    """

    metric: str = "rmsd"
    cutoff: float | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise InputError(f"'{self.metric}' is no distance; use one of {', '.join(METRICS)}.")
        if self.cutoff is not None and self.count is not None:
            raise InputError("Give the radius of the clusters (--cutoff) or their number (--clusters), not both.")
        if self.cutoff is not None and not self.cutoff > 0:
            raise InputError(f"--cutoff is {self.cutoff}; it must be a positive number.")
        if self.count is not None and not 1 <= self.count <= MOST_CLUSTERS:
            raise InputError(f"--clusters is {self.count}; it must be from 1 to {MOST_CLUSTERS}.")

    @property
    def radius(self) -> float:
        """The cutoff, or the metric's own."""
        return METRICS[self.metric][1] if self.cutoff is None else self.cutoff


@dataclass(frozen=True)
class Clusters:
    """Clusters of a molecule's frames, the largest first.

    Attributes
    ----------
    representatives : int64 [C, 2]
        Sample and frame of each.
    population : float64 [C (+ 1), 3]
        Share of the assigned frames with its interval; one more row where frames are in none of the clusters.
    frames : int64 [C (+ 1)]
    spread : float64 [C]
        Mean distance of a cluster's frames from its representative, in the metric's unit.
    where : int64 [n, 2]
        Sample and frame of each assigned frame.
    of_frames : int64 [n]
        Their clusters; C for none.
    compared, total : int
        Frames of the distance matrix, and in all.
    method : str
        In words.
    groups : str
        What intervals are from.
    """

    representatives: np.ndarray
    population: np.ndarray
    frames: np.ndarray
    spread: np.ndarray
    where: np.ndarray
    of_frames: np.ndarray
    compared: int
    total: int
    method: str
    groups: str


def find_clusters(molecule: Molecule, positions: Sequence[np.ndarray], settings: ClusterSettings) -> Clusters:
    """Cluster the frames of trajectories [T, N, 3], Å.

    Distances are computed between so many frames, evenly spread, as take seconds (`MATRIX`). Each cluster is shown by
    one of these: its medoid, of Butina's the frame with most neighbours. All frames (or as many as take seconds) belong
    to the nearest of these; with Butina's clusters to none where that is farther than the cutoff.

    Raises
    ------
    InputError
        When there is nothing to compare: no torsion, or one frame.
    """
    distance = _Distance.of(molecule, positions, settings.metric)
    total = len(distance.values)
    if total < 2:
        raise InputError(f"'{molecule.name}' has one frame, which makes no clusters.")
    compared = _spread(total, min(MATRIX_FRAMES, int((MATRIX / distance.cost) ** 0.5)))
    matrix = distance.between(compared, compared)
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 0.0)
    if settings.count is not None:
        groups = _linked(matrix, settings.count)
        centres = [group[int(matrix[np.ix_(group, group)].sum(axis=1).argmin())] for group in groups]
        method, limit = f"average linkage, {len(groups)} clusters", np.inf
    else:
        centres = [group[0] for group in _butina(matrix, settings.radius)[:MOST_CLUSTERS]]
        method, limit = f"Butina, cutoff {settings.radius:g} {METRICS[settings.metric][0]}", settings.radius
    medoids = compared[centres]
    assigned = np.union1d(_spread(total, max(1000, ASSIGNED // (distance.cost * len(medoids)))), medoids)
    apart = distance.between(assigned, medoids)
    nearest, least = apart.argmin(axis=1), apart.min(axis=1)
    nearest[np.searchsorted(assigned, medoids)] = np.arange(len(medoids))
    nearest = np.where(least > limit, len(medoids), nearest)
    order = np.argsort(-np.bincount(nearest, minlength=len(medoids))[: len(medoids)], kind="stable")
    rank = np.append(np.argsort(order), len(medoids))
    return _counted([len(x) for x in positions], medoids[order], assigned, rank[nearest], least, len(compared), method)


def group_conformers(apart: np.ndarray, count: int | None = None, radius: float | None = None) -> np.ndarray:
    """Clusters of an ensemble whose order says which structure stands for others, the best one first.

    Parameters
    ----------
    apart : float [K, K]
        Distances of all pairs.
    count : int, optional
        So many clusters of average linkage.
    radius : float, optional
        Or in their order each structure joins the nearest that stands for a cluster within `radius`, or begins one.

    Returns
    -------
    int64 [K]
        Numbered in the order of the first structure of each, which stands for it.
    """
    leaders: list[int] = []
    if count is None:
        assert radius is not None
        for k in range(len(apart)):
            if all(apart[k, leader] > radius for leader in leaders):
                leaders.append(k)
        labels = apart[:, leaders].argmin(axis=1)
        labels[leaders] = np.arange(len(leaders))
        return labels
    labels = np.zeros(len(apart), dtype=np.int64)
    if len(apart) < 2:
        return labels
    symmetric = (apart + apart.T) / 2
    np.fill_diagonal(symmetric, 0.0)
    for number, group in enumerate(sorted(_linked(symmetric, count), key=min)):
        labels[group] = number
    return labels


def _counted(
    lengths: Sequence[int],
    medoids: np.ndarray,
    assigned: np.ndarray,
    clusters: np.ndarray,
    apart: np.ndarray,
    compared: int,
    method: str,
) -> Clusters:
    starts = np.cumsum([0, *lengths])

    def place(frames: np.ndarray) -> np.ndarray:
        sample = np.searchsorted(starts, frames, side="right") - 1
        return np.stack([sample, frames - starts[sample]], axis=1)

    where = place(assigned)
    count = len(medoids) + bool((clusters == len(medoids)).any())
    each = [clusters[where[:, 0] == k] for k in range(len(lengths))]
    groups = Groups.of([len(x) for x in each])
    counts = groups.counts(each, count)
    spread = np.array([apart[clusters == k].mean() for k in range(len(medoids))])
    return Clusters(
        place(medoids), shares(counts, groups.sizes()), counts.sum(axis=0), spread, where, clusters, compared,
        int(starts[-1]), method, groups.text,
    )  # fmt: skip


@dataclass(frozen=True)
class _Distance:
    """Distances between frames: `values` are heavy atoms [frames, N, 3] or angles [frames, K] times `folds`."""

    values: np.ndarray
    numberings: np.ndarray | None
    folds: np.ndarray | None

    @classmethod
    def of(cls, molecule: Molecule, positions: Sequence[np.ndarray], metric: str) -> _Distance:
        if metric == "rmsd":
            heavy = np.concatenate([x[:, : molecule.n_heavy] for x in positions])
            return cls(heavy, numberings(molecule.heavy_mol, molecule.heavy_mol).atoms, None)
        quadruples = torsion_quadruples(molecule)
        if not len(quadruples):
            raise InputError(f"'{molecule.name}' has no torsion that can turn; cluster it with --metric rmsd.")
        fold = folds(molecule, quadruples)
        return cls(folded(np.concatenate(angles_of(molecule, positions)), fold), None, fold)

    @property
    def cost(self) -> int:
        """Superpositions of a pair; torsions are as cheap as one."""
        return 1 if self.numberings is None else len(self.numberings)

    def between(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Of frames by their place: float64 [first, second]."""
        if self.numberings is not None:
            return symmetric_rmsd(self.values[first], self.values[second], self.numberings)
        total = np.zeros((len(first), len(second)))
        assert self.folds is not None
        for x, fold in zip(self.values.T, self.folds.tolist(), strict=True):
            difference = np.abs(x[first][:, None] - x[second])
            total += (np.degrees(np.minimum(difference, 2 * np.pi - difference)) / fold) ** 2
        return np.sqrt(total / len(self.folds))


def _spread(total: int, most: int) -> np.ndarray:
    """Up to `most` places out of `total`, evenly spread: int64, ascending."""
    return np.unique(np.linspace(0, total - 1, min(total, most)).round().astype(np.int64))


def _butina(matrix: np.ndarray, cutoff: float) -> list[list[int]]:
    """Butina's clusters (J. Chem. Inf. Comput. Sci. 39 (1999) 747) by RDKit, the largest first, centres first."""
    from rdkit.ML.Cluster import Butina

    below: Any = matrix[np.tril_indices(len(matrix), -1)].tolist()
    found = Butina.ClusterData(below, len(matrix), cutoff, isDistData=True, reordering=True)
    return sorted((list(group) for group in found), key=lambda group: -len(group))


def _linked(matrix: np.ndarray, count: int) -> list[list[int]]:
    """Up to `count` clusters of average linkage, the largest first."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    labels = fcluster(linkage(squareform(matrix, checks=False), "average"), count, "maxclust")
    groups = [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]
    return sorted(groups, key=lambda group: -len(group))
