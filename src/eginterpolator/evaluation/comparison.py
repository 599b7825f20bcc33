"""One molecule's trajectories against its reference (SPEC section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import RANGES, count_outside, feature_histograms, jensen_shannon
from eginterpolator.evaluation.features import FeatureSet, torsions
from eginterpolator.evaluation.kinetics import (
    MetastableStates,
    Tica,
    decorrelation_histograms,
    decorrelation_times,
    fit_states,
    fit_tica,
    projection_jsd,
    torsion_features,
)
from eginterpolator.evaluation.stereo import frame_stereo
from eginterpolator.evaluation.validity import frame_valid, mean_lengths
from eginterpolator.molecule import Molecule


@dataclass
class Comparison:
    """One molecule's trajectories against its reference.

    Attributes
    ----------
    jsd : dict
        Jensen-Shannon distance of every feature: `length`, `angle`, `torsion`, `decorrelation`.
    tica_0, tica_01, msm : float or None
        JSD of the slowest component, of the two slowest, and of the occupancies of metastable states; None where the
        molecule is too rigid, see `notes`.
    has_stereo : bool
        Whether there is stereo to retain.
    stereo_retention, valid : float
        Shares of all frames.
    decorrelation_ps : dict
        Median decorrelation time of each torsion over trajectories: `generated` and `reference`; None where the
        median trajectory never decorrelates.
    outside_range : dict
        Generated bond lengths and angles outside of the histograms' ranges; they count in the outermost bins.
    n_trajectories, n_frames : int
        Of the generated ones, and frames of all of them.
    notes : list of str
        What could not be computed, or is to be read with care.
    """

    jsd: dict[str, np.ndarray]
    tica_0: float | None
    tica_01: float | None
    msm: float | None
    has_stereo: bool
    stereo_retention: float
    valid: float
    decorrelation_ps: dict[str, list[float | None]]
    outside_range: dict[str, int]
    n_trajectories: int
    n_frames: int
    notes: list[str]


@dataclass(frozen=True)
class Reference:
    """What is computed once of a molecule's reference, and compared with again and again."""

    molecule: Molecule
    features: FeatureSet
    frame_ps: float
    histograms: dict[str, np.ndarray]
    mean_lengths: np.ndarray
    times_ps: np.ndarray
    tica: Tica | None
    projected: np.ndarray
    states: MetastableStates | None
    occupancies: np.ndarray
    notes: list[str]

    @classmethod
    def of(cls, molecule: Molecule, frames: Sequence[np.ndarray], frame_ps: float, seed: int = 0) -> Reference:
        """From trajectories [T, N, 3] with heavy atoms first.

        Raises
        ------
        InputError
            As `compare`.
        """
        heavy = _checked(molecule, frames, "The reference")
        features = FeatureSet.of(molecule)
        values = [torsion_features(features, x) for x in heavy]
        tica = fit_tica(values)
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
            molecule,
            features,
            frame_ps,
            feature_histograms(features, heavy),
            mean_lengths(molecule, heavy),
            np.stack([decorrelation_times(torsions(x, features.torsions), frame_ps) for x in heavy]),
            tica,
            tica.project(np.concatenate(values))[:, :2] if tica is not None else np.zeros((0, 2)),
            states,
            states.occupancies(values) if states is not None else np.zeros(0, dtype=np.int64),
            notes,
        )

    def compare(self, generated: Sequence[np.ndarray]) -> Comparison:
        """Compare trajectories [T, N, 3] with the same frame spacing; see the function `compare`."""
        molecule, features = self.molecule, self.features
        heavy = _checked(molecule, generated, "What was generated")
        ours = feature_histograms(features, heavy)
        jsd = {kind: jensen_shannon(ours[kind], self.histograms[kind]) for kind in RANGES}
        times = np.stack([decorrelation_times(torsions(x, features.torsions), self.frame_ps) for x in heavy])
        jsd["decorrelation"] = jensen_shannon(decorrelation_histograms(times), decorrelation_histograms(self.times_ps))
        values = [torsion_features(features, x) for x in heavy]
        tica: tuple[float | None, float | None] = (None, None)
        if self.tica is not None:
            tica = projection_jsd(self.tica.project(np.concatenate(values))[:, :2], self.projected)
        msm = None
        if self.states is not None:
            msm = float(jensen_shannon(self.states.occupancies(values), self.occupancies))
        total = sum(len(x) for x in heavy)
        return Comparison(
            jsd,
            *tica,
            msm,
            molecule.has_stereo,
            sum(int(frame_stereo(molecule, x).sum()) for x in heavy) / total,
            sum(int(frame_valid(molecule, x, self.mean_lengths).sum()) for x in generated) / total,
            {"generated": _medians(times), "reference": _medians(self.times_ps)},
            count_outside(features, heavy),
            len(heavy),
            total,
            list(self.notes),
        )


def compare(
    molecule: Molecule,
    generated: Sequence[np.ndarray],
    reference: Sequence[np.ndarray],
    frame_ps: float,
    seed: int = 0,
) -> Comparison:
    """Compare trajectories [T, N, 3] of one molecule, both with frames `frame_ps` apart and heavy atoms first.

    `Reference.of(...).compare(...)` computes the reference's side once for several of them.

    Raises
    ------
    InputError
        When there is no trajectory, one has fewer than two frames or another number of atoms, or a coordinate is not
        finite.
    """
    return Reference.of(molecule, reference, frame_ps, seed).compare(generated)


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


def _medians(times: np.ndarray) -> list[float | None]:
    return [float(t) if np.isfinite(t) else None for t in np.median(times, axis=0)]
