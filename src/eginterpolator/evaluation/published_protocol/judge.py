"""One molecule judged by the published protocol, from arrays (SPEC section 5, A)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eginterpolator.chemistry.features import FeatureSet, angles, lengths
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import RANGES, histograms, jensen_shannon, outside_range
from eginterpolator.evaluation.msm import PathMetrics
from eginterpolator.evaluation.published_protocol.decorrelation import decorrelation_jsd, decorrelation_times
from eginterpolator.evaluation.published_protocol.settings import FRAME_PS, ORACLE_WINDOWS, REPLICAS, PublishedProtocol
from eginterpolator.evaluation.published_protocol.states import fit_published_states, published_paths
from eginterpolator.evaluation.published_protocol.tica import fit_kinetic_map, joint_edges, on_circle, tica_jsd
from eginterpolator.evaluation.published_protocol.torsion_list import published_features, torsion_angles
from eginterpolator.evaluation.published_protocol.windows import Series, check_replicas, generator_of


@dataclass
class PublishedComparison:
    """Trajectories of one molecule, or its MD oracle, against its reference, by the published protocol.

    Attributes
    ----------
    jsd : dict
        Jensen-Shannon distance of every `length`, `angle`, `torsion`, and of the `decorrelation` of every torsion; nan
        where no window of one side decorrelated.
    tica_0, tica_01, msm : float or None
        None where the molecule is too rigid; `tica_01` as well where fewer than three components remain.
    components : int
        Of TICA, after the cut at 95 % of the kinetic variance; 0 where it is too rigid.
    never_decorrelated : dict
        Windows of each torsion that were dropped: `generated` and `reference` -> list of int.
    outside_range : dict
        Bond lengths and angles outside of the histograms' ranges; they count in the outermost bins.
    n_trajectories, n_frames : int
        Trajectories, or windows of the oracle, and frames of all of them.
    notes : list of str
        What could not be computed, or is to be read with care.
    paths : PathMetrics or None
        Where the trajectories are paths between given frames.
    """

    jsd: dict[str, np.ndarray]
    tica_0: float | None
    tica_01: float | None
    msm: float | None
    components: int
    never_decorrelated: dict[str, list[int]]
    outside_range: dict[str, int]
    n_trajectories: int
    n_frames: int
    notes: list[str]
    paths: PathMetrics | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values, None where there is no figure."""
        values = asdict(self)
        values["jsd"] = {k: [float(v) if np.isfinite(v) else None for v in x] for k, x in self.jsd.items()}
        return values


@dataclass
class PublishedJudgement:
    """What was generated and the MD oracle of one molecule; `generated` is None where there was nothing to judge."""

    oracle: PublishedComparison
    generated: PublishedComparison | None


def judge_as_published(
    molecule: Molecule,
    generated: Sequence[np.ndarray],
    replicas: Sequence[np.ndarray],
    stride: int,
    protocol: PublishedProtocol,
    seed: int = 0,
    paths: bool = False,
    what: str = "the reference",
) -> PublishedJudgement:
    """Judge trajectories [T, N, 3] with frames 5.2 ps apart, and the MD oracle, against `replicas`.

    Parameters
    ----------
    molecule : Molecule
    generated : sequence of [T, N, 3]
        Å, heavy atoms first; empty for the oracle alone.
    replicas : sequence of [stored frames, N, 3]
        Five (or more: the first five): four of the reference, the fifth held out as the oracle. Frames come 5.2 ps /
        `stride` apart.
    stride : int
    protocol : PublishedProtocol
    seed : int
        Of the starts of the windows and of k-means.
    paths : bool
        Whether what was generated are paths between the same two frames.
    what : str
        What errors call the replicas.

    Raises
    ------
    ShortReference
        When there are fewer than five replicas, or one is shorter than 5 ns.
    InputError
        When a generated trajectory is no longer than the lag of TICA or MSM.
    """
    notes = check_replicas([len(x) for x in replicas], stride, protocol, what)
    longest = max(protocol.tica_lag, protocol.msm_lag)
    if any(len(x) <= longest for x in generated):
        shortest = min(len(x) for x in generated)
        raise InputError(
            f"A trajectory of '{molecule.name}' has {shortest} frames of {FRAME_PS} ps; the published protocol needs "
            f"more than its lag of {longest}."
        )
    task = _Task(molecule, protocol, seed, stride, published_features(molecule))
    return task.judge(generated, replicas[:REPLICAS], paths, notes)


