"""Ratios of torsion times to those in water: how near, by environment, and at frictions chosen by other molecules."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from eginterpolator.analysis.clocks import median_ratio, share_within
from eginterpolator.evaluation.distributions import bootstrap
from eginterpolator.simulation.protocol import WATER_FRICTION_PER_PS
from water.pace import ENVIRONMENTS

DRAWS = 1000
ENOUGH_TORSIONS, ENOUGH_MOLECULES = 4, 2
"""Of a class, among the other molecules, for a friction of its own."""
DIVIDE_PS = 30.0
"""Between faster and slower torsions."""
NOW = f"{WATER_FRICTION_PER_PS:g}"
"""The friction of `--friction water`, as results name it."""
Wanted = Callable[[dict[str, Any], int], bool]
"""Asked with a molecule and a torsion's number whether it counts."""


@dataclass(frozen=True)
class Ratios:
    """Ratios of times of many torsions, float64 [n], whether each is a bound, and the molecule that each is of."""

    values: np.ndarray
    bounds: np.ndarray
    owner: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[tuple[float, bool, int]]) -> Ratios:
        """From rows of the three."""
        values, bounds, owner = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(np.array(values, dtype=np.float64), np.array(bounds, dtype=bool), np.array(owner, dtype=np.int64))

    def summary(self, seed: int = 0) -> dict[str, Any]:
        """Share within a factor of two, median and rms of the log ratio, with intervals over molecules; {} of none.

        Bounds count by `clocks.survival` in the share and the median, and as what they are in the rms.
        """
        if not len(self.values):
            return {}
        own, index = np.unique(self.owner, return_inverse=True)
        picks = np.random.default_rng(seed).integers(len(own), size=(DRAWS, len(own)))
        weights = np.apply_along_axis(np.bincount, 1, picks, minlength=len(own))[:, index].astype(np.float64)
        squares = np.log(self.values) ** 2
        drawn = {
            "within": share_within(self.values, self.bounds, weights),
            "median_log": np.log(median_ratio(self.values, self.bounds, weights)),
            "rms_log": np.sqrt(weights @ squares / weights.sum(axis=1)),
        }
        whole = {
            "within": share_within(self.values, self.bounds)[0],
            "median_log": np.log(median_ratio(self.values, self.bounds)[0]),
            "rms_log": np.sqrt(squares.mean()),
        }
        result: dict[str, Any] = {
            "torsions": len(self.values), "molecules": len(own), "bounds": int(self.bounds.sum()),
        }  # fmt: skip
        for name, values in drawn.items():
            low, high = np.quantile(values, 0.025, method="lower"), np.quantile(values, 0.975, method="higher")
            result[name] = {"mean": _finite(whole[name]), "mean_95": [_finite(low), _finite(high)]}
        return result


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def told(value: dict[str, Any], form: str = ".2f") -> str:
    """A figure of a summary with its interval; ? where it is a bound of unknown size."""
    middle, low, high = ("?" if x is None else f"{x:{form}}" for x in (value["mean"], *value["mean_95"]))
    return f"{middle} ({low} to {high})"


def rows_of(molecules: Sequence[dict[str, Any]], key: str, friction: str, wanted: Wanted | None = None) -> Ratios:
    """Ratios of all molecules at a friction (`key` friction or lanes), or of replicas in water (`key` water).

    `wanted` is asked with a molecule and a torsion's number whether it counts.
    """
    rows = []
    for owner, found in enumerate(molecules):
        held = found[key] if key == "water" else found[key].get(friction, [])
        for group in [held] if key == "friction" else held:
            for k, ratio in enumerate(group):
                if ratio is not None and (wanted is None or wanted(found, k)):
                    rows.append((*ratio, owner))
    return Ratios.of(rows)


def classes(molecules: Sequence[dict[str, Any]]) -> dict[str, Wanted]:
    """Which torsions are of an environment, of molecules with and without a hydrogen bond inside, fast and slow."""
    named: dict[str, Wanted] = {name: partial(_lies_in, name) for name in ENVIRONMENTS}
    named["hydrogen bond inside"] = lambda found, k: found["hydrogen_bond"] is True
    named["none inside"] = lambda found, k: found["hydrogen_bond"] is False
    named[f"under {DIVIDE_PS:g} ps in water"] = lambda found, k: found["torsions"][k]["water_ps"] < DIVIDE_PS
    named[f"over {DIVIDE_PS:g} ps in water"] = lambda found, k: found["torsions"][k]["water_ps"] >= DIVIDE_PS
    return {name: wanted for name, wanted in named.items() if len(rows_of(molecules, "friction", NOW, wanted).values)}


def _lies_in(name: str, found: dict[str, Any], k: int) -> bool:
    return bool(found["torsions"][k]["environment"] == name)


def best(molecules: Sequence[dict[str, Any]], frictions: Sequence[str], wanted: Wanted | None = None) -> str | None:
    """The friction with the least rms; None where there are too few torsions."""
    found = {friction: rows_of(molecules, "friction", friction, wanted) for friction in frictions}
    first = found[frictions[0]]
    if len(first.values) < ENOUGH_TORSIONS or len(np.unique(first.owner)) < ENOUGH_MOLECULES:
        return None
    return min(frictions, key=lambda friction: float((np.log(found[friction].values) ** 2).mean()))


def left_out(molecules: Sequence[dict[str, Any]], frictions: Sequence[str]) -> dict[str, Any]:
    """Torsions of every molecule at frictions that are chosen by the others: one number, or one for each environment.

    Beside them the product's number, 1/ps, and for each torsion the friction that suits it best, which is no choice but
    what no rule can beat. Of each also how much more its mean square is than that of one number.
    """
    rules = ("1/ps", "the product's", "one number", "by environment", "each torsion's own")
    rows: dict[str, list[tuple[float, bool, int]]] = {rule: [] for rule in rules}
    chosen: list[str] = []
    for owner, found in enumerate(molecules):
        others = [each for k, each in enumerate(molecules) if k != owner]
        one = best(others, frictions) or NOW
        chosen.append(one)
        own = {name: best(others, frictions, wanted) or one for name, wanted in classes(others).items()}
        for k, torsion in enumerate(found["torsions"]):
            each = {friction: found["friction"][friction][k] for friction in frictions if found["friction"]}
            if not each or each[frictions[0]] is None:
                continue
            suits = min(each, key=lambda friction: abs(math.log(each[friction][0])))
            picked = ("1", NOW, one, own.get(torsion["environment"], one), suits)
            for rule, friction in zip(rules, picked, strict=True):
                rows[rule].append((*each[friction], owner))
    made = {rule: Ratios.of(values) for rule, values in rows.items()}
    result = {}
    for rule, ratio in made.items():
        more = np.log(ratio.values) ** 2 - np.log(made["one number"].values) ** 2
        result[rule] = {**ratio.summary(), "more_than_one_number": _mean_difference(more, ratio.owner)}
    return {"rules": result, "one_number": chosen}


def _mean_difference(values: np.ndarray, owner: np.ndarray) -> dict[str, Any]:
    """Mean over torsions, with its interval over molecules."""
    return bootstrap([values[owner == k] for k in np.unique(owner)]) if len(values) else {}
