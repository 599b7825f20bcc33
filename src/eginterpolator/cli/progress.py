"""Progress on stderr: a bar with an estimate on a terminal, a plain line at every tenth elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.jobs.molecules import Hooks


HALF_SECONDS = 60.0
"""After so long, or after a quarter of the time so far, a molecule's speed counts half as much."""
PRIOR_SECONDS = 5.0
"""What was expected counts as much as so many seconds of work, until the first molecule is finished."""
FIRST_WEIGHT = 0.1
"""Of the first molecule's speed, beside that of the others."""


class Progress:
    """Progress over a known amount of work, in units that the caller counts.

    Parameters
    ----------
    total : float
        Amount of work.
    quiet : bool
        Show nothing.
    start_seconds : float
        What passes before the first work is done, in seconds: it does not count as speed.
    in_seconds : bool
        Work is told in the seconds that it is expected to take: an estimate before any of it is done.
    """

    def __init__(self, total: float, quiet: bool = False, start_seconds: float = 0.0, in_seconds: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        console = Console(stderr=True)
        self.total, self.quiet, self.plain = max(total, 1e-9), quiet, not console.is_terminal
        self.done, self.tenth, self.label, self.began = 0.0, 0, "", time.monotonic()
        self.start_seconds, self.in_seconds = start_seconds, in_seconds
        self.last, self.pace = (0.0, 0.0), (0.0, 0.0)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        self.bar = RichProgress(*columns, console=console, disable=quiet or self.plain, transient=False)
        self.task = self.bar.add_task("", total=self.total, left="")

    def __enter__(self) -> Progress:
        self.bar.start()
        self.bar.update(self.task, left=self._told())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.bar.stop()

    def describe(self, label: str) -> None:
        """What is being worked on now."""
        self.label = label
        self.bar.update(self.task, description=label)

    def to(self, done: float) -> None:
        """`done` of the total is finished."""
        self.done = min(done, self.total)
        self.bar.update(self.task, completed=self.done, left=self._told())
        tenth = int(10 * self.done / self.total)
        if self.plain and not self.quiet and tenth > self.tenth:
            self.tenth = tenth
            spent = time.monotonic() - self.began
            print(f"{self.label}: {10 * tenth} %, {spent:.0f} s, {self._told()}", file=sys.stderr, flush=True)

    def left(self) -> float | None:
        """Seconds that the rest is expected to take; None before anything is done where work is not in seconds.

        At the speed of the molecules after the first, which the start of the process slowed down; what is longer ago
        counts less (`HALF_SECONDS`), since other work of the machine comes and goes. Before that at the
        speed so far, `start_seconds` left out, at most half of what has passed, and with it what was expected.
        """
        spent, rest = time.monotonic() - self.began, self.total - self.done
        ended, finished = self.last
        seconds, work = self.pace
        seconds, work = seconds + spent - ended, work + self.done - finished
        if finished:
            return rest * seconds / work
        prior = min(PRIOR_SECONDS, self.total) if self.in_seconds else 0.0
        if self.done + prior <= 0:
            return None
        since = spent - min(self.start_seconds, spent / 2) if self.done else 0.0
        return rest * (since + prior) / (self.done + prior)

    def finished(self) -> None:
        """A molecule is finished: those after the first tell the speed."""
        now = time.monotonic() - self.began
        ended, before = self.last
        if not before and self.done:  # the first counts little: what is slow about it may be the start
            since = now - min(self.start_seconds, now / 2)
            self.pace = (FIRST_WEIGHT * since, FIRST_WEIGHT * self.done)
        elif before:
            weight = 0.5 ** ((now - ended) / max(HALF_SECONDS, now / 4))
            self.pace = (self.pace[0] * weight + now - ended, self.pace[1] * weight + self.done - before)
        self.last = (now, self.done)

    def _told(self) -> str:
        left = self.left()
        return "" if left is None else f"about {left:.0f} s left"

    def advance(self, amount: float) -> None:
        """`amount` more is finished."""
        self.to(self.done + amount)

    def hooks(self, each: float, weights: Mapping[str, float] | None = None) -> Hooks:
        """Hooks of a run over molecules.

        Parameters
        ----------
        each : float
            Work in every molecule, in the units that its steps are told in.
        weights : mapping, optional
            Share of the total of each molecule, by name, such as its expected seconds; `each` of all of them without.
        """
        from eginterpolator.jobs.molecules import Hooks

        ended = 0.0
        current = each

        def share(molecule: Molecule) -> float:
            return each if weights is None else weights.get(molecule.name, 0.0)

        def start(molecule: Molecule) -> None:
            nonlocal current
            current = share(molecule)
            self.describe(molecule.name)

        def step(amount: float) -> None:
            self.advance(amount * current / each)

        def finish(molecule: Molecule, outcome: str) -> None:
            nonlocal ended
            self.describe(molecule.name)
            if outcome == "finished before":  # no work: it tells nothing of the speed
                self.total = max(self.total - share(molecule), 1e-9)
                self.bar.update(self.task, total=self.total)
                return
            ended += share(molecule)
            self.to(ended)
            self.finished()

        return Hooks(start=start, step=step, finish=finish)
