"""Markov state models of the reference: metastable states, implied timescales, transition paths (SPEC section 5)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eginterpolator.evaluation.distributions import jensen_shannon
from eginterpolator.evaluation.kinetics import Tica

STATES, LAG_FRAMES, METASTABLE = 100, 4, 10
TIMESCALE_LAGS = (1, 2, 4, 8, 16)
TIMESCALES = 3
TIMESCALE_TOLERANCE = 1e-5
"""Of `fit_msm` for timescales: they are within .3 % of those at its own 1e-8, in a third of the time."""
KMEANS_FRAMES = 10_000
"""Frames that k-means is fitted on: every k-th of the reference's."""


@dataclass(frozen=True)
class MetastableStates:
    """A Markov state model of the reference, lumped into metastable states.

    Attributes
    ----------
    tica : Tica
    centres : float64 [k, R]
        k-means centres in `Tica.kinetic_map`.
    lumped : int64 [k]
        Metastable state of each centre; `n_metastable` for those outside of the connected set.
    n_metastable : int
    share_outside : float
        Share of the reference's frames outside of the largest connected set.
    transitions : float64 [n_metastable + 1, n_metastable + 1]
        Probability of each metastable state `LAG_FRAMES` frames after each; rows of states that are not connected
        with the others are zero.
    """

    tica: Tica
    centres: np.ndarray
    lumped: np.ndarray
    n_metastable: int
    share_outside: float
    transitions: np.ndarray

    def microstates(self, values: np.ndarray) -> np.ndarray:
        """Nearest k-means centre of each frame of features [T, F]: int64 [T]."""
        return _nearest(self.tica.kinetic_map(values), self.centres)

    def states(self, values: np.ndarray) -> np.ndarray:
        """Metastable state of each frame of features [T, F]: int64 [T]."""
        return self.lumped[self.microstates(values)]

    def occupancies(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """Frames of [T, F] in each state: int64 [n_metastable + 1], the last for outside of the connected set."""
        return sum(
            (np.bincount(self.states(x), minlength=self.n_metastable + 1) for x in values),
            np.zeros(self.n_metastable + 1, dtype=np.int64),
        )

    def timescales(self, values: Sequence[np.ndarray], lags: Sequence[int] = TIMESCALE_LAGS) -> np.ndarray:
        """`implied_timescales` of features [T, F] on the reference's microstates: float64 [lags, TIMESCALES]."""
        return implied_timescales([self.microstates(x) for x in values], lags, len(self.centres))


@dataclass(frozen=True)
class PathMetrics:
    """How paths between two given frames compare with those of the reference's Markov state model.

    Attributes
    ----------
    jsd : float or None
        JSD of the metastable states visited, mean over endpoint pairs; None where no pair is connected.
    valid : float
        Share of the paths without a transition of zero probability.
    probability : float
        Mean over paths of their probability given their endpoints, 0 of those that are not valid.
    log_probability_a_step : float or None
        Mean over valid paths of ln(probability given the start) / steps; None where none is valid.
    pairs, paths : int
        Pairs of endpoint states, and paths in all.
    """

    jsd: float | None
    valid: float
    probability: float
    log_probability_a_step: float | None
    pairs: int
    paths: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)


