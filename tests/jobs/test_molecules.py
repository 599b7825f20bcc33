"""Fan-out over molecules: order, failures with their reasons, jobs that go on where they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError
from eginterpolator.files.inputs import Failure
from eginterpolator.jobs import cluster
from eginterpolator.jobs.molecules import fan_out, run_molecules
from eginterpolator.jobs.tasks import Workers
from tests.builders.cli import rows
from tests.builders.jobs import square


def test_workers_give_what_this_process_gives(scheduler: str) -> None:
    steps: list[float] = []
    here = list(fan_out(square, range(30), step=steps.append))
    assert [outcome.index for outcome in here] == list(range(30)) and len(steps) == 30
    there = list(fan_out(square, range(30), Workers(scheduler=scheduler)))
    assert sorted(there, key=lambda outcome: outcome.index) == here
    assert [outcome.value for outcome in here if outcome.reason is None][:4] == [0, 1, 4, 16]
    assert (here[3].reason, here[5].reason) == ("three is refused.", "ZeroDivisionError: five breaks")


def test_items_are_read_as_they_are_needed(scheduler: str) -> None:
    read = 0

    def endless() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield 7

    outcomes = fan_out(square, endless(), Workers(scheduler=scheduler))
    assert [next(outcomes).value for _ in range(20)] == [49] * 20
    outcomes.close()  # type: ignore[attr-defined]
    assert 20 <= read <= 20 + 2 * cluster.AHEAD


class Failing:
    """Makes a file a molecule; fails with that of the name `bad` until it may pass."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def __call__(self, molecule: Molecule, step: Callable[[float], None]) -> dict[str, str]:
        if molecule.name == "bad" and not (self.out / "pass").exists():
            raise EGIError("it may not pass.")
        with open(self.out / molecule.name, "a") as stream:
            stream.write("made\n")
        return {"smiles": molecule.smiles}

    def finished(self, molecule: Molecule) -> dict[str, str] | None:
        return {"smiles": molecule.smiles} if (self.out / molecule.name).exists() else None


def test_a_job_goes_on_where_it_was_and_tries_failures_again(tmp_path, scheduler: str) -> None:
    molecules = [
        Molecule.from_smiles("CCO", "first"),
        Molecule.from_smiles("CO", "bad"),
        Molecule.from_smiles("C", "z"),
    ]
    task, unread = Failing(tmp_path), [Failure("odd", "?", "not read.")]
    for workers in (None, Workers(scheduler=scheduler)):
        again = workers is not None
        result = run_molecules(
            molecules, tmp_path, task, task.finished, ("name", "smiles"), failures=unread, workers=workers
        )  # fmt: skip
        assert sorted(result.skipped if again else result.done) == ["first", "z"] and result.exit_code == 1
        reasons = {row["name"]: row["reason"] for row in rows(tmp_path / "failures.csv")}
        assert reasons == {"odd": "not read.", "bad": "it may not pass."}
        assert [row["name"] for row in rows(tmp_path / "summary.csv")] == ["first", "z"]
    (tmp_path / "pass").touch()
    result = run_molecules(
        molecules, tmp_path, task, task.finished, ("name",), workers=Workers(scheduler=scheduler)
    )  # fmt: skip
    assert result.done == ["bad"] and result.exit_code == 0 and rows(tmp_path / "failures.csv") == []
    assert [row["name"] for row in rows(tmp_path / "summary.csv")] == ["first", "bad", "z"]
    assert (tmp_path / "first").read_text() == "made\n"
