"""What workers finish in any order is told in the order of the input."""

from __future__ import annotations

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.inputs import Failure
from eginterpolator.jobs import molecules as jobs
from eginterpolator.jobs.tasks import Outcome


def test_results_and_failures_follow_the_input(tmp_path, monkeypatch):
    given = [Molecule.from_smiles("C" * (k + 1), name) for k, name in enumerate("edcba")]

    def backwards(task, items, workers=None, *, shared=None, started=None, step=None):
        for index, item in reversed(list(enumerate(items))):
            reason = "no" if item.name in "eb" else None
            yield Outcome(index, {"x": item.name}, reason)

    monkeypatch.setattr(jobs, "fan_out", backwards)
    bad = [Failure("first", "C(", "not a SMILES")]
    result = jobs.run_molecules(given, tmp_path, lambda m, s: {}, lambda m: None, ("name", "x"), failures=bad)
    assert result.done == ["d", "c", "a"] and [row["name"] for row in result.rows] == ["d", "c", "a"]
    assert [failure.name for failure in result.failures] == ["first", "e", "b"]
    lines = (tmp_path / "failures.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["first", "e", "b"]


def test_what_the_system_refuses_stays_with_its_molecule(tmp_path):
    given = [Molecule.from_smiles("C", "a"), Molecule.from_smiles("CC", "x" * 300)]

    def finished(molecule):
        return (tmp_path / molecule.name / "meta.json").read_text() if (tmp_path / molecule.name).exists() else None

    def task(molecule, step):
        (tmp_path / molecule.name).mkdir()
        return {}

    result = jobs.run_molecules(given, tmp_path, task, finished, ("name",))
    assert result.done == ["a"] and "File name too long" in result.failures[0].reason
