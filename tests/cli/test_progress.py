"""Progress where there is no terminal."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.cli import progress
from eginterpolator.cli.progress import Progress


def test_progress_is_plain_lines_where_there_is_no_terminal(egi):
    said = egi("generate", "CCO", "--steps", 20, "--out", "a").err.splitlines()
    lines = [line for line in said if not line.startswith("MD in implicit")]  # which a busy machine may add
    assert len(lines) == 10 and lines[0].startswith("CCO: 10 %, ") and lines[-1].startswith("CCO: 100 %")
    assert egi("generate", "CCO", "--steps", 20, "--out", "b", "--quiet").err == ""


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize("seed", range(5))
def test_from_the_second_molecule_on_the_estimate_is_within_30_percent(seed, monkeypatch):
    """Of molecules of very different sizes, on a machine that is 3 times slower than the table, after a slow start."""
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    random = np.random.default_rng(seed)
    molecules = [Molecule.from_smiles("C" * n, f"m{n}") for n in random.permutation(np.arange(4, 20))]
    table = {each.name: 0.1 * each.n_heavy**2 for each in molecules}
    true = {name: 3.0 * seconds * random.normal(1.0, 0.1) for name, seconds in table.items()}
    with Progress(sum(table.values()), quiet=True, start_seconds=3.0) as shown:
        hooks = shown.hooks(8, table)
        assert shown.left() is None
        clock.now += 12.0
        for k, each in enumerate(molecules[:-2]):
            hooks.start(each)
            for _ in range(8):
                clock.now += true[each.name] / 8
                hooks.step(1)
                if k > 0:
                    rest = sum(true[other.name] for other in molecules[k:]) - true[each.name] * (_ + 1) / 8
                    assert shown.left() == pytest.approx(rest, rel=0.3)
            hooks.finish(each, "done")


def test_what_was_finished_before_tells_nothing_of_the_speed(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    before, now, last = (Molecule.from_smiles(s, s) for s in ("CCC", "CCO", "CCN"))
    with Progress(30.0, quiet=True) as shown:
        hooks = shown.hooks(1, {"CCC": 10.0, "CCO": 10.0, "CCN": 10.0})
        hooks.finish(before, "finished before")
        hooks.start(now)
        clock.now += 20.0
        hooks.finish(now, "done")
        assert shown.left() == pytest.approx(20.0) and last.name == "CCN"


def test_what_is_expected_in_seconds_is_told_before_anything_is_done(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    first, second = (Molecule.from_smiles(s, s) for s in ("CCC", "CCO"))
    with Progress(40.0, quiet=True, start_seconds=2.0, in_seconds=True) as shown:
        hooks = shown.hooks(2, {"CCC": 20.0, "CCO": 20.0})
        assert shown.left() == pytest.approx(40.0)
        hooks.start(first)
        clock.now += 32.0  # two to start, thirty for what was expected to take ten
        hooks.step(1)
        assert 30.0 < shown.left() < 90.0, "between what was expected and three times as long"
        clock.now += 30.0
        hooks.step(1)
        hooks.finish(first, "done")
        hooks.start(second)
        clock.now += 10.0
        hooks.step(1)
        assert 10.0 <= shown.left() < 14.0, "nearly at the speed of the second alone"


def test_other_work_of_the_machine_that_ended_is_forgotten(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    molecules = [Molecule.from_smiles("C" * n, f"m{n}") for n in range(2, 14)]
    with Progress(120.0, quiet=True, in_seconds=True) as shown:
        hooks = shown.hooks(1, {each.name: 10.0 for each in molecules})
        for k, each in enumerate(molecules[:10]):
            hooks.start(each)
            clock.now += 60.0 if k < 5 else 20.0
            hooks.finish(each, "done")
        assert 40.0 < shown.left() < 0.8 * (4 * 60.0 + 5 * 20.0) / 9 * 2
