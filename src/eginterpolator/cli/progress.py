"""Progress on stderr: a bar with an estimate on a terminal, a plain line at every tenth elsewhere."""

from __future__ import annotations

import itertools
import sys
import time
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
    """

    def __init__(self, total: float, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        console = Console(stderr=True)
        self.total, self.quiet, self.plain = max(total, 1e-9), quiet, not console.is_terminal
        self.done, self.tenth, self.label, self.began = 0.0, 0, "", time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.bar = RichProgress(*columns, console=console, disable=quiet or self.plain, transient=False)
        self.task = self.bar.add_task("", total=self.total)

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
        self.bar.update(self.task, completed=self.done)
        tenth = int(10 * self.done / self.total)
        if self.plain and not self.quiet and tenth > self.tenth:
            self.tenth = tenth
            spent = time.monotonic() - self.began
            left = spent * (self.total / self.done - 1)
            print(f"{self.label}: {10 * tenth} %, {spent:.0f} s, about {left:.0f} s left", file=sys.stderr, flush=True)

    def advance(self, amount: float) -> None:
        """`amount` more is finished."""
        self.to(self.done + amount)

    def hooks(self, each: float) -> Hooks:
        """Hooks of a run over molecules, with `each` units of work in every one of them."""
        from eginterpolator.jobs.molecules import Hooks

        ends = itertools.count(1)

        def finish(molecule: Molecule, outcome: str) -> None:
            self.describe(molecule.name)
            self.to(each * next(ends))

        return Hooks(start=lambda molecule: self.describe(molecule.name), step=self.advance, finish=finish)
