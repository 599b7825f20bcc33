"""Means over molecules with their intervals, and what of them is at the oracle (SPEC section 5, B)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eginterpolator.analysis.clocks import MEASURED_TRANSITIONS, median_ratio, share_within
from eginterpolator.evaluation.comparison import Comparison
from eginterpolator.evaluation.distributions import bootstrap

KINDS = ("length", "angle", "torsion")
PROJECTIONS = ("tica_0", "tica_01", "msm")
MODES = ("vamp2_gap", "timescale_error", "slowest_within_factor_two", "density_divergence")
ENOUGH_MOLECULES = 5
"""With fewer, an interval over molecules says nothing, and nothing is at the oracle."""
DRAWS = 1000


def summarise(comparisons: dict[str, Comparison], seed: int = 0) -> dict[str, Any]:
    """Mean, median and bootstrap intervals of every metric over all (molecule, feature) pairs; {} for no molecule.

    `per_molecule` beside them is over the means of the molecules. `stereo_retention` is the mean over the molecules
    that have stereo (None where none has): those without would keep it whatever is generated. `valid` and `checks`
    are means over all molecules.
    """
    if not comparisons:
        return {}
    each = list(comparisons.values())
    result: dict[str, Any] = {"molecules": len(each)}
    for kind in KINDS:
        arrays = [c.jsd[kind] for c in each if len(c.jsd[kind])]
        if arrays:
            result[kind] = _pooled(arrays, seed)
    for name in PROJECTIONS:
        known = [np.array([getattr(c, name)]) for c in each if getattr(c, name) is not None]
        if known:
            result[name] = bootstrap(known, seed)
    result["torsion_times"] = torsion_times(each, seed)
    modes = {"lag_ps": each[0].slow_modes["lag_ps"], "bins": each[0].slow_modes["bins"]}
    for name in MODES:
        known = [np.array([c.slow_modes[name]]) for c in each if c.slow_modes[name] is not None]
        if known:
            modes[name] = bootstrap(known, seed)
    result["slow_modes"] = modes
    result["too_rigid_for_tica"] = [name for name, c in comparisons.items() if c.tica_0 is None]
    kept = [c.stereo_retention for c in each if c.has_stereo]
    result["stereo_retention"] = float(np.mean(kept)) if kept else None
    result["molecules_with_stereo"] = len(kept)
    result["stereo_retention_95"] = _of_molecules(kept, seed) if kept else None
    result["valid"] = float(np.mean([c.valid for c in each]))
    result["valid_95"] = _of_molecules([c.valid for c in each], seed)
    result["checks"] = {name: float(np.mean([c.checks[name] for c in each])) for name in each[0].checks}
    result["outside_range"] = {kind: sum(c.outside_range[kind] for c in each) for kind in ("length", "angle")}
    arrays_of = {kind: [c.wasserstein[kind] for c in each if len(c.wasserstein[kind])] for kind in each[0].wasserstein}
    result["wasserstein"] = {kind: _pooled(arrays, seed) for kind, arrays in arrays_of.items() if arrays}
    others = {(name, key) for c in each for name, found in c.others.items() for key in found}
    for name, key in sorted(others):
        known = [np.array([c.others[name][key]]) for c in each if key in c.others.get(name, {})]
        result.setdefault("others", {}).setdefault(name, {})[key] = bootstrap(known, seed)
    paths = [c.paths for c in each if c.paths is not None]
    if paths:
        names = ("jsd", "valid", "probability", "log_probability_a_step")
        values = {name: [np.array([v]) for p in paths if (v := getattr(p, name)) is not None] for name in names}
        result["paths"] = {name: bootstrap(known, seed) for name, known in values.items() if known}
    return result


def torsion_times(each: Sequence[Comparison], seed: int = 0) -> dict[str, Any]:
    """Times of the measured torsions against the reference's: `within_factor_two`, `median_ratio`, with intervals.

    `torsions` in all, `measured` of them (of an oracle, mean over its blocks), and how many `bounds` are among those,
    which count by `clocks.survival`. Both figures are None where no torsion is measured; the median is None where more
    than half of the ratios are bounds that exceed it, and so is an end of an interval.
    """
    ratios = [_ratios(c) for c in each]
    folds = max((len(c.torsion_times) for c in each), default=1)
    lag = each[0].torsion_times[0]["lag_ps"] if each and each[0].torsion_times else None
    result: dict[str, Any] = {
        "lag_ps": lag,
        "transitions": MEASURED_TRANSITIONS,
        "torsions": sum(len(c.torsion_times[0]["measured"]) for c in each if c.torsion_times),
        "measured": sum(float(sum(sum(t["measured"]) for t in c.torsion_times)) / len(c.torsion_times) for c in each),
        "bounds": sum(int(bounded.sum()) for _, bounded in ratios) / folds,
        "within_factor_two": None,
        "median_ratio": None,
    }
    if not sum(len(values) for values, _ in ratios):
        return result
    draws = _drawn(ratios, _picks(len(ratios), seed))
    for name, found in (("within_factor_two", share_within), ("median_ratio", median_ratio)):
        whole = float(found(*_joined(ratios))[0])
        result[name] = {"mean": _finite(whole), "mean_95": _interval(found(*_joined(ratios), draws))}
    return result


def differences(
    generated: dict[str, Comparison], oracle: dict[str, Comparison], seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Generated minus oracle of every metric, over the molecules that have both: {} for none.

    Each has `mean`, its bootstrap interval `mean_95` over molecules, `molecules`, and `at_oracle`: whether the interval
    holds zero; None with fewer than `ENOUGH_MOLECULES`. Of shares (within a factor of two, stereo retention, valid)
    more is better, of all others less; of the signed VAMP-2 gap what is nearer to zero.
    """
    names = [name for name in generated if name in oracle]
    pairs = [(generated[name], oracle[name]) for name in names]
    result: dict[str, dict[str, Any]] = {}

    def keep(name: str, arrays: list[np.ndarray]) -> None:
        if arrays:
            found = bootstrap(arrays, seed)
            result[name] = _difference(found["mean"], found["mean_95"], len(arrays))

    for kind in KINDS:
        keep(kind, [a.jsd[kind] - b.jsd[kind] for a, b in pairs if len(a.jsd[kind])])
    for key in PROJECTIONS:
        both = [(getattr(a, key), getattr(b, key)) for a, b in pairs]
        keep(key, [np.array([x - y]) for x, y in both if x is not None and y is not None])
    for key in MODES:
        both = [(a.slow_modes[key], b.slow_modes[key]) for a, b in pairs]
        keep(key, [np.array([x - y]) for x, y in both if x is not None and y is not None])
    keep("stereo_retention", [np.array([a.stereo_retention - b.stereo_retention]) for a, b in pairs if a.has_stereo])
    keep("valid", [np.array([a.valid - b.valid]) for a, b in pairs])
    for kind in pairs[0][0].wasserstein if pairs else ():
        keep(
            f"wasserstein_{kind}",
            [a.wasserstein[kind] - b.wasserstein[kind] for a, b in pairs if len(a.wasserstein[kind])],
        )
    sides = [[_ratios(pair[k]) for pair in pairs] for k in range(2)]
    moving = [k for k in range(len(pairs)) if all(len(side[k][0]) for side in sides)]
    if moving:
        picks = _picks(len(moving), seed)
        chosen = [[side[k] for k in moving] for side in sides]
        whole = [float(share_within(*_joined(side))[0]) for side in chosen]
        drawn = [share_within(*_joined(side), _drawn(side, picks)) for side in chosen]
        interval = _interval(drawn[0] - drawn[1])
        result["within_factor_two"] = _difference(whole[0] - whole[1], interval, len(moving))
    return result


