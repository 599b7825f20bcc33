"""Torsion histograms around the 2D drawing of their molecule: one SVG, with the page's colours or its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import numpy as np

from eginterpolator.chemistry.drawing import drawing
from eginterpolator.chemistry.molecule import Molecule

WIDTH, DRAWING_HEIGHT = 760, 250
RADIUS = 42.0
_ROW = 2 * RADIUS + 46
SECTORS = 50
_COLOURS = {"--reference": "#d9480f", "--series": "#2a8fa8", "--muted": "#64707f", "--line": "#c3cad2"}


def torsion_map(
    molecule: Molecule,
    quadruples: np.ndarray,
    histograms: dict[str, np.ndarray],
    jsd: Sequence[float | None],
    standalone: bool = False,
) -> str:
    """Draw a round histogram of each torsion around the molecule, joined to its bond by a line.

    0 degrees is up, positive angles go clockwise, and the area of a sector is its share of the frames. The reference is
    filled, what was generated is an outline.

    Parameters
    ----------
    molecule : Molecule
    quadruples : int64 [K, 4]
        Torsions, as `features.torsion_quadruples` gives them.
    histograms : dict
        `reference` and perhaps `generated` -> counts [K, bins] over -180 to 180 degrees.
    jsd : sequence of float or None
        Written under each histogram where there is one.
    standalone : bool
        A file of its own: colours are written into it, on white.

    Returns
    -------
    str
        One `<svg>` element.
    """
    svg, places = drawing(molecule)
    box = [float(v) for v in re.search(r"viewBox='([^']+)'", svg).group(1).split()]  # type: ignore[union-attr]
    left = (WIDTH - box[2]) / 2
    rows = 2 if len(quadruples) > 1 else len(quadruples)
    top = _ROW if rows == 2 else 0.0
    height = DRAWING_HEIGHT + rows * _ROW
    middles = np.array([places[[b, c]].mean(axis=0) for _, b, c, _ in quadruples]).reshape(-1, 2) + [left, top]
    slots = _slots(len(quadruples), height)
    chosen = _assign(middles, slots)
    symbols = [atom.GetSymbol() for atom in molecule.heavy_mol.GetAtoms()]
    inner = re.sub(r"^<svg[^>]*>|</svg>$", "", svg)
    parts = [f'<g transform="translate({left:.1f} {top:.1f})">{inner}</g>']
    for k, quad in enumerate(quadruples.tolist()):
        x, y = chosen[k]
        mx, my = middles[k]
        reach = np.hypot(mx - x, my - y) or 1.0
        ex, ey = x + (mx - x) / reach * (RADIUS + 3), y + (my - y) / reach * (RADIUS + 3)
        label = "–".join(f"{symbols[i]}{i + 1}" for i in quad)
        value = "" if jsd[k] is None else f"JSD {jsd[k]:.2f}"
        caption = y + RADIUS + 14 if y > height / 2 else y - RADIUS - 18
        parts.append(
            f'<g class="rose" data-torsion="{k}"><title>{escape(label)} {value}</title>'
            f'<line class="leader" x1="{ex:.1f}" y1="{ey:.1f}" x2="{mx:.1f}" y2="{my:.1f}"/>'
            f'<circle class="hub" cx="{mx:.1f}" cy="{my:.1f}" r="3"/>'
            f'<circle class="rim" cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}"/>'
            f'<path class="spokes" d="M{x:.1f} {y - RADIUS:.1f}v{2 * RADIUS}M{x - RADIUS:.1f} {y:.1f}h{2 * RADIUS}"/>'
            + _petals(k, histograms, x, y)
            + f'<text class="label" x="{x:.1f}" y="{caption:.1f}">{label}</text>'
            + f'<text class="value" x="{x:.1f}" y="{caption + 13:.1f}">{value}</text></g>'
        )
    style = _style() if standalone else ""
    ground = f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>' if standalone else ""
    return (
        f'<svg class="torsion-map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}">'
        f"{style}{ground}{''.join(parts)}</svg>"
    )


def _slots(count: int, height: float) -> np.ndarray:
    """Centres of `count` histograms: a row above the drawing and one below, [count, 2]."""
    above = count // 2
    rows = [(above, RADIUS + 32.0), (count - above, height - RADIUS - 32.0)]
    return np.array([((k + 0.5) * WIDTH / n, y) for n, y in rows for k in range(n)]).reshape(-1, 2)


def _assign(points: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """The slot of each point such that all lines together are shortest: [K, 2]."""
    from scipy.optimize import linear_sum_assignment

    if not len(points):
        return slots
    cost = ((points[:, None] - slots[None]) ** 2).sum(axis=-1)
    return np.asarray(slots[linear_sum_assignment(cost)[1]])


def _petals(k: int, histograms: dict[str, np.ndarray], x: float, y: float) -> str:
    shares = {}
    for name, counts in histograms.items():
        sectors = np.asarray(counts[k], dtype=float).reshape(SECTORS, -1).sum(axis=1)
        shares[name] = sectors / max(sectors.sum(), 1.0)
    largest = max(share.max() for share in shares.values()) or 1.0
    edges = np.linspace(-np.pi, np.pi, SECTORS + 1)
    paths = []
    for name, share in shares.items():
        radii = RADIUS * np.sqrt(share / largest)
        corners = [
            (x + r * np.sin(angle), y - r * np.cos(angle))
            for r, low, high in zip(radii, edges[:-1], edges[1:], strict=True)
            for angle in (low, high)
        ]
        paths.append(f'<path class="{name}" d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in corners)}Z"/>')
    return "".join(paths)


def _style() -> str:
    rules = """svg{color:#16202c;fill:none;font-family:sans-serif}.leader{stroke:var(--line);stroke-dasharray:3 3}
.hub{fill:var(--muted)}.rim,.spokes{stroke:var(--line)}.reference{fill:var(--reference);fill-opacity:.45}
.generated{stroke:var(--series);stroke-width:1.6}
.label,.value{text-anchor:middle;font-size:11px;fill:#16202c}.value{fill:var(--muted)}"""
    for name, colour in _COLOURS.items():
        rules = rules.replace(f"var({name})", colour)
    return f"<style>{rules}</style>"
