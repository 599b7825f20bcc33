"""The page of `egi compare`: two runs side by side, in words that call neither of them a reference."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from rdkit.Chem import rdMolDescriptors

from eginterpolator.analysis.clocks import FACTOR, PooledTimes
from eginterpolator.errors import InputError
from eginterpolator.evaluation.distributions import RANGES
from eginterpolator.evaluation.kinetics import LAG_FRAMES
from eginterpolator.evaluation.side_by_side import SIDES, Pair, made_by
from eginterpolator.evaluation.two_runs import SideBySide
from eginterpolator.files.io import write_text
from eginterpolator.report.evaluation_payload import SCALES, headline
from eginterpolator.report.page import render_template
from eginterpolator.report.payload import atom_label

COLUMNS = {
    "length": "Bond length", "angle": "Bond angle", "torsion": "Torsion", "tica_0": "TICA 0", "tica_01": "TICA 0,1"
}  # fmt: skip
_STYLES = ("style.css", "evaluation.css")
_SCRIPTS = ("panels.js", "charts.js", "compare.js")


def write_comparison_page(path: str | os.PathLike[str], result: SideBySide) -> None:
    """Write one self-contained HTML file that shows a comparison, offline.

    Raises
    ------
    InputError
        When nothing was compared and nothing failed, or the viewer of the other pages is not installed.
    """
    if not result.pairs and not result.failures:
        raise InputError("There is nothing to report: no molecule and no failure.")
    title = " and ".join(result.labels.values())
    write_text(path, render_template("compare.html.j2", title, comparison_payload(result), _STYLES, _SCRIPTS))


def comparison_payload(result: SideBySide) -> dict[str, Any]:
    """Everything the page needs, as one JSON-ready dictionary."""
    summary = result.summary()
    rows: dict[str, Mapping[str, Any]] = {}
    if summary:
        rows["A against B"] = summary["between"]
        rows |= {f"Two halves of {side.upper()}": summary[f"halves_{side}"] for side in SIDES}
    spacings = sorted({pair.frame_ps for pair in result.pairs.values()})
    return {
        "labels": result.labels,
        "headline": headline(COLUMNS, rows, {}),
        "caption": (
            "Jensen-Shannon distance over all frames, mean / median over all molecules and features, below it the 95 % "
            "bootstrap interval of the mean over molecules: 0 is equal, 0.83 nothing in common. Neither side is the "
            "truth. Two halves of one side differ by chance and slow motions alone, from half of its frames; what A "
            "and B differ by beyond that is a difference between them."
        ),
        "facts": [
            *([side.upper(), _fact(result, side)] for side in SIDES),
            ["Spacing of times and TICA", ", ".join(f"{each:g} ps" for each in spacings)],
            ["TICA", f"fitted on both together, at a lag of {LAG_FRAMES} frames"],
            ["Seed", str(result.config.seed)],
        ],
        "failures": result.failures,
        "molecules": [_molecule(name, pair) for name, pair in result.pairs.items()],
    }


def torsion_rows(pair: Pair) -> list[dict[str, str]]:
    """A row of text for each torsion: label, wells, populations and times of both sides with intervals, JSD."""
    symbols = [atom.GetSymbol() for atom in pair.molecule.rdmol.GetAtoms()]
    rows = []
    for k, wells in enumerate(pair.wells):
        row = {
            "label": atom_label(pair.features.torsions[k], symbols),
            "wells": " | ".join("none" if np.isnan(each) else f"{round(each)}°" for each in wells.middle_degrees),
            "jsd": f"{pair.jsd['torsion'][k]:.3f}",
        }
        for i, name in enumerate(SIDES):
            spans = zip(100 * wells.shares[i], 100 * wells.intervals[i], strict=True)
            row[name] = " | ".join(f"{share:.0f} ({low:.0f}–{high:.0f})" for share, (low, high) in spans)
            row[f"time_{name}"] = _time(pair.sides[name].times, k, pair.frame_ps)
        rows.append(row)
    return rows


def times_alike(pair: Pair) -> str:
    """How many torsions remember as long on both sides within a factor of two, of those measured on both."""
    a, b = (pair.sides[name].times.ps[pair.measured] for name in SIDES)
    alike = (a <= FACTOR * b) & (b <= FACTOR * a)
    return f"{int(alike.sum())} of {len(alike)}"


def _time(times: PooledTimes, k: int, frame_ps: float) -> str:
    if not np.isfinite(times.ps[k]):
        return f"over {times.bound_ps:.0f}"
    if times.ps[k] < frame_ps:
        return f"under {frame_ps:g}"
    if np.isnan(times.low[k]):
        return f"{times.ps[k]:.0f}"
    high = f"{times.high[k]:.0f}" if np.isfinite(times.high[k]) else f"over {times.bound_ps:.0f}"
    return f"{times.ps[k]:.0f} ({times.low[k]:.0f}–{high})"


def _fact(result: SideBySide, side: str) -> str:
    made = sorted({text for pair in result.pairs.values() if (text := made_by(pair.sides[side].meta))})
    return result.labels[side] + (f": {'; '.join(made)}" if made else "")


def _molecule(name: str, pair: Pair) -> dict[str, Any]:
    symbols = [atom.GetSymbol() for atom in pair.molecule.rdmol.GetAtoms()]
    maps, span = pair.maps()
    curves = pair.autocorrelations() if len(pair.features.torsions) else {}
    sides = pair.to_dict()["sides"]
    return {
        "name": name,
        "smiles": pair.molecule.smiles,
        "formula": rdMolDescriptors.CalcMolFormula(pair.molecule.rdmol),
        "values": {
            **{kind: float(values.mean()) if len(values) else None for kind, values in pair.jsd.items()},
            "tica_0": pair.tica_0,
            "tica_01": pair.tica_01,
        },
        "shift": max((float(np.abs(w.shares[0] - w.shares[1]).max()) for w in pair.wells), default=None),
        "times": times_alike(pair),
        "notes": pair.notes,
        "sides": [
            [
                side.upper(),
                each["trajectories"],
                each["frames"],
                each["frame_ps"],
                each["stereo_retention"],
                each["valid"],
            ]
            for side, each in sides.items()
        ],
        "torsions": torsion_rows(pair),
        "features": _features(pair, symbols),
        "tica": {_COLOURS[side]: grid.ravel().tolist() for side, grid in maps.items()},
        "tica_range": np.round(span, 3).tolist(),
        "autocorrelations": [
            {
                "label": atom_label(atoms, symbols),
                "curves": {
                    _COLOURS[s]: np.round(x[:, k], 3).tolist() for s, x in curves.items() if np.isfinite(x[:, k]).all()
                },
                "said": "A {}, B {}".format(*(_time(pair.sides[s].times, k, pair.frame_ps) for s in SIDES)) + " ps",
            }
            for k, atoms in enumerate(pair.features.torsions)
        ],
        "frame_ps": pair.frame_ps,
    }


_COLOURS = {"a": "reference", "b": "generated"}
"""Names that style and charts have for the two colours."""


def _features(pair: Pair, symbols: list[str]) -> list[dict[str, Any]]:
    """Every torsion, and the bond length and angle that differ most."""
    counts = {_COLOURS[name]: side.observed.histograms() for name, side in pair.sides.items()}
    result = []
    for kind, atoms in (
        ("torsion", pair.features.torsions), ("length", pair.features.bonds), ("angle", pair.features.angles),
    ):  # fmt: skip
        order = np.argsort(-pair.jsd[kind], kind="stable")
        scale, unit, digits = SCALES[kind]
        for k in (order if kind == "torsion" else order[:1]).tolist():
            result.append(
                {
                    "kind": kind, "rank": "" if kind == "torsion" else "most different", "unit": unit, "digits": digits,
                    "label": atom_label(atoms[k], symbols), "range": [scale * edge for edge in RANGES[kind]],
                    "jsd": {"generated": float(pair.jsd[kind][k])},
                    "counts": {side: each[kind][k].tolist() for side, each in counts.items()},
                }
            )  # fmt: skip
    return result