@dataclass(frozen=True)
class _Task:
    molecule: Molecule
    protocol: PublishedProtocol
    seed: int
    stride: int
    features: FeatureSet

    def judge(
        self, generated: Sequence[np.ndarray], replicas: Sequence[np.ndarray], paths: bool, notes: list[str]
    ) -> PublishedJudgement:
        measured = [self.measure(x) for x in replicas]
        ours = [self.measure(x) for x in generated]
        found: dict[str, dict[str, Any]] = {}
        for part in (self.features_jsd, self.decorrelation, self.tica, self.msm):
            for side, values in part(ours, measured).items():
                into = found.setdefault(side, {"jsd": {}, "notes": list(notes)})
                into["jsd"].update(values.pop("jsd", {}))
                into["notes"] += values.pop("notes", [])
                into.update(values)
        if paths and ours:
            self.judge_paths(ours, measured, found["generated"])
        if ours:
            short = sorted({len(x) for x in generated} - {self.protocol.n_frames})
            if short and not paths:
                of = ", ".join(map(str, short))
                found["generated"]["notes"].append(f"Trajectories of {of} frames, not of {self.protocol.n_frames}.")
        made = {side: PublishedComparison(**values) for side, values in found.items()}
        return PublishedJudgement(made["oracle"], made.get("generated"))

    def measure(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Every feature of every frame: kind -> float64 [T, F]."""
        heavy = positions[:, : self.molecule.n_heavy]
        return {
            "length": lengths(heavy, self.features.bonds),
            "angle": angles(heavy, self.features.angles),
            "torsion": torsion_angles(heavy, self.features.torsions),
        }

    def draw(
        self, measured: Sequence[dict[str, np.ndarray]], kind: str, metric: str
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Windows [n_frames, F] of the reference and of the held-out replica, drawn for one metric."""
        random = generator_of(self.seed, metric, self.molecule.smiles)
        values = [each[kind] for each in measured]
        reference = Series(values[:-1], self.stride).windows(self.protocol.n_frames, self.protocol.windows, random)
        return reference, Series(values[-1:], self.stride).windows(self.protocol.n_frames, ORACLE_WINDOWS, random)

    def features_jsd(self, ours: Sequence[dict], measured: Sequence[dict]) -> dict[str, dict[str, Any]]:
        """Distances between the distributions of lengths, angles and torsions, windows drawn for each."""
        sides: dict[str, dict[str, Any]] = {}
        used: dict[str, dict[str, np.ndarray]] = {}
        for kind, limits in RANGES.items():
            reference, oracle = self.draw(measured, kind, kind)
            theirs = histograms(np.concatenate(reference), *limits)
            for side, windows in _sides(oracle, [each[kind] for each in ours]):
                values = np.concatenate(windows)
                used.setdefault(side, {})[kind] = values
                into = sides.setdefault(side, {"jsd": {}})
                into["jsd"][kind] = jensen_shannon(histograms(values, *limits), theirs)
                into.update(n_trajectories=len(windows), n_frames=len(values))
        for side, into in sides.items():
            into["outside_range"] = outside_range(used[side])
        return sides

    def decorrelation(self, ours: Sequence[dict], measured: Sequence[dict]) -> dict[str, dict[str, Any]]:
        """Distances between the distributions of decorrelation times; windows that never get there are dropped."""
        reference, oracle = self.draw(measured, "torsion", "decorrelation")
        theirs = self.times(reference, self.protocol.largest_lag)
        sides: dict[str, dict[str, Any]] = {}
        for side, windows in _sides(oracle, [each["torsion"] for each in ours]):
            generated = side == "generated"
            times = self.times(windows, self.protocol.largest_lag_generated if generated else self.protocol.largest_lag)
            distance = decorrelation_jsd(times, theirs)
            sides[side] = {
                "jsd": {"decorrelation": distance},
                "never_decorrelated": {
                    "generated": np.isnan(times).sum(axis=0).tolist(),
                    "reference": np.isnan(theirs).sum(axis=0).tolist(),
                },
            }
            gone = int(np.isnan(distance).sum())
            if gone:
                sides[side]["notes"] = [f"{gone} torsion(s) without a decorrelation figure: no window got to 1/e."]
        return sides

    def times(self, windows: Sequence[np.ndarray], largest_lag: int) -> np.ndarray:
        """Decorrelation times of windows of torsions [T, K]: float64 [W, K], ps; nan where never."""
        return np.stack([decorrelation_times(x, FRAME_PS, largest_lag) for x in windows])

    def tica(self, ours: Sequence[dict], measured: Sequence[dict]) -> dict[str, dict[str, Any]]:
        """Distances in the slowest and the two slowest components, over the joint range of all three sets."""
        reference, oracle = (_circles(x) for x in self.draw(measured, "torsion", "tica"))
        groups = _sides(oracle, _circles([each["torsion"] for each in ours]))
        known = fit_kinetic_map(reference, self.protocol.tica_lag)
        if known is None:
            note = "Too rigid for TICA and MSM: " + (
                "its torsions do not move." if len(self.features.torsions) else "it has no torsion."
            )
            return {side: {"tica_0": None, "tica_01": None, "components": 0, "notes": [note]} for side, _ in groups}
        theirs = known.project(np.concatenate(reference))
        projected = {side: known.project(np.concatenate(windows)) for side, windows in groups}
        edges = joint_edges([theirs, *projected.values()])
        sides: dict[str, dict[str, Any]] = {}
        for side, points in projected.items():
            first, both = tica_jsd(points, theirs, edges)
            sides[side] = {"tica_0": first, "tica_01": both, "components": known.n_components}
        return sides

    def msm(self, ours: Sequence[dict], measured: Sequence[dict]) -> dict[str, dict[str, Any]]:
        """Distances between the occupancies of metastable states."""
        reference, oracle = (_circles(x) for x in self.draw(measured, "torsion", "msm"))
        groups = _sides(oracle, _circles([each["torsion"] for each in ours]))
        known = fit_kinetic_map(reference, self.protocol.tica_lag)
        if known is None:
            return {side: {"msm": None} for side, _ in groups}
        projected = [known.project(x) for x in reference]
        states = fit_published_states(projected, self.protocol.msm_lag, self.seed)
        if states is None:
            note = "No MSM: the reference has fewer than two connected metastable states."
            return {side: {"msm": None, "notes": [note]} for side, _ in groups}
        theirs = states.occupancies(projected)
        return {
            side: {"msm": float(jensen_shannon(states.occupancies([known.project(x) for x in windows]), theirs))}
            for side, windows in groups
        }

    def judge_paths(self, ours: Sequence[dict], measured: Sequence[dict], into: dict[str, Any]) -> None:
        """Paths between one pair of endpoints, on states of windows drawn for them."""
        reference = _circles(self.draw(measured, "torsion", "paths")[0])
        known = fit_kinetic_map(reference, self.protocol.tica_lag)
        states = None
        if known is not None:
            states = fit_published_states([known.project(x) for x in reference], self.protocol.msm_lag, self.seed)
        if known is None or states is None:
            into["notes"].append("No path metrics: the reference has no metastable states.")
            return
        paths = [known.project(x) for x in _circles([each["torsion"] for each in ours])]
        into["paths"], notes = published_paths(states, paths, self.protocol.msm_lag)
        into["notes"] += notes


def _circles(windows: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [on_circle(x) for x in windows]


def _sides(oracle: list[np.ndarray], ours: list[np.ndarray]) -> list[tuple[str, list[np.ndarray]]]:
    """What is judged: the oracle, and what was generated where there is some."""
    return [("oracle", oracle), *([("generated", ours)] if ours else [])]
