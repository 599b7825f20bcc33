"""One molecule's trajectories against its reference (SPEC section 5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eginterpolator.analysis.clocks import PooledTimes, pooled_times, transitions_of
from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.validity import out_of_plane
from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import RANGES, feature_values, histograms
from eginterpolator.evaluation.kinetics import COMPONENTS, Tica, fit_tica
from eginterpolator.evaluation.msm import MetastableStates, PathMetrics, fit_states
from eginterpolator.evaluation.slow_modes import timescales_of, vamp2
from eginterpolator.files.notebook import table_html
from eginterpolator.machine.registry import Registry


@dataclass
class Comparison:
    """One molecule's trajectories against its reference.

    Attributes
    ----------
    jsd : dict
        Jensen-Shannon distance of every feature, over all frames: `length`, `angle`, `torsion`.
    wasserstein : dict
        Wasserstein-1 distance of every `length` (Å), `angle` and `torsion` (degrees).
    torsion_times : list of dict
        How long torsions remember, of each group of trajectories that was judged (one; of an oracle, one a block): see
        `metrics.torsion_times`.
    slow_modes : dict
        Kinetics in TITO's terms, with their lag and bins: see `metrics.slow_modes`.
    tica_0, tica_01, msm : float or None
        JSD of the slowest component, of the two slowest, and of the occupancies of metastable states; None where the
        molecule is too rigid, see `notes`.
    has_stereo : bool
        Whether there is stereo to retain.
    stereo_retention, valid : float
        Shares of all frames; `valid` are those that pass all of `checks`.
    checks : dict
        Share of all frames that pass each of `validity.frame_checks`.
    out_of_plane : dict
        Mean over frames and aromatic rings of the largest distance from the ring's plane, Å: `generated` and
        `reference`; empty without such a ring.
    timescales_ps : dict
        Implied timescales of Markov state models at `lags_ps`, the slowest first: `generated` and `reference`,
        [lags, timescales], None where there is none; empty without such a model.
    paths : PathMetrics or None
        Where the trajectories are paths between given frames.
    energies : dict
        See `energy.compare_energies`; empty where they were not asked for.
    others : dict
        What metrics of other packages found, by their names.
    outside_range : dict
        Generated bond lengths and angles outside of the histograms' ranges; they count in the outermost bins.
    n_trajectories, n_frames : int
        Of the generated ones, and frames of all of them.
    notes : list of str
        What could not be computed, or is to be read with care.
    folds : dict
        Of an oracle: what each block was found to have, by metric; means over features.
    """

    jsd: dict[str, np.ndarray]
    wasserstein: dict[str, np.ndarray]
    tica_0: float | None
    tica_01: float | None
    msm: float | None
    has_stereo: bool
    stereo_retention: float
    valid: float
    checks: dict[str, float]
    out_of_plane: dict[str, float]
    torsion_times: list[dict[str, Any]]
    slow_modes: dict[str, Any]
    timescales_ps: dict[str, list[Any]]
    outside_range: dict[str, int]
    n_trajectories: int
    n_frames: int
    notes: list[str]
    paths: PathMetrics | None = None
    energies: dict[str, Any] = field(default_factory=dict)
    others: dict[str, dict[str, float]] = field(default_factory=dict)
    folds: dict[str, list[float]] = field(default_factory=dict)

    def headline(self) -> dict[str, Any]:
        """The numbers that one looks at first, by their names; means over features."""
        means = {f"JSD {kind}": float(np.mean(values)) if len(values) else None for kind, values in self.jsd.items()}
        slow = {"TICA 0": self.tica_0, "TICA 0, 1": self.tica_01, "MSM": self.msm}
        kept = {"stereo retention": self.stereo_retention if self.has_stereo else None, "valid": self.valid}
        return {**means, **slow, **kept, "trajectories": self.n_trajectories, "frames": self.n_frames}

    def _repr_html_(self) -> str:
        found = self.headline()
        return table_html(list(found), [list(found.values())], " ".join(self.notes))


@dataclass(frozen=True)
class Observed:
    """What is measured on a group of trajectories of one molecule.

    Attributes
    ----------
    heavy : list of [T, n_heavy, 3]
        Å, every frame.
    values : dict
        Kind -> float64 [frames of all, F]: see `distributions.feature_values`.
    stride : int
        Frames from one to the next at the spacing of the comparison. Distributions take every frame, kinetics every
        stride-th.
    """

    heavy: list[np.ndarray]
    values: dict[str, np.ndarray]
    stride: int = 1

    @classmethod
    def of(
        cls, molecule: Molecule, features: FeatureSet, frames: Sequence[np.ndarray], what: str, stride: int = 1
    ) -> Observed:
        """From trajectories [T, N, 3]; InputError as `compare`."""
        heavy = _checked(molecule, frames, what)
        return cls(heavy, feature_values(features, heavy), stride)

    def take(self, chosen: Sequence[int]) -> Observed:
        """Those of the trajectories with these numbers."""
        ends = np.cumsum([0, *(len(x) for x in self.heavy)])
        rows = np.concatenate([np.arange(ends[k], ends[k + 1]) for k in chosen])
        return Observed([self.heavy[k] for k in chosen], {k: v[rows] for k, v in self.values.items()}, self.stride)

    def every_torsion(self) -> list[np.ndarray]:
        """Torsions of each trajectory, of every frame: float64 [T, K], radians."""
        return np.split(self.values["torsion"], np.cumsum([len(x) for x in self.heavy])[:-1])

    def torsions(self) -> list[np.ndarray]:
        """Torsions of each trajectory at the spacing of the comparison: float64 [T, K], radians."""
        return [x[:: self.stride] for x in self.every_torsion()]

    def angles_on_circle(self) -> list[np.ndarray]:
        """Cosines and sines of torsions at the spacing of the comparison: float64 [T, 2 K], every frame in one of them.

        As `kinetics.torsion_features`; of trajectories with finer frames as many as their stride, each from another
        of the first frames, the one from the very first frame before the others.
        """
        parts = [x[k :: self.stride] for k in range(self.stride) for x in self.every_torsion()]
        return [np.concatenate([np.cos(x), np.sin(x)], axis=1) for x in parts if len(x)]

    def histograms(self) -> dict[str, np.ndarray]:
        """Counts of every feature over all frames: kind -> int64 [F, bins]."""
        return {kind: histograms(self.values[kind], *RANGES[kind]) for kind in RANGES}


@dataclass(frozen=True)
class Reference:
    """What is computed once of a molecule's reference, and compared with again and again."""

    molecule: Molecule
    features: FeatureSet
    frame_ps: float
    observed: Observed
    histograms: dict[str, np.ndarray]
    mean_lengths: np.ndarray
    mean_angles: np.ndarray
    out_of_plane: np.ndarray
    times: PooledTimes
    transitions: np.ndarray
    vamp2: float | None
    slowest: np.ndarray
    tica: Tica | None
    projected: np.ndarray
    states: MetastableStates | None
    occupancies: np.ndarray
    timescales: np.ndarray
    notes: list[str]

    @classmethod
    def of(
        cls, molecule: Molecule, frames: Sequence[np.ndarray], frame_ps: float, seed: int = 0, stride: int = 1
    ) -> Reference:
        """From trajectories [T, N, 3] with heavy atoms first, whose every `stride`-th frame is `frame_ps` after one.

        Raises
        ------
        InputError
            As `compare`.
        """
        features = FeatureSet.of(molecule)
        observed = Observed.of(molecule, features, frames, "The reference", stride)
        return cls.observed_as(molecule, features, observed, frame_ps, seed)

    @classmethod
    def observed_as(
        cls, molecule: Molecule, features: FeatureSet, observed: Observed, frame_ps: float, seed: int = 0
    ) -> Reference:
        """From what was measured already."""
        values, torsions = observed.angles_on_circle(), observed.torsions()
        every_mode = fit_tica(values)
        tica = every_mode.first(COMPONENTS) if every_mode is not None else None
        states = fit_states(values, tica, seed) if tica is not None else None
        notes = []
        if tica is None:
            what = "its torsions do not move" if len(features.torsions) else "it has no torsion"
            notes.append(f"Too rigid for TICA and MSM: {what} (or the reference is shorter than the lag).")
        elif states is None:
            notes.append("No MSM: the reference has fewer than two connected metastable states.")
        elif states.share_outside > 0:
            notes.append(
                f"The reference's MSM is disconnected: {states.share_outside:.1%} of its frames are outside of the "
                "largest connected set, and count as one more state."
            )
        return cls(
            molecule=molecule,
            features=features,
            frame_ps=frame_ps,
            observed=observed,
            histograms=observed.histograms(),
            mean_lengths=observed.values["length"].mean(axis=0),
            mean_angles=observed.values["angle"].mean(axis=0),
            out_of_plane=np.concatenate([out_of_plane(molecule, x) for x in observed.heavy]).mean(axis=0),
            times=pooled_times(torsions, frame_ps, seed),
            transitions=transitions_of(torsions),
            vamp2=vamp2(values),
            slowest=timescales_of(every_mode),
            tica=tica,
            projected=tica.project(np.concatenate(values))[:, :2] if tica is not None else np.zeros((0, 2)),
            states=states,
            occupancies=states.occupancies(values) if states is not None else np.zeros(0, dtype=np.int64),
            timescales=states.timescales(values) if states is not None else np.zeros((0, 0)),
            notes=notes,
        )

    def compare(self, generated: Sequence[np.ndarray], paths: bool = False, stride: int = 1) -> Comparison:
        """Compare trajectories [T, N, 3] whose every `stride`-th frame has the same spacing; see `compare`."""
        return self.judge(self.observe(generated, stride), generated, paths)

    def observe(self, generated: Sequence[np.ndarray], stride: int = 1) -> Observed:
        """Measure the features of trajectories [T, N, 3]; InputError as `compare`."""
        return Observed.of(self.molecule, self.features, generated, "What was generated", stride)

    def judge(self, observed: Observed, generated: Sequence[np.ndarray], paths: bool = False) -> Comparison:
        """`compare` of trajectories that `observe` has measured."""
        judged = Judged(observed, generated, paths)
        values: dict[str, Any] = {"notes": list(self.notes), "others": {}}
        for name, metric in METRICS.items():
            found = metric(self, judged)
            if not METRICS.is_own(name):
                found = {"others": {name: found}}
            for key, value in found.items():  # several metrics fill one dictionary
                values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
        return Comparison(**values)


