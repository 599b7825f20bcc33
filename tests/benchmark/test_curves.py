"""Learning curves: what a log and snapshots say, and their pictures."""

from __future__ import annotations

import json
import re

import pytest

from eginterpolator.benchmark.curves import held_out_losses, late_fall, loss_curve, picture, snapshots


def write_run(folder, losses, seconds=120.0, kept=()):
    """A run's log of (step, loss), the cost of its weights, and of those that it kept on the way."""
    (folder / "csv").mkdir(parents=True)
    rows = [f"{step - 1},,{loss}" for step, loss in losses] + [f"{losses[-1][0]},0.5,"]
    (folder / "csv" / "metrics.csv").write_text("step,train/loss,val/loss\n" + "\n".join(rows) + "\n")
    last = losses[-1][0]
    for name, steps in (("model", last), *((f"snapshots/{k:07d}", k) for k in kept)):
        (folder / name).mkdir(parents=True)
        trained = {"steps": steps, "cpu_seconds": seconds * steps / last}
        (folder / name / "config.json").write_text(json.dumps({"trained": trained}))
    return folder


def test_curves_go_on_over_the_runs_of_a_system(tmp_path):
    first = write_run(tmp_path / "one", [(10, 0.8), (20, 0.6), (30, 0.5), (40, 0.4)], kept=(20, 40))
    second = write_run(tmp_path / "two", [(20, 0.39), (40, 0.38)], seconds=60.0, kept=(40,))
    assert held_out_losses(first) == [(10, 0.8), (20, 0.6), (30, 0.5), (40, 0.4)]
    points = loss_curve([first, second])
    assert [point["updates"] for point in points] == [10, 20, 30, 40, 60, 80]
    assert [point["minutes"] for point in points] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    found = snapshots([first, second])
    assert [(folder.name, updates) for folder, updates, _ in found] == [
        ("0000020", 20),
        ("0000040", 40),
        ("0000040", 80),
    ]
    assert [minutes for *_, minutes in found] == pytest.approx([1.0, 2.0, 3.0])


def test_the_fall_of_the_last_third(tmp_path):
    falling = write_run(tmp_path / "falling", [(10, 0.8), (20, 0.6), (30, 0.5), (40, 0.4)])
    flat = write_run(tmp_path / "flat", [(10, 0.8), (20, 0.4), (30, 0.4), (40, 0.4)])
    short = write_run(tmp_path / "short", [(10, 0.8), (40, 0.4)])
    assert late_fall(falling) == pytest.approx(1 - 0.4 / 0.6)
    assert late_fall(flat) == late_fall(short) == late_fall(tmp_path / "nothing") == 0


def test_a_picture_holds_every_curve_with_two_points():
    drawn = picture(
        "loss <b>", {"one": [(1.0, 2.0), (10.0, 1.0)], "λ & two": [(1.0, 3.0), (5.0, 1.0)], "dot": [(1, 1)]}
    )
    assert drawn.count("<polyline") == 2 and "λ &amp; two" in drawn and "loss &lt;b>" in drawn and "dot" not in drawn
    points = re.search(r'points="([^"]+)"', drawn)
    assert points is not None
    (left, top), (right, bottom) = (map(float, pair.split(",")) for pair in points[1].split())
    assert left < right and top < bottom  # time goes right, a smaller loss is lower
    assert picture("nothing", {"dot": [(1.0, 1.0)]}) == ""
