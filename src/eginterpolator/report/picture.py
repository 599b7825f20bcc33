"""A still picture of a trajectory: superposed frames, for a README or a slide. Needs matplotlib (optional)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from eginterpolator.errors import InputError
from eginterpolator.io import atomic_path
from eginterpolator.report.geometry import principal_frame, superpose

if TYPE_CHECKING:
    from eginterpolator.trajectory import Trajectory

_COLOURS = {
    6: "#3b4754", 7: "#3868e0", 8: "#e0392f", 9: "#2f9e5b", 15: "#d97f1a", 16: "#c79a00", 17: "#2f9e5b", 35: "#a64f24",
}  # fmt: skip
_SUFFIXES = (".png", ".svg", ".pdf")


def trajectory_picture(
    trajectory: Trajectory, path: str | os.PathLike[str], n_frames: int = 40, width_inch: float = 6.0
) -> None:
    """Draw evenly spaced frames of the heavy atoms on top of each other, coloured by element, the first one bold.

    Parameters
    ----------
    trajectory : Trajectory
        What to draw; frames are superposed on the first by their heavy atoms and seen along the thinnest axis.
    path : path
        A .png, .svg or .pdf, written whole or not at all; its ground is transparent.
    n_frames : int
        How many frames to draw, at most.
    width_inch : float
        Width of the picture.

    Raises
    ------
    InputError
        For another suffix, for no finite frame, or without matplotlib.
    """
    if not os.fspath(path).lower().endswith(_SUFFIXES):
        raise InputError(f"A picture is written as {', '.join(_SUFFIXES)}, not as '{os.fspath(path)}'.")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("A picture needs matplotlib; run 'pip install matplotlib'.") from error
    molecule = trajectory.molecule
    heavy = np.asarray(trajectory.positions, dtype=np.float64)[:, : molecule.n_heavy]
    heavy = heavy[np.isfinite(heavy).all(axis=(1, 2))]
    if not len(heavy):
        raise InputError(f"The trajectory of '{molecule.name}' has no frame with finite coordinates to draw.")
    chosen = heavy[np.unique(np.linspace(0, len(heavy) - 1, n_frames).round().astype(int))]
    frames = superpose(chosen, principal_frame(chosen[0], molecule.n_heavy), molecule.n_heavy)[..., :2]
    colours = [_COLOURS.get(int(number), "#8a5fbf") for number in molecule.atomic_numbers[: molecule.n_heavy]]
    i, j = molecule.heavy_bonds.T
    half_bonds = [(a, b, colours[a]) for a, b in zip([*i, *j], [*j, *i], strict=True)]
    low, high = frames.min(axis=(0, 1)) - 0.5, frames.max(axis=(0, 1)) + 0.5
    size = high - low
    figure = Figure(figsize=(width_inch, width_inch * float(size[1] / size[0])))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.axis("off")
    line_width = width_inch * 72 / float(size[0])  # points an Å
    for layer, (alpha, width) in ((frames[1:], (0.16, 0.11)), (frames[:1], (1.0, 0.2))):
        for frame in layer:
            lines = [(frame[a], (frame[a] + frame[b]) / 2) for a, b, _ in half_bonds]
            shades = [colour for _, _, colour in half_bonds]
            axes.add_collection(
                LineCollection(lines, colors=shades, linewidths=line_width * width, alpha=alpha, capstyle="round")
            )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=200, transparent=True)
