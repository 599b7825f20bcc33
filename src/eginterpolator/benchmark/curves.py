"""Learning curves: held-out loss and Jensen-Shannon distances against processor time, as numbers and as pictures."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path

LOSS = "val/loss"
JUDGED = ("length", "angle", "torsion", "tica_0", "decorrelation")
"""Distances of a snapshot's trajectories to MD that a learning curve shows."""
WIDTH, HEIGHT, MARGIN = 640, 320, 48
COLOURS = ("#1b6ca8", "#c8553d", "#2a7f62", "#8a4fa3", "#b58900", "#555f6b", "#d1495b", "#00798c", "#66462c")


def held_out_losses(run: Path) -> list[tuple[int, float]]:
    """(updates, held-out loss) of a training run, as its log has them; none without a log."""
    path = run / "csv" / "metrics.csv"
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get(LOSS)]
    return [(int(row["step"]) + 1, float(row[LOSS])) for row in rows]


def late_fall(run: Path) -> float:
    """Share by which the held-out loss fell over the last third of a run; 0 where too few values say."""
    losses = held_out_losses(run)
    if len(losses) < 4:
        return 0.0
    last = losses[-1][0]
    before = [value for step, value in losses if step <= 2 * last / 3]
    return 1.0 - losses[-1][1] / before[-1] if before and before[-1] > 0 else 0.0


def spent_minutes(model_folder: Path) -> tuple[int, float]:
    """Updates of a run's weights, and its processor minutes."""
    trained = json.loads((model_folder / "config.json").read_text(encoding="utf-8"))["trained"]
    return int(trained["steps"]), float(trained["cpu_seconds"]) / 60


def loss_curve(runs: Sequence[Path]) -> list[dict[str, float]]:
    """`minutes`, `updates` and `loss` over the runs of a system, one after the other.

    Processor time is shared evenly among the updates of a run.
    """
    points, updates, minutes = [], 0, 0.0
    for run in runs:
        steps, spent = spent_minutes(run / "model")
        for step, loss in held_out_losses(run):
            points.append({"minutes": minutes + spent * step / steps, "updates": updates + step, "loss": loss})
        updates, minutes = updates + steps, minutes + spent
    return points


def snapshots(runs: Sequence[Path]) -> list[tuple[Path, int, float]]:
    """Model folders along the runs of a system, with their updates and processor minutes, ascending."""
    found, updates, minutes = [], 0, 0.0
    for run in runs:
        for folder in sorted((run / "snapshots").glob("*")):
            step, spent = spent_minutes(folder)
            found.append((folder, updates + step, minutes + spent))
        steps, spent = spent_minutes(run / "model")
        updates, minutes = updates + steps, minutes + spent
    return found


def picture(title: str, curves: dict[str, list[tuple[float, float]]]) -> str:
    """An SVG of curves by name: minutes on a logarithmic axis, values on another; '' where nothing can be drawn."""
    drawn = {name: [(x, y) for x, y in points if x > 0 and y > 0] for name, points in curves.items()}
    drawn = {name: points for name, points in drawn.items() if len(points) > 1}
    if not drawn:
        return ""
    xs = [math.log(x) for points in drawn.values() for x, _ in points]
    ys = [math.log(y) for points in drawn.values() for _, y in points]
    (left, right), (low, high) = (min(xs), max(xs)), (min(ys), max(ys))

    def place(x: float, y: float) -> str:
        across = (math.log(x) - left) / ((right - left) or 1)
        up = (math.log(y) - low) / ((high - low) or 1)
        return f"{MARGIN + across * (WIDTH - 2 * MARGIN):.1f},{HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN):.1f}"

    unit = f"{math.exp(right):.3g} processor minutes"
    lines, names = [], []
    for k, (name, points) in enumerate(drawn.items()):
        colour = COLOURS[k % len(COLOURS)]
        path = " ".join(place(x, y) for x, y in points)
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        names.append(f'<text x="{WIDTH + 8}" y="{MARGIN + 18 * k}" fill="{colour}">{_escaped(name)}</text>')
    ends = [
        f'<text x="{MARGIN}" y="{HEIGHT - 16}">{math.exp(left):.3g}</text>',
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 16}" text-anchor="end">{unit}</text>',
        f'<text x="4" y="{HEIGHT - MARGIN}">{math.exp(low):.3g}</text>',
        f'<text x="4" y="{MARGIN}">{math.exp(high):.3g}</text>',
        f'<text x="{MARGIN}" y="20" font-weight="600">{_escaped(title)}</text>',
    ]
    frame = f'<path fill="none" stroke="#8794a3" d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 240} {HEIGHT}" width="{WIDTH + 240}" '
        f'font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="{_escaped(title)}">'
        f"{frame}{''.join(lines)}{''.join(names)}{''.join(ends)}</svg>"
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
