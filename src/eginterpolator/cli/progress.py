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
    """

    def __init__(self, total: float, quiet: bool = False, start_seconds: float = 0.0) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        console = Console(stderr=True)
        self.total, self.quiet, self.plain = max(total, 1e-9), quiet, not console.is_terminal
        self.done, self.tenth, self.label, self.began = 0.0, 0, "", time.monotonic()
        self.start_seconds, self.first = start_seconds, (0.0, 0.0)
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
        left = self.left()
        self.bar.update(self.task, completed=self.done, left=f"about {left:.0f} s left" if left is not None else "")
        tenth = int(10 * self.done / self.total)
        if self.plain and not self.quiet and tenth > self.tenth:
            self.tenth = tenth
            spent = time.monotonic() - self.began
            print(f"{self.label}: {10 * tenth} %, {spent:.0f} s, about {left:.0f} s left", file=sys.stderr, flush=True)

    def left(self) -> float | None:
        """Seconds that the rest is expected to take; None before anything is done.

        At the speed since the first molecule was finished, which the start of the process slowed down; before that at
        the speed so far, `start_seconds` left out, at most half of what has passed.
        """
        spent = time.monotonic() - self.began
        began, before = self.first
        if self.done - before <= 0:
            began, before = 0.0, 0.0
        if self.done <= 0:
            return None
        since = spent - began if before else spent - min(self.start_seconds, spent / 2)
        return (self.total - self.done) * since / (self.done - before)

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
            if self.first == (0.0, 0.0) and ended:
                self.first = (time.monotonic() - self.began, ended)

        return Hooks(start=start, step=step, finish=finish)
