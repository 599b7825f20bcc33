"""Two runs or models side by side, molecule by molecule, neither of which is the truth; see `side_by_side`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eginterpolator.errors import EGIError, InputError
from eginterpolator.evaluation.distributions import bootstrap
from eginterpolator.evaluation.kinetics import LAG_FRAMES
from eginterpolator.evaluation.loading import read_matched
from eginterpolator.evaluation.side_by_side import DISTANCES, SIDES, Pair, PairConfig, compare_pair
from eginterpolator.evaluation.sources import FileEntry, Source, flat_smiles_of, paired, trajectory_sources

if TYPE_CHECKING:
    from eginterpolator.data.readers.base import ImportOptions

SCHEMA_VERSION = 1


@dataclass
class SideBySide:
    """Pairs of many molecules, and what could not be compared."""

    labels: dict[str, str]
    config: PairConfig
    pairs: dict[str, Pair] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)

    def summary(self) -> dict[str, dict[str, Any]]:
        """Row -> metric -> mean, median and intervals over molecules: `between` both, and the `halves` of each side."""
        if not self.pairs:
            return {}
        rows = {
            "between": [{**pair.jsd, "tica_0": pair.tica_0, "tica_01": pair.tica_01} for pair in self.pairs.values()]
        }
        for side in SIDES:
            rows[f"halves_{side}"] = [pair.halves[side] for pair in self.pairs.values()]
        return {row: self._of(each) for row, each in rows.items()}

    def _of(self, each: Sequence[dict[str, Any]]) -> dict[str, Any]:
        result = {}
        for name in DISTANCES:
            arrays = [np.atleast_1d(values[name]) for values in each if values.get(name) is not None]
            if arrays := [x for x in arrays if len(x)]:
                result[name] = bootstrap(arrays, self.config.seed)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, `schema_version` first."""
        return {
            "schema_version": SCHEMA_VERSION,
            "a": self.labels["a"],
            "b": self.labels["b"],
            "config": {"frame_ps": self.config.frame_ps, "seed": self.config.seed, "lag_frames": LAG_FRAMES},
            "summary": self.summary(),
            "molecules": {name: pair.to_dict() for name, pair in self.pairs.items()},
            "failures": self.failures,
        }


def compare_side_by_side(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    config: PairConfig | None = None,
    files: ImportOptions | None = None,
) -> SideBySide:
    """Compare two runs molecule by molecule: whatever `trajectory_sources` reads.

    Molecules of one name belong together; of the others those that are the same by their graph.

    Raises
    ------
    InputError
        When one of them holds nothing, or they have no molecule in common. A molecule that cannot be compared, and one
        that only one side has, is in `failures`.
    """
    config = config or PairConfig()
    one, two = trajectory_sources(a, files), trajectory_sources(b, files)
    pairs = _common(*paired(one, two))
    if not pairs:
        raise InputError(f"'{a}' and '{b}' have no molecule in common, by name or by graph.")
    result = SideBySide(_labels(a, b), config)
    for name, sources in pairs.items():
        missing = [label for source, label in zip(sources, result.labels.values(), strict=True) if source is None]
        try:
            if missing:
                raise InputError(f"'{missing[0]}' does not have it.")
            result.pairs[name] = _read_pair(*sources, config)  # type: ignore[arg-type]
        except EGIError as error:
            result.failures.append({"name": name, "reason": str(error)})
    return result


def _read_pair(a: Source, b: Source, config: PairConfig) -> Pair:
    swapped = isinstance(a, FileEntry) and a.alone and not (isinstance(b, FileEntry) and b.alone)
    first, second = (b, a) if swapped else (a, b)  # what tells its bond orders is read first
    molecule, ours, meta = read_matched(first)
    _, theirs, other = read_matched(second, molecule, "the other")
    if swapped:
        return compare_pair(molecule, theirs, ours, config, (other, meta))
    return compare_pair(molecule, ours, theirs, config, (meta, other))


def _common(one: dict[str, Source], two: dict[str, Source]) -> dict[str, tuple[Source | None, Source | None]]:
    """Name -> both sources, equal names first, then equal graphs; None where one side lacks it. {} without a pair."""
    same = {name: name for name in one if name in two}
    rest = [{name: x for name, x in each.items() if name not in same} for each in (one, two)]
    if all(rest):
        ours, theirs = ({name: _graph(x) for name, x in each.items()} for each in rest)
        for name, graph in ours.items():
            fits = [other for other, found in theirs.items() if found == graph]
            if graph and len(fits) == 1 and list(ours.values()).count(graph) == 1:
                same[name] = fits[0]
    if not same:
        return {}
    pairs = {name: (source, two[same[name]] if name in same else None) for name, source in one.items()}
    taken = set(same.values())
    return {**pairs, **{name: (None, source) for name, source in two.items() if name not in taken}}


def _graph(source: Source) -> str:
    try:
        return flat_smiles_of(source)
    except InputError:  # it will be said where the source is read
        return ""


def _labels(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> dict[str, str]:
    """The shortest ends of both paths that differ."""
    parts = [Path(each).resolve().parts for each in (a, b)]
    for length in range(1, min(len(each) for each in parts) + 1):
        ends = ["/".join(each[-length:]) for each in parts]
        if ends[0] != ends[1]:
            return dict(zip(SIDES, ends, strict=True))
    return {"a": str(a), "b": str(b)}
