"""A still picture of a trajectory: superposed frames and torsions, for a README or a slide. Needs matplotlib."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from eginterpolator.errors import InputError
from eginterpolator.files.io import atomic_path
from eginterpolator.report.geometry import HISTOGRAM_BINS, principal_frame, superpose, torsion_histogram

if TYPE_CHECKING:
    from eginterpolator.files.trajectory import Trajectory

_COLOURS = {
    6: "#3b4754", 7: "#3868e0", 8: "#e0392f", 9: "#2f9e5b", 15: "#d97f1a", 16: "#c79a00", 17: "#2f9e5b", 35: "#a64f24",
}  # fmt: skip
_SERIES, _MUTED, _LINE = "#2a8fa8", "#64707f", "#d5dbe1"
_SUFFIXES = (".png", ".svg", ".pdf")
_MAX_TORSIONS = 4


def trajectory_picture(
    trajectory: Trajectory, path: str | os.PathLike[str], n_frames: int = 40, width_inch: float = 9.0
) -> None:
    """Draw evenly spaced frames on top of each other, the first one bold, and beside them how the torsions move.

    Parameters
    ----------
    trajectory : Trajectory
        What to draw: its heavy atoms, superposed on the first frame and seen along its thinnest axis.
    path : path
        A .png, .svg or .pdf, written whole or not at all.
    n_frames : int
        How many frames to draw, at most.
    width_inch : float
        Width of the picture.

    Raises
    ------
    InputError
        For another suffix, for no finite frame, or without matplotlib.
    """
    from eginterpolator.chemistry.features import torsion_quadruples, torsions

    if not os.fspath(path).lower().endswith(_SUFFIXES):
        raise InputError(f"A picture is written as {', '.join(_SUFFIXES)}, not as '{os.fspath(path)}'.")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("A picture needs matplotlib; run 'pip install matplotlib'.") from error
    molecule = trajectory.molecule
    finite = np.isfinite(trajectory.heavy).all(axis=(1, 2))
    heavy = trajectory.heavy[finite].astype(np.float64)
    if not len(heavy):
        raise InputError(f"The trajectory of '{molecule.name}' has no frame with finite coordinates to draw.")
    chosen = heavy[np.unique(np.linspace(0, len(heavy) - 1, n_frames).round().astype(int))]
    frames = superpose(chosen, principal_frame(chosen[0], molecule.n_heavy), molecule.n_heavy)
    quads = torsion_quadruples(molecule)[:_MAX_TORSIONS]
    share = 0.52 if len(quads) else 1.0  # of the width, for the molecule
    low, high = frames[..., :2].min(axis=(0, 1)) - 0.5, frames[..., :2].max(axis=(0, 1)) + 0.5
    height = width_inch * share * float(np.clip((high - low)[1] / (high - low)[0], 0.62, 1.2))
    figure = Figure(figsize=(width_inch, height), facecolor="white")
    FigureCanvasAgg(figure)
    view = figure.add_axes((0, 0, share, 1))
    view.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    view.axis("off")
    bonds = molecule.heavy_bonds
    colours = [_COLOURS.get(int(number), "#8a5fbf") for number in molecule.atomic_numbers[: molecule.n_heavy]]
    scale = min(width_inch * share * 72 / (high - low)[0], height * 72 / (high - low)[1])  # points an Å
    for frame in frames[1:]:
        _draw_frame(view, frame, bonds, colours, 0.09 * scale, alpha=0.2)
    _draw_frame(view, frames[0], bonds, colours, 0.24 * scale, halo=0.1 * scale)
    if len(quads):
        angles = np.degrees(torsions(heavy, quads))
        times_ns = trajectory.times_ps[finite] / 1000
        symbols = [atom.GetSymbol() for atom in molecule.heavy_mol.GetAtoms()]
        for k, quad in enumerate(quads.tolist()):
            label = "–".join(f"{symbols[i]}{i + 1}" for i in quad)
            _draw_torsion(figure, share, k, len(quads), times_ns, angles[:, k], label)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=180)


def _draw_frame(
    axes: Any,
    frame: np.ndarray,
    bonds: np.ndarray,
    colours: list[str],
    width: float,
    alpha: float = 1.0,
    halo: float = 0,
) -> None:
    """Bonds in two halves of their atoms' colours, those behind first, on a white ground `halo` points wider."""
    cap = "round" if halo else "butt"
    for i, j in bonds.tolist() if halo else ():
        axes.plot(*frame[[i, j], :2].T, color="white", linewidth=width + halo, solid_capstyle=cap)
    for i, j in sorted(bonds.tolist(), key=lambda bond: float(frame[bond, 2].mean())):
        middle = frame[[i, j], :2].mean(axis=0)
        halves = [(i, cap), (j, cap)] + ([(i, "butt")] if halo else [])  # j's round end must not stay on i's half
        for atom, style in halves:
            half = np.stack([frame[atom, :2], middle])
            axes.plot(*half.T, color=colours[atom], linewidth=width, alpha=alpha, solid_capstyle=style)


def _draw_torsion(
    figure: Any, share: float, k: int, count: int, times_ns: np.ndarray, angles: np.ndarray, label: str
) -> None:
    """Row `k` of `count`: the angle against time, and its histogram standing beside it."""
    top, bottom = 0.94, 0.13
    row = (top - bottom) / count
    base = top - (k + 1) * row + 0.12 * row
    series = figure.add_axes((share + 0.06, base, 0.92 - share - 0.13, 0.74 * row))
    counts = figure.add_axes((0.87, base, 0.11, 0.74 * row))
    series.plot(times_ns, angles, ".", color=_SERIES, markersize=1.8)
    edges = np.linspace(-180, 180, HISTOGRAM_BINS + 1)
    counts.barh(edges[:-1], torsion_histogram(np.radians(angles)), height=np.diff(edges), align="edge", color=_SERIES)
    series.set_xlim(0, max(float(times_ns[-1]), 1e-6))
    for axes in (series, counts):
        axes.set_ylim(-180, 180)
        axes.set_yticks([-180, 0, 180] if axes is series else [])
        axes.tick_params(labelsize=7, length=2, colors=_MUTED)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_LINE)
    counts.set_xticks([])
    series.set_title(f"torsion {label}, degrees", fontsize=7.5, color=_MUTED, loc="left", pad=2)
    if k < count - 1:
        series.set_xticklabels([])
    else:
        series.set_xlabel("time, ns", fontsize=7.5, color=_MUTED, labelpad=1)