@dataclass(frozen=True)
class Judged:
    """What a metric sees beside the reference.

    Attributes
    ----------
    observed : Observed
        Features of the heavy atoms.
    frames : sequence of [T, N, 3]
        The trajectories as they came, Å, heavy atoms first.
    paths : bool
        Whether each is a path between its first and its last frame.
    """

    observed: Observed
    frames: Sequence[np.ndarray]
    paths: bool = False


Metric = Callable[[Reference, Judged], dict[str, Any]]
"""The package's own give fields of `Comparison`; others give numbers by name, which come into `Comparison.others`."""

METRICS: Registry[Metric] = Registry(
    "eginterpolator.metrics",
    "metric",
    {
        name: f"eginterpolator.evaluation.metrics:{name}"
        for name in (
            "counts",
            "distributions",
            "torsion_times",
            "tica",
            "states",
            "slow_modes",
            "stereo",
            "validity",
        )  # fmt: skip
    },
)


def compare(
    molecule: Molecule,
    generated: Sequence[np.ndarray],
    reference: Sequence[np.ndarray],
    frame_ps: float,
    seed: int = 0,
    paths: bool = False,
) -> Comparison:
    """Compare trajectories [T, N, 3] of one molecule, both with frames `frame_ps` apart and heavy atoms first.

    `Reference.of(...).compare(...)` computes the reference's side once for several of them. With `paths` each
    trajectory is also judged as a path between its first and its last frame.

    Raises
    ------
    InputError
        When there is no trajectory, one has fewer than two frames or another number of atoms, or a coordinate is not
        finite.
    """
    return Reference.of(molecule, reference, frame_ps, seed).compare(generated, paths)


def _checked(molecule: Molecule, frames: Sequence[np.ndarray], what: str) -> list[np.ndarray]:
    """The heavy atoms of each trajectory, or InputError."""
    if not len(frames):
        raise InputError(f"{what} of '{molecule.name}' has no trajectory.")
    for x in frames:
        if x.ndim != 3 or x.shape[1] not in (molecule.n_heavy, molecule.n_atoms) or x.shape[2] != 3:
            raise InputError(
                f"{what} of '{molecule.name}' has the shape {list(x.shape)}; give [frames, {molecule.n_atoms} or "
                f"{molecule.n_heavy} atoms, 3]."
            )
        if len(x) < 2:
            raise InputError(f"{what} of '{molecule.name}' has a trajectory of {len(x)} frame; give at least two.")
        bad = int((~np.isfinite(x).all(axis=(1, 2))).sum())
        if bad:
            raise InputError(
                f"{what} of '{molecule.name}' has coordinates that are not finite in {bad} of {len(x)} frames."
            )
    return [x[:, : molecule.n_heavy] for x in frames]
