"""Kinetics in the terms of TITO (SPEC section 5, B): VAMP-2, the ten slowest timescales, density over two components.

Every figure stands beside its lag and its bins: none of them means anything without.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from eginterpolator.evaluation.distributions import jensen_shannon
from eginterpolator.evaluation.kinetics import LAG_FRAMES, Tica, fit_tica

SLOWEST = 10
DENSITY_BINS = 50
FACTOR = 2.0


def vamp2(values: Sequence[np.ndarray], lag: int = LAG_FRAMES) -> float | None:
    """VAMP-2 score of feature trajectories [T, F] on themselves, by deeptime: None where nothing moves.

    The sum of the squared singular values of C00^-1/2 C0t Ctt^-1/2, with 1 for the constant (E9; Wu and Noé, J.
    Nonlinear Sci. 30 (2020) 23): 1 of frames without memory, one more for every coordinate that keeps its value over
    the lag.
    """
    from deeptime.decomposition import VAMP

    long = [x for x in values if len(x) > lag]
    if not long or long[0].shape[1] == 0 or max(float(x.var(axis=0).max()) for x in long) < 1e-10:
        return None
    estimator = VAMP(lagtime=lag)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x in long:
            estimator.partial_fit((x[:-lag], x[lag:]))
        try:
            return float(estimator.fetch_model().score(2))
        except (ValueError, RuntimeError, ZeroDivisionError, np.linalg.LinAlgError):
            return None


def slowest_timescales(values: Sequence[np.ndarray], lag: int = LAG_FRAMES, count: int = SLOWEST) -> np.ndarray:
    """The slowest implied timescales -lag / ln(eigenvalue) by TICA of feature trajectories [T, F]: float64 [count].

    In frames; nan where there are not as many, or an eigenvalue is not in (0, 1). Of TICA and not of a Markov state
    model: with as many frames as replicas have, the tenth of a hundred states is noise.
    """
    return timescales_of(fit_tica(values, lag), lag, count)


def timescales_of(tica: Tica | None, lag: int = LAG_FRAMES, count: int = SLOWEST) -> np.ndarray:
    """`slowest_timescales` of a TICA that was fitted at this lag with all of its components: float64 [count]."""
    result = np.full(count, np.nan)
    if tica is not None:
        found = tica.timescales(lag)[:count]
        result[: len(found)] = found
    return result


def timescale_figures(ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """Relative errors |ours - theirs| / theirs of timescales [n], those that the reference has, and the slowest's.

    `errors`, their median `error`, and of the slowest `slowest_ratio` and `slowest_within_factor_two` (1 or 0). A
    timescale that ours lacks counts with a time of 0: an error of 1.
    """
    known = np.isfinite(theirs)
    if not known.any():
        return {"errors": [], "error": None, "slowest_ratio": None, "slowest_within_factor_two": None}
    found = np.where(np.isfinite(ours), ours, 0.0)[known]
    errors = np.abs(found - theirs[known]) / theirs[known]
    ratio = float(found[0] / theirs[known][0]) if known[0] else None
    within = None if ratio is None else float(1 / FACTOR <= ratio <= FACTOR)
    return {
        "errors": errors.tolist(),
        "error": float(np.median(errors)),
        "slowest_ratio": ratio,
        "slowest_within_factor_two": within,
    }


def density_divergence(ours: np.ndarray, theirs: np.ndarray, bins: int = DENSITY_BINS) -> float | None:
    """Jensen-Shannon divergence (nats, not its root) of two samples [T, 2+] in the plane of their first two columns.

    `bins` a side over the joint range of both; at most ln 2. None where there is one column only.
    """
    if ours.shape[1] < 2:
        return None
    joint = np.concatenate([ours[:, :2], theirs[:, :2]])
    edges = [
        np.linspace(low, max(high, low + 1e-9), bins + 1) for low, high in zip(joint.min(0), joint.max(0), strict=True)
    ]
    counts = [np.histogram2d(part[:, 0], part[:, 1], edges)[0].ravel() for part in (ours, theirs)]
    return float(jensen_shannon(*counts)) ** 2