def _of_molecules(values: Sequence[float], seed: int) -> list[float]:
    """Bootstrap interval of the mean of one number a molecule."""
    return list(bootstrap([np.array([value]) for value in values], seed)["mean_95"])


def _difference(mean: float, interval: list[Any], molecules: int) -> dict[str, Any]:
    at_oracle = bool(interval[0] <= 0 <= interval[1]) if molecules >= ENOUGH_MOLECULES else None
    return {"mean": mean, "mean_95": interval, "molecules": molecules, "at_oracle": at_oracle}


def _ratios(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Ratios of the measured torsions of every block [n], and which of them are bounds."""
    there = [
        (ratio, bounded)
        for times in comparison.torsion_times
        for ratio, bounded in zip(times["ratio"], times["bounded"], strict=True)
        if ratio is not None
    ]
    return np.array([r for r, _ in there], dtype=np.float64), np.array([b for _, b in there], dtype=bool)


def _joined(ratios: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([values for values, _ in ratios]), np.concatenate([bounded for _, bounded in ratios])


def _picks(molecules: int, seed: int) -> np.ndarray:
    """How often each molecule is drawn: float64 [DRAWS, molecules]."""
    picks = np.random.default_rng(seed).integers(molecules, size=(DRAWS, molecules))
    return np.apply_along_axis(np.bincount, 1, picks, minlength=molecules).astype(np.float64)


def _drawn(ratios: Sequence[tuple[np.ndarray, np.ndarray]], picks: np.ndarray) -> np.ndarray:
    """Weights [DRAWS, n] of the joined ratios; draws without any measured torsion are left out."""
    owner = np.repeat(np.arange(len(ratios)), [len(values) for values, _ in ratios])
    weights = picks[:, owner]
    return weights[weights.sum(axis=1) > 0]


def _interval(values: np.ndarray) -> list[float | None]:
    low = np.quantile(values, 0.025, method="lower")
    high = np.quantile(values, 0.975, method="higher")
    return [_finite(float(low)), _finite(float(high))]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _pooled(arrays: Sequence[np.ndarray], seed: int) -> dict[str, Any]:
    means = [np.array([values.mean()]) for values in arrays]
    return {**bootstrap(arrays, seed), "per_molecule": bootstrap(means, seed)}
