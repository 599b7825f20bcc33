"""Times of torsions measured in the simulations of datasets, for `eginterpolator.chemistry.torsion_times`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.chemistry.torsion_times import FASTEST_PS, TorsionTimes, all_classes, autocorrelation
from eginterpolator.data.splits import split_fraction
from eginterpolator.data.store import Record, Store
from eginterpolator.errors import InputError
from eginterpolator.files.io import sha256, write_text

SLOWEST_PS = 400.0
"""Times are clipped to what simulations of some 0.4 ns, and frames of 5.2 ps, can tell apart."""


def fit_times(stores: Sequence[Path], held_out: float) -> tuple[TorsionTimes, dict[str, Any]]:
    """Times by class of bond, and what they were measured on.

    Parameters
    ----------
    stores : paths of datasets
    held_out : float
        Share of the molecules that is left out, those that training validates on; the estimates are judged on them.

    Raises
    ------
    InputError
        When a store is missing or damaged, or no molecule has a torsion in a trajectory.
    """
    molecules: dict[bool, int] = {True: 0, False: 0}
    measured: dict[bool, list[tuple[Molecule, int, int, float]]] = {True: [], False: []}
    for record in _records(stores):
        away = split_fraction(record.molecule.held_out_key) < held_out
        times = measured_times(record)
        molecules[away] += 1
        quadruples = torsion_quadruples(record.molecule).tolist()
        measured[away] += [(record.molecule, q[1], q[2], t) for q, t in zip(quadruples, times, strict=True)]
    if not measured[False]:
        raise InputError("No trajectory of these datasets has a torsion; times need simulations of molecules.")
    estimate = TorsionTimes(_sums(measured[False]))
    facts = {
        "stores": {store.name: sha256(store) for store in stores},
        "molecules": molecules[False],
        "torsions": len(measured[False]),
        "limits_ps": [FASTEST_PS, SLOWEST_PS],
        "held_out": {"share": held_out, "molecules": molecules[True], **_judged(estimate, measured[True])},
    }
    return estimate, facts


def unseen_times(times: TorsionTimes, record: Record) -> TorsionTimes:
    """Times for training on a record of a dataset that they were measured on: without what it has added itself.

    Otherwise training sees estimates that are better than those of any molecule it will be used on.
    """
    if record.trajectories is None or split_fraction(record.molecule.held_out_key) < times.held_out:
        return times
    mol, quadruples = record.molecule.heavy_mol, torsion_quadruples(record.molecule).tolist()
    keys = [all_classes(mol, i, j) for _, i, j, _ in quadruples]
    return times.without(zip(keys, measured_times(record).tolist(), strict=True))


def _records(stores: Sequence[Path]) -> Iterator[Record]:
    for path in stores:
        with Store(path) as store:
            yield from (record for record in store if record.trajectories is not None)


def _sums(measured: Iterable[tuple[Molecule, int, int, float]]) -> dict[str, tuple[float, int]]:
    logs: dict[str, list[float]] = {}
    for molecule, i, j, time in measured:
        for key in all_classes(molecule.heavy_mol, i, j):
            logs.setdefault(key, []).append(math.log(time))
    return {key: (round(math.fsum(values), 3), len(values)) for key, values in sorted(logs.items())}


def _judged(estimate: TorsionTimes, measured: Sequence[tuple[Molecule, int, int, float]]) -> dict[str, Any]:
    """Of molecules that were not fitted: how the logarithms of the estimates follow the measured ones."""
    if len(measured) < 3:
        return {"torsions": len(measured)}
    wanted = np.log([time for *_, time in measured])
    ours = np.log([estimate.of_bond(molecule.heavy_mol, i, j) for molecule, i, j, _ in measured])
    return {
        "torsions": len(measured),
        "rms_error": round(float(np.sqrt(np.mean((ours - wanted) ** 2))), 3),
        "variance_explained": round(float(1 - np.mean((ours - wanted) ** 2) / wanted.var()), 3),
    }


def measured_times(record: Record) -> np.ndarray:
    """First time at which each torsion's autocorrelation is under 1/e, float64 [K], ps, within the limits above.

    Between two frames the logarithm is interpolated; a torsion that never moves counts as fast.
    """
    quadruples = torsion_quadruples(record.molecule)
    if record.trajectories is None or not len(quadruples):
        return np.zeros(0)
    angles = np.stack([torsions(frames, quadruples) for frames in record.trajectories])
    # nan is that of an angle that never moves, and nothing else: a store refuses coordinates that are not finite
    correlation = np.nan_to_num(autocorrelation(angles))
    under = correlation < math.exp(-1.0)
    first = np.maximum(1, under.argmax(axis=0))
    columns = np.arange(len(quadruples))
    above, below = (np.log(correlation[k, columns].clip(min=1e-3)) for k in (first - 1, first))
    time = (first - 1 + (above + 1.0) / np.maximum(above - below, 1e-9)) * record.frame_ps
    return np.asarray(np.where(under.any(axis=0), time, SLOWEST_PS).clip(FASTEST_PS, SLOWEST_PS))


def write_times(path: str | os.PathLike[str], times: TorsionTimes, facts: dict[str, Any]) -> None:
    """Write sums and counts as JSON, one class a line, with what they were measured on."""
    rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(list(value))}" for key, value in times.sums.items())
    write_text(Path(path), f'{{"measured_on": {json.dumps(facts)},\n"sums": {{\n{rows}\n}}}}\n')
