"""Options that commands share: what they become, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from eginterpolator.cli.options import chosen_workers, finish, parse_batch
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import Failure
from eginterpolator.jobs.molecules import RunResult
from eginterpolator.jobs.tasks import Workers


def test_a_batch_is_a_number_or_auto():
    assert parse_batch("auto") is None and parse_batch("12") == 12
    for text in ("0", "-1", "many", "1.5", ""):
        with pytest.raises(InputError, match="'auto' or a positive number"):
            parse_batch(text)


def test_workers_are_processes_or_a_cluster(tmp_path):
    (tmp_path / "c.yaml").write_text("")
    assert chosen_workers(None, None, 4) is None
    assert chosen_workers(2, None, 3) == Workers(count=2, threads=3)
    for scheduler in ("tcp://host:8786", str(tmp_path / "c.yaml")):
        assert chosen_workers(None, scheduler, None) == Workers(scheduler=scheduler)
    with pytest.raises(InputError, match="not both"):
        chosen_workers(2, "tcp://host:8786", None)
    with pytest.raises(InputError, match="a YAML file that exists"):
        chosen_workers(None, "none.yaml", None)


def test_a_run_ends_with_its_counts_and_its_exit_code(capsys):
    result = RunResult(Path("out"), ["a"], ["b", "c"], [Failure("d", "C(", "it is broken.")], [])
    with pytest.raises(typer.Exit) as stop:
        finish(result, as_json=False)
    out, err = capsys.readouterr()
    assert stop.value.exit_code == 1 and err == "failed: d: it is broken.\n"
    assert out.startswith("1 done, 2 finished before, 1 failed") and out.endswith("results in out\n")
    finish(RunResult(Path("out"), ["a"], [], [], []), as_json=True)
    assert json.loads(capsys.readouterr().out) == {"out": "out", "done": ["a"], "skipped": [], "failures": []}