def fit_states(reference: Sequence[np.ndarray], tica: Tica, seed: int = 0) -> MetastableStates | None:
    """k-means with 100 states, reversible MSM at 4 frames on the largest connected set, PCCA with 10 states.

    Fewer where there are not enough frames or connected states; None where fewer than two metastable states remain.

    Parameters
    ----------
    reference : features [T, F] of each trajectory
    tica : Tica
        Fitted on the reference.
    seed : int
        Of k-means++.
    """
    from deeptime.clustering import KMeans

    mapped = [tica.kinetic_map(x) for x in reference]
    joint = np.concatenate(mapped)
    sample = np.ascontiguousarray(joint[:: max(1, len(joint) // KMEANS_FRAMES)])
    k = min(STATES, len(np.unique(sample, axis=0)) // 2)
    if k < 2 or max(len(x) for x in mapped) <= LAG_FRAMES:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        centres = KMeans(k, max_iter=100, fixed_seed=seed, n_jobs=1).fit_fetch(sample).cluster_centers
    discrete = [_nearest(x, centres) for x in mapped]
    found = lumped_states(discrete, k, LAG_FRAMES, METASTABLE)
    if found is None:
        return None
    lumped, n, between = found
    outside = float(np.mean(lumped[np.concatenate(discrete)] == n))
    return MetastableStates(tica, np.asarray(centres), lumped, n, outside, between)


def lumped_states(
    discrete: Sequence[np.ndarray], k: int, lag: int, most: int
) -> tuple[np.ndarray, int, np.ndarray] | None:
    """Microstates lumped by PCCA into up to `most` metastable states; None where fewer than two remain.

    Parameters
    ----------
    discrete : sequence of int64 [T]
        Microstates, 0 to `k` - 1, of each trajectory.
    lag : int
        Frames.

    Returns
    -------
    lumped : int64 [k]
        Metastable state of each microstate; `n` for those outside of the largest connected set.
    n : int
        Metastable states.
    transitions : float64 [n + 1, n + 1]
        Probability of each state one lag after each; rows of states that are not connected with the others are zero.
    """
    model = fit_msm(discrete, lag, k)
    if model is None:
        return None
    connected, transitions, stationary = model
    for n in range(min(most, len(connected)), 1, -1):
        assignments = pcca(transitions, stationary, n)
        if assignments is None:
            continue
        lumped = np.full(k, n, dtype=np.int64)
        lumped[connected] = assignments
        between = np.zeros((n + 1, n + 1))
        coarse = fit_msm([lumped[x] for x in discrete], lag, n + 1)
        if coarse is not None:
            between[np.ix_(coarse[0], coarse[0])] = coarse[1]
        return lumped, n, between
    return None


def fit_msm(
    discrete: Sequence[np.ndarray], lag: int, n_states: int, tolerance: float = 1e-8
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Reversible maximum-likelihood Markov state model of state trajectories [T] at `lag` frames, by deeptime.

    On the largest connected set: its states int64 [c], transition matrix float64 [c, c] and stationary distribution
    [c]. None where it has fewer than two states. The fit goes on until no stationary probability changes by more than
    `tolerance`.
    """
    from deeptime.markov import TransitionCountEstimator
    from deeptime.markov.msm import MaximumLikelihoodMSM

    long = [x for x in discrete if len(x) > lag]
    if not long:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            counts = TransitionCountEstimator(lag, "sliding", n_states=n_states).fit_fetch(long).submodel_largest()
            model = MaximumLikelihoodMSM(reversible=True, maxerr=tolerance).fit_fetch(counts)
        except (ValueError, RuntimeError):
            return None
    if model.n_states < 2:
        return None
    return (
        np.asarray(counts.state_symbols),
        np.asarray(model.transition_matrix),
        np.asarray(model.stationary_distribution),
    )


def pcca(transitions: np.ndarray, stationary: np.ndarray, n: int) -> np.ndarray | None:
    """Metastable state of each state of a reversible Markov chain: int64 [k], or None where there are not `n`.

    The inner simplex algorithm (Weber and Galliat 2002; Deuflhard and Weber, Linear Algebra Appl. 398 (2005) 161):
    the `n` slowest right eigenvectors map the states near the corners of a simplex; corners are chosen farthest from
    the span of those before, and each state belongs to the corner it has the largest coordinate of. The optimisation
    by which PCCA+ goes on from there is left out: deeptime's takes tens of seconds for ten states (81 parameters by
    Nelder-Mead), and stops at its limit of iterations.
    """
    root = np.sqrt(stationary)
    symmetric = root[:, None] * transitions / root
    _, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    points = vectors[:, ::-1][:, :n] / root[:, None]
    points[:, 0] = 1.0  # the stationary one is constant; with it in, a corner is a unit vector
    rest = points[:, 1:].copy()
    corners = [int((rest**2).sum(axis=1).argmax())]
    rest = rest - rest[corners[0]]
    for _ in range(n - 1):
        distance = (rest**2).sum(axis=1)
        corners.append(int(distance.argmax()))
        if distance[corners[-1]] < 1e-12:
            return None
        direction = rest[corners[-1]] / np.sqrt(distance[corners[-1]])
        rest = rest - np.outer(rest @ direction, direction)
    try:
        memberships = points @ np.linalg.inv(points[corners])
    except np.linalg.LinAlgError:
        return None
    return np.asarray(memberships.argmax(axis=1))


def implied_timescales(
    discrete: Sequence[np.ndarray], lags: Sequence[int], n_states: int, count: int = TIMESCALES
) -> np.ndarray:
    """The slowest implied timescales -lag / ln(eigenvalue) of state trajectories [T]: float64 [lags, count], frames.

    Equation (E11) of docs/evaluation.md.

    Of the reversible Markov state model at each lag on its largest connected set; nan where it has fewer, or an
    eigenvalue is not in (0, 1).
    """
    result = np.full((len(lags), count), np.nan)
    for row, lag in enumerate(lags):
        model = fit_msm(discrete, lag, n_states, TIMESCALE_TOLERANCE)
        if model is None:
            continue
        root = np.sqrt(model[2])
        symmetric = root[:, None] * model[1] / root
        values = np.linalg.eigvalsh((symmetric + symmetric.T) / 2)[::-1][1 : count + 1]
        good = (values > 0) & (values < 1 - 1e-12)
        result[row, : len(values)] = np.where(good, -lag / np.log(np.where(good, values, 0.5)), np.nan)
    return result


def path_metrics(transitions: np.ndarray, paths: Sequence[np.ndarray], lag: int = LAG_FRAMES) -> PathMetrics | None:
    """Compare paths with those that a Markov chain takes between the same endpoints.

    Equation (E4) of docs/evaluation.md.

    For the pair of states a, b at the ends of a path of n steps, the chain with transition matrix T is in state i at
    step t with probability (T^t)[a, i] (T^(n-t))[i, b] / (T^n)[a, b]: the reference's distribution of visited
    states, exactly. A path's probability given its endpoints is the product of its T[s_t, s_t+1] over (T^n)[a, b].

    Parameters
    ----------
    transitions : float64 [k, k]
        Of the reference, between the states of `paths`, `lag` frames apart.
    paths : sequence of int64 [T]
        State of every frame; steps of `lag` frames are taken out of them, stretched by less than a frame so that both
        endpoints are in. Those of one frame are left out; None where no other is left.
    """
    chains: dict[tuple[int, int, int], list[np.ndarray]] = {}
    for path in paths:
        if len(path) < 2:
            continue
        steps = max(1, round((len(path) - 1) / lag))
        chain = path[np.linspace(0, len(path) - 1, steps + 1).round().astype(int)]
        chains.setdefault((int(chain[0]), int(chain[-1]), steps), []).append(chain)
    if not chains:
        return None
    distances, valid, probabilities, logs = [], [], [], []
    for (start, end, steps), group in chains.items():
        forward = _powers(np.eye(len(transitions))[start], transitions, steps)  # (T^t)[start, i]
        backward = _powers(np.eye(len(transitions))[end], transitions.T, steps)[::-1]  # (T^(n-t))[i, end]
        reachable = float(forward[-1, end])
        for chain in group:
            each = transitions[chain[:-1], chain[1:]]
            valid.append(bool((each > 0).all()))
            log = float(np.log(each).sum()) if valid[-1] else -np.inf
            probabilities.append(float(np.exp(log - np.log(reachable))) if valid[-1] else 0.0)
            if valid[-1]:
                logs.append(log / steps)
        if reachable > 0:
            visited = np.bincount(np.concatenate(group), minlength=len(transitions))
            distances.append(float(jensen_shannon(visited, (forward * backward).sum(axis=0))))
    return PathMetrics(
        float(np.mean(distances)) if distances else None,
        float(np.mean(valid)),
        float(np.mean(probabilities)),
        float(np.mean(logs)) if logs else None,
        len({key[:2] for key in chains}),
        len(valid),
    )


def _powers(vector: np.ndarray, matrix: np.ndarray, steps: int) -> np.ndarray:
    """vector @ matrix^t for t = 0 ... steps: [steps + 1, k]."""
    rows = [vector]
    for _ in range(steps):
        rows.append(rows[-1] @ matrix)
    return np.array(rows)


def _nearest(points: np.ndarray, centres: np.ndarray, block: int = 4096) -> np.ndarray:
    """Index of the nearest centre [k, R] of each point [T, R]: int64 [T]."""
    half = (centres**2).sum(axis=1) / 2
    parts = [(half - points[i : i + block] @ centres.T).argmin(axis=1) for i in range(0, len(points), block)]
    return np.concatenate(parts)
