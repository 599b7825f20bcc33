"""Two runs or models side by side, neither of which is the truth: what differs, and by how much each differs in itself.

Everything is symmetric in both: TICA and the wells of torsions are fitted on both together, and beside each distance
stands that between two halves of either side, which is what chance and slow motions alone make.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eginterpolator.analysis.clocks import PooledTimes, measured, pooled_autocorrelation, pooled_times, transitions_of
from eginterpolator.analysis.intervals import GROUPS
from eginterpolator.analysis.shared import SharedWells, shared_wells
from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.validity import every_check, frame_checks
from eginterpolator.errors import InputError
from eginterpolator.evaluation.comparison import Observed
from eginterpolator.evaluation.curves import MAP_BINS, MAX_LAGS
from eginterpolator.evaluation.distributions import RANGES, jensen_shannon
from eginterpolator.evaluation.kinetics import COMPONENTS, Tica, fit_tica, projection_jsd
from eginterpolator.evaluation.metrics import known

if TYPE_CHECKING:
    from eginterpolator.files.trajectory import Trajectory

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
SIDES = ("a", "b")
DISTANCES = ("length", "angle", "torsion", "tica_0", "tica_01")


@dataclass(frozen=True)
class PairConfig:
    """How two runs are compared.

    Attributes
    ----------
    frame_ps : float or None
        Spacing at which times and TICA are compared; None for the coarser of both. Distributions take every frame.
    seed : int
        Of the intervals.
    """

    frame_ps: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Side:
    """One molecule's trajectories of one run, measured.

    `frame_ps` is the spacing of the stored frames, `stride` what makes the comparison's of it; `times` are of torsions
    [K]; `stereo` and `valid` are shares of all frames.
    """

    frame_ps: float
    stride: int
    observed: Observed
    times: PooledTimes
    transitions: np.ndarray
    stereo: float
    valid: float
    meta: dict[str, Any]
    example: np.ndarray


@dataclass(frozen=True)
class Pair:
    """One molecule in both runs.

    Attributes
    ----------
    jsd : dict
        Kind -> Jensen-Shannon distance of every `length`, `angle` and `torsion` between both: float64 [F].
    halves : dict
        Side -> the same between two halves of that side, and `tica_0`, `tica_01`.
    tica_0, tica_01 : float or None
        Of the slowest and the two slowest components of both together; None where a note says why.
    wells : list of SharedWells
        Of each torsion.
    measured : bool [K]
        Torsions whose time is known of both sides, over two frames and of ten changes of well at least.
    """

    molecule: Molecule
    features: FeatureSet
    frame_ps: float
    sides: dict[str, Side]
    jsd: dict[str, np.ndarray]
    halves: dict[str, dict[str, Any]]
    tica_0: float | None
    tica_01: float | None
    wells: list[SharedWells]
    measured: np.ndarray
    tica: Tica | None = None
    notes: list[str] = field(default_factory=list)

    def maps(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Counts [50, 50] of each side over the two slowest components, and the range [2, 2]; empty without them."""
        if self.tica is None or self.tica.components.shape[1] < 2:
            return {}, np.zeros((2, 2))
        points = {k: self.tica.project(np.concatenate(s.observed.angles_on_circle())) for k, s in self.sides.items()}
        joint = np.concatenate(list(points.values()))[:, :2]
        span = np.stack([joint.min(axis=0), joint.max(axis=0)], axis=1)
        return {
            k: np.histogram2d(x[:, 0], x[:, 1], MAP_BINS, span)[0].astype(np.int64) for k, x in points.items()
        }, span

    def autocorrelations(self) -> dict[str, np.ndarray]:
        """Pooled over trajectories: side -> float64 [lags, K]."""
        torsions = {k: side.observed.torsions() for k, side in self.sides.items()}
        lags = min(max(2, max(len(x) for x in each) // 2) for each in torsions.values())
        return {k: pooled_autocorrelation(each, min(MAX_LAGS, lags)) for k, each in torsions.items()}

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values."""
        wells = []
        for k, each in enumerate(self.wells):
            found = {name: {"share": each.shares[i].tolist(), "share_95": each.intervals[i].tolist()}
                     for i, name in enumerate(SIDES)}  # fmt: skip
            middles = known(each.middle_degrees)
            wells.append({"atoms": self.features.torsions[k].tolist(), "middle_degrees": middles, **found})
        return {
            "smiles": self.molecule.smiles,
            "frame_ps": self.frame_ps,
            "jsd": {kind: values.tolist() for kind, values in self.jsd.items()},
            "tica_0": self.tica_0,
            "tica_01": self.tica_01,
            "halves": {name: _plain(each) for name, each in self.halves.items()},
            "wells": wells,
            "torsion_times": {
                **{name: _times(side.times) for name, side in self.sides.items()},
                "transitions": {name: side.transitions.tolist() for name, side in self.sides.items()},
                "measured": self.measured.tolist(),
            },
            "sides": {
                name: {
                    "trajectories": len(side.observed.heavy),
                    "frames": sum(len(x) for x in side.observed.heavy),
                    "frame_ps": side.frame_ps,
                    "stereo_retention": side.stereo if self.molecule.has_stereo else None,
                    "valid": side.valid,
                    "made_by": made_by(side.meta),
                }
                for name, side in self.sides.items()
            },
            "notes": self.notes,
        }


def compare_pair(
    molecule: Molecule,
    a: Sequence[Trajectory],
    b: Sequence[Trajectory],
    config: PairConfig | None = None,
    metas: tuple[dict[str, Any], dict[str, Any]] = ({}, {}),
) -> Pair:
    """Compare trajectories of one molecule, both in its order of atoms.

    Raises
    ------
    InputError
        When a trajectory has fewer than two frames, or those of one side differ in spacing.
    """
    config = config or PairConfig()
    features = FeatureSet.of(molecule)
    spacings = [_spacing(each) for each in (a, b)]
    wanted = config.frame_ps or max(spacings)
    strides = [round(wanted / spacing) for spacing in spacings]
    fits = all(n >= 1 and abs(wanted / s - n) <= 0.01 * n for s, n in zip(spacings, strides, strict=True))
    notes = []
    if not fits:
        notes.append(
            f"Frames every {spacings[0]:g} and {spacings[1]:g} ps make no common spacing of {wanted:g} ps: times are "
            "at each side's own, and there is no TICA."
        )
        strides = [1, 1]
    sides = {}
    for k, (name, trajectories) in enumerate(zip(SIDES, (a, b), strict=True)):
        at = wanted if fits else spacings[k]
        sides[name] = _side(molecule, features, trajectories, spacings[k], strides[k], at, metas[k], config.seed, name)
    counts = {name: side.observed.histograms() for name, side in sides.items()}
    values = {name: side.observed.angles_on_circle() for name, side in sides.items()}
    tica = fit_tica([*values["a"], *values["b"]], components=COMPONENTS) if fits else None
    if fits and tica is None:
        notes.append("Too rigid for TICA: no torsion moves, or the trajectories are shorter than the lag.")
    if min(len(a), len(b)) < GROUPS:
        notes.append(
            f"Fewer than {GROUPS} trajectories: intervals of populations are over blocks of them, too narrow where a "
            "well lasts longer than a block."
        )
    halves: dict[str, dict[str, Any]] = {name: _halves(side.observed, tica) for name, side in sides.items()}
    first, both = _projected(tica, values["a"], values["b"])
    torsions = {name: side.observed.every_torsion() for name, side in sides.items()}
    clocks = [measured(side.times, side.transitions, wanted if fits else side.frame_ps) for side in sides.values()]
    return Pair(
        molecule, features, wanted, sides,
        {kind: jensen_shannon(counts["a"][kind], counts["b"][kind]) for kind in RANGES},
        halves, first, both,
        [shared_wells([[x[:, k] for x in torsions[name]] for name in SIDES])
         for k in range(len(features.torsions))],
        clocks[0] & clocks[1], tica, notes,
    )  # fmt: skip


def made_by(meta: dict[str, Any]) -> str:
    """What a folder says made it: a model, or an engine and its protocol; '' where it says nothing."""
    if meta.get("model"):
        strength = meta.get("strength")
        return f"{meta['model']}" + (f", strength {strength:g}" if strength not in (None, 1, 1.0) else "")
    protocol = meta.get("protocol")
    name = protocol.get("name") if isinstance(protocol, dict) else protocol
    return ", ".join(str(each) for each in (meta.get("engine"), name) if each)


def _side(
    molecule: Molecule, features: FeatureSet, trajectories: Sequence[Trajectory], spacing: float, stride: int,
    frame_ps: float, meta: dict[str, Any], seed: int, name: str,
) -> Side:  # fmt: skip
    frames = [trajectory.positions for trajectory in trajectories]
    if any(len(x) <= stride for x in frames):
        raise InputError(f"{name.upper()} has a trajectory of fewer than two frames {frame_ps:g} ps apart.")
    observed = Observed.of(molecule, features, frames, name.upper(), stride)
    torsions = observed.torsions()
    checks = [every_check(frame_checks(molecule, x)) for x in frames]
    return Side(
        spacing, stride, observed, pooled_times(torsions, frame_ps, seed), transitions_of(torsions),
        float(np.concatenate([frame_stereo(molecule, x) for x in frames]).mean()),
        float(np.concatenate(checks).mean()), meta, frames[0],
    )  # fmt: skip


def _spacing(trajectories: Sequence[Trajectory]) -> float:
    spacings = {round(trajectory.frame_ps, 6) for trajectory in trajectories}
    if len(spacings) != 1:
        raise InputError("The trajectories of one side have several frame spacings; give those of one.")
    return spacings.pop()


def _halves(observed: Observed, tica: Tica | None) -> dict[str, Any]:
    """Distances between two halves: of the trajectories, or of a single trajectory its first and second half."""
    count = len(observed.heavy)
    if count > 1:
        parts = [observed.take(range(count // 2)), observed.take(range(count // 2, count))]
    else:
        whole, rows = observed.heavy[0], len(observed.heavy[0]) // 2
        cuts = (slice(None, rows), slice(rows, None))
        values = [{kind: each[cut] for kind, each in observed.values.items()} for cut in cuts]
        parts = [Observed([whole[cut]], each, observed.stride) for cut, each in zip(cuts, values, strict=True)]
    counts = [part.histograms() for part in parts]
    first, both = _projected(tica, *(part.angles_on_circle() for part in parts))
    distances = {kind: jensen_shannon(counts[0][kind], counts[1][kind]) for kind in RANGES}
    return {**distances, "tica_0": first, "tica_01": both}


def _projected(
    tica: Tica | None, one: Sequence[np.ndarray], two: Sequence[np.ndarray]
) -> tuple[float | None, float | None]:
    if tica is None:
        return None, None
    return projection_jsd(*(tica.project(np.concatenate(list(x)))[:, :2] for x in (one, two)))


def _times(times: PooledTimes) -> dict[str, Any]:
    interval = known(np.stack([times.low, times.high], axis=1))
    return {"ps": known(times.ps), "ps_95": interval, "bound_ps": times.bound_ps}


def _plain(each: dict[str, Any]) -> dict[str, Any]:
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in each.items()}
