"""Still figures of an evaluation, PNG and SVG: the table with its intervals, and each molecule. Needs matplotlib."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from eginterpolator.analysis.names import atom_label
from eginterpolator.chemistry.features import FeatureSet
from eginterpolator.errors import InputError
from eginterpolator.evaluation.comparison import Comparison
from eginterpolator.evaluation.curves import Curves
from eginterpolator.evaluation.distributions import RANGES
from eginterpolator.evaluation.trajectories import Evaluation
from eginterpolator.files.io import atomic_path, write_text
from eginterpolator.report.torsion_map import torsion_map

_COLOURS = {"reference": "#d9480f", "generated": "#2a8fa8", "oracle": "#8a96a3"}
_LABELS = {"reference": "reference", "generated": "generated", "oracle": "held-out replicas"}
_METRICS = {
    "length": "bond length", "angle": "bond angle", "torsion": "torsion", "tica_0": "TICA 0", "tica_01": "TICA 0,1",
    "msm": "MSM",
}  # fmt: skip
_MAP_TOP = 7.0


def require_matplotlib() -> None:
    """Raise InputError with the command that helps when matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise InputError("Figures need matplotlib; run 'pip install matplotlib'.") from error


def write_figures(folder: str | os.PathLike[str], evaluation: Evaluation) -> list[Path]:
    """Write `summary` and one figure a molecule, each as .png and .svg, and `<name>_torsions.svg`; the files written.

    Raises
    ------
    InputError
        When matplotlib is missing, or the evaluation was made without `EvaluationConfig(curves=True)`.
    """
    require_matplotlib()
    if not evaluation.curves:
        raise InputError("Figures need the curves of each molecule; evaluate with EvaluationConfig(curves=True).")
    root = Path(folder)
    written = _save(_summary(evaluation), root / "summary")
    for name, curves in evaluation.curves.items():
        judged = evaluation.generated.get(name) or evaluation.oracle.get(name)
        if judged is None:
            continue
        written += _save(_molecule(name, curves, judged), root / name)
        torsions = FeatureSet.of(curves.molecule).torsions
        if len(torsions):
            counts = {source: found["torsion"] for source, found in curves.histograms.items() if source != "oracle"}
            drawn = torsion_map(curves.molecule, torsions, counts, judged.jsd["torsion"].tolist(), standalone=True)
            write_text(root / f"{name}_torsions.svg", drawn)
            written.append(root / f"{name}_torsions.svg")
    return written


def _figure(width: float, height: float) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, stem: Path) -> list[Path]:
    paths = [stem.with_name(f"{stem.name}{suffix}") for suffix in (".png", ".svg")]
    for path in paths:
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=110)
    return paths


def _summary(evaluation: Evaluation) -> Any:
    """Mean of each metric with its bootstrap interval: generated and oracle."""
    values = evaluation.to_dict()
    figure = _figure(8, 3.2)
    axes = figure.add_subplot()
    for shift, source in ((-0.13, "generated"), (0.13, "oracle")):
        found = [(k, values[source][key]) for k, key in enumerate(_METRICS) if values[source].get(key)]
        if found:
            means = np.array([row["mean"] for _, row in found])
            spans = np.array([row["mean_95"] for _, row in found]).T
            places = np.array([k for k, _ in found]) + shift
            error = np.maximum([means - spans[0], spans[1] - means], 0.0)
            label = f"{_LABELS[source]}, {values[source]['molecules']} molecules"
            axes.errorbar(places, means, error, fmt="o", color=_COLOURS[source], label=label, capsize=3)
    axes.set_xticks(range(len(_METRICS)), _METRICS.values())
    axes.set_ylabel("Jensen-Shannon distance\nmean, 95 % over molecules")
    axes.set_ylim(0, float(np.sqrt(np.log(2))))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _molecule(title: str, curves: Curves, judged: Comparison) -> Any:
    """Worst and median feature of each kind, free-energy maps, autocorrelations."""
    features = FeatureSet.of(curves.molecule)
    symbols = [atom.GetSymbol() for atom in curves.molecule.rdmol.GetAtoms()]
    figure = _figure(12, 6.5)
    figure.suptitle(f"{title}  {curves.molecule.smiles}", fontsize=10, parse_math=False)
    grid = figure.add_gridspec(3, 4)
    rows = (("length", features.bonds), ("angle", features.angles), ("torsion", features.torsions))
    for row, (kind, atoms) in enumerate(rows):
        order = np.argsort(judged.jsd[kind])
        picks = (("worst", order[-1:]), ("median", order[(len(order) - 1) // 2 : (len(order) + 1) // 2]))
        for column, (rank, chosen) in enumerate(picks):
            if len(chosen):
                k = int(chosen[0])
                axes = figure.add_subplot(grid[row, column])
                _histogram(axes, kind, {source: found[kind][k] for source, found in curves.histograms.items()})
                heading = f"{rank} {kind} {atom_label(atoms[k], symbols)}, JSD {judged.jsd[kind][k]:.3f}"
                axes.set_title(heading, fontsize=8, loc="left")
    sources: list[str] = [source for source in ("reference", "generated") if source in curves.tica]
    largest = max((float((c / max(c.sum(), 1)).max()) for c in curves.tica.values()), default=1.0)
    for column, source in enumerate(sources, 2):
        axes = figure.add_subplot(grid[0, column])
        counts = curves.tica[source]
        with np.errstate(divide="ignore"):
            energy = -np.log(counts / max(counts.sum(), 1) / largest)
        energy[~np.isfinite(energy)] = np.nan
        extent = tuple(curves.tica_range.ravel())
        image = axes.imshow(
            energy.T, origin="lower", extent=extent, aspect="auto", cmap="viridis_r", vmin=0, vmax=_MAP_TOP
        )
        axes.set_title(f"{_LABELS[source]}, free energy / kT", fontsize=8, loc="left")
        axes.set(xlabel="TICA 0", ylabel="TICA 1")
        if column == 3 or len(sources) == 1:
            figure.colorbar(image, ax=axes)
    if len(features.torsions):
        axes = figure.add_subplot(grid[1:, 2:])
        for name, values in curves.autocorrelations.items():
            times = np.arange(len(values)) * curves.frame_ps
            for k, column_values in enumerate(values.T):
                style = {"color": _COLOURS[name], "linewidth": 1.0, "alpha": 0.8}
                axes.plot(times, column_values, label=_LABELS[name] if k == 0 else None, **style)
        axes.axhline(np.exp(-1), color="#64707f", linestyle=":", linewidth=0.8)
        axes.set_xlabel("time / ps")
        axes.set_title("autocorrelation of each torsion", fontsize=8, loc="left")
        axes.legend(frameon=False, fontsize=8)
    return figure


def _histogram(axes: Any, kind: str, counts: dict[str, np.ndarray]) -> None:
    low, high = RANGES[kind]
    scale = 1.0 if kind == "length" else 180 / np.pi
    edges = np.linspace(low, high, len(counts["reference"]) + 1) * scale
    for source, values in counts.items():
        filled = source == "reference"
        axes.stairs(
            values / max(values.sum(), 1), edges, fill=filled, color=_COLOURS[source], alpha=0.4 if filled else 1.0,
            label=_LABELS[source],
        )  # fmt: skip
    used = np.flatnonzero(sum(counts.values()))
    axes.set_xlim(edges[max(used[0] - 1, 0)], edges[min(used[-1] + 2, len(edges) - 1)])
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right", "left"]].set_visible(False)
