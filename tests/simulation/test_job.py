"""Simulations of many molecules: resume, failures, nothing left behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import pytest

from eginterpolator.errors import InputError
from tests.builders.cli import contents, rows
from tests.builders.simulation import SHORT, needs_md


@needs_md
def test_a_job_resumes_and_lists_its_failures(tmp_path, monkeypatch) -> None:
    from eginterpolator.files.folder import read_molecule_folder
    from eginterpolator.files.inputs import read_inputs
    from eginterpolator.simulation.engines import openmm
    from eginterpolator.simulation.job import simulate_many

    table = tmp_path / "in.smi"
    table.write_text("CCO ethanol\nC[C@H](O)CC butanol\nthis_is_wrong bad\n[Fe] iron\n")
    molecules, failures = read_inputs(str(table))
    assert [failure.name for failure in failures] == ["bad"]
    out, settings = tmp_path / "out", {"replicas": 2, "ns": 0.002, "save_ps": 0.1, "engine": "openmm"}

    calls, run_replica = [], openmm.run_replica

    def interrupted(molecule, *args, **kwargs):
        calls.append(molecule.name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return run_replica(molecule, *args, **kwargs)

    monkeypatch.setattr(openmm, "run_replica", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate_many(molecules, out, SHORT, failures=failures, **settings)
    assert (out / "ethanol").is_dir() and not (out / "butanol").exists()

    result = simulate_many(molecules, out, SHORT, failures=failures, **settings)
    assert calls == ["ethanol", "ethanol", "butanol", "butanol", "butanol"]  # only the lost replica again
    assert [row["resumed"] for row in result.rows] == [True, False] and result.done == ["butanol"]
    assert {failure.name for failure in result.failures} == {"bad", "iron"}
    assert (out / "failures.csv").read_text().count("\n") == 3
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]

    molecule, trajectories, meta = read_molecule_folder(out / "butanol")
    assert molecule.smiles == molecules[1].smiles and len(trajectories) == 2
    assert trajectories[0].n_frames == 20 and trajectories[0].frame_ps == pytest.approx(0.1)
    assert meta["protocol"]["name"] == "implicit" and meta["stereo_retention"] == 1.0
    energies = (out / "butanol" / "energies_001.csv").read_text().splitlines()
    assert len(energies) == 21 and energies[0].startswith("time_ps,potential_kcal")

    kept = [path.name for path in out.iterdir()]
    monkeypatch.setattr(shutil, "rmtree", lambda *args, **options: None)  # as if killed before the replicas are removed
    simulate_many(molecules[:1], out, SHORT, overwrite=True, **settings)
    monkeypatch.undo()
    assert [path.name for path in out.iterdir() if path.name.startswith(".ethanol.replicas")]
    assert simulate_many(molecules[:2], out, SHORT, **settings).skipped == ["ethanol", "butanol"]
    assert sorted(path.name for path in out.iterdir()) == sorted(kept)

    with pytest.raises(InputError, match="no run"):
        simulate_many(molecules, out, SHORT, **{**settings, "replicas": 0})
    with pytest.raises(InputError, match="another ns"):
        simulate_many(molecules[:1], out, SHORT, **{**settings, "ns": 0.003})


STUCK = """
import os, time
from pathlib import Path
from eginterpolator import cli
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.simulation.engines.lanes import replicas
where, runs, save, run_lanes = os.environ["STUCK"], [], Trajectory.save, replicas.run_lanes
def wait():
    Path(where).touch()
    time.sleep(600)
def stuck_run(*args, on_frame, **options):
    runs.append(args)
    if where == "simulating" and len(runs) == 2:
        on_frame = lambda done, total: wait() if done == 3 else None
    return run_lanes(*args, on_frame=on_frame, **options)
def stuck_save(self, path):
    save(self, path)
    if where == "writing" and self.molecule.name == "second" and path.name == "trajectory_002.xtc":
        wait()
Trajectory.save, replicas.run_lanes = stuck_save, stuck_run
cli.main()
"""


@needs_md
@pytest.mark.slow
def test_a_run_in_lanes_that_was_killed_goes_on_where_it_was(egi, tmp_path, monkeypatch) -> None:
    """Killed twice: while the second of three molecules is simulated, and while its folder is written."""
    from eginterpolator.simulation.engines.lanes import replicas

    (tmp_path / "in.smi").write_text("CCO first\nCC=O second\nCOC third\n")
    run = ["simulate", "in.smi", "--ns", "0.004", "--save-ps", "0.4", "--engine", "lanes", "--out", "out"]
    out, first = tmp_path / "out", {}

    def visible() -> set[str]:
        return {path.name for path in out.iterdir() if not path.name.startswith(".")}

    for where, how in (("simulating", signal.SIGTERM), ("writing", signal.SIGKILL)):
        monkeypatch.setenv("STUCK", where)
        command = [sys.executable, "-c", STUCK, *run]
        with open(tmp_path / "log", "w") as log, subprocess.Popen(command, cwd=tmp_path, stderr=log) as process:
            try:
                until = time.monotonic() + 900
                while not (tmp_path / where).exists() and process.poll() is None and time.monotonic() < until:
                    time.sleep(0.05)
            finally:
                process.send_signal(how)
        assert process.returncode == -how, (tmp_path / "log").read_text()
        assert visible() == {"first"} and len(list((out / "first").glob("trajectory_*.xtc"))) == 16
        first = first or contents(out)
        assert contents(out) == first, "what was finished is not made again"
    assert list(out.glob(".*/second/trajectory_002.xtc")), "half of the second folder lies hidden"

    ran = []
    run_lanes = replicas.run_lanes
    monkeypatch.setattr(replicas, "run_lanes", lambda *args, **options: ran.append(args) or run_lanes(*args, **options))
    assert "2 done, 1 finished before" in egi(*run).out
    assert len(ran) == 1, "the second molecule's replicas were there: only the third is simulated"
    after = contents(out)
    assert {name: after[name] for name in first} == first
    assert {path.name for path in out.iterdir()} == {"first", "second", "third", "summary.csv", "failures.csv"}
    assert all(len(list((out / name).glob("trajectory_*.xtc"))) == 16 for name in ("second", "third"))
    assert [row["name"] for row in rows(out / "summary.csv")] == ["first", "second", "third"]
