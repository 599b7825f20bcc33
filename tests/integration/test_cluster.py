"""Commands on workers: the same files, lost workers, batch systems, kills, restarts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from eginterpolator.jobs import cluster
from eginterpolator.jobs.molecules import fan_out
from eginterpolator.jobs.tasks import Workers
from tests.builders import ROOT
from tests.builders.cli import contents, rows

TWELVE = "CCO CCCO CCN CCOC CC=O CC#N CCC CO COC CCCN OCCO NCCO".split()
SBATCH = """#!{python}
import subprocess, sys
from pathlib import Path
here = Path(__file__).parent
script = Path(sys.argv[-1]).read_text()
(here / "script").write_text(script)
log = open(here / "log", "w")  # a pipe that the job keeps open would never end for dask-jobqueue
job = subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=log, stderr=log)
print("Submitted batch job", job.pid)
"""
SCANCEL = """#!{python}
import os, signal, sys
os.killpg(int(sys.argv[-1]), signal.SIGTERM)
"""


def test_commands_on_workers_write_the_same_files(egi, tmp_path, scheduler: str) -> None:
    (tmp_path / "in.smi").write_text("CCO a\nC[C@H](O)C=C b\nC[Fe]C iron\n")
    for command, files in ((("generate",), "*/*.xtc"), (("conformers", "--num", "3"), "*/*.sdf")):
        there = egi(command[0], "in.smi", *command[1:], "--out", f"{command[0]}_there", "--scheduler", scheduler)
        here = egi(command[0], "in.smi", *command[1:], "--out", f"{command[0]}_here")
        assert there.code == here.code == 1 and "2 done, 1 failed" in there.out
        paths = sorted((tmp_path / f"{command[0]}_here").glob(files))
        assert len(paths) == 2
        for path in paths:
            other = tmp_path / f"{command[0]}_there" / path.relative_to(tmp_path / f"{command[0]}_here")
            assert other.read_bytes() == path.read_bytes()
        tables = [rows(tmp_path / f"{command[0]}_{place}" / "failures.csv") for place in ("here", "there")]
        assert tables[0] == tables[1] and [row["name"] for row in tables[0]] == ["iron"] and tables[0][0]["reason"]
    for kind, made in (("trajectories", "generate"), ("conformers", "conformers")):
        folders = (f"{made}_there", f"{made}_here")
        assert egi("evaluate", kind, *folders, "--json", "here.json").code == 0
        assert egi("evaluate", kind, *folders, "--json", "there.json", "--scheduler", scheduler).code == 0
        assert (tmp_path / "here.json").read_text() == (tmp_path / "there.json").read_text()


def threads_and_place(item: Path, step: Callable[[float], None]) -> tuple[dict[str, str], int, int]:
    """Threads that a worker computes with; the first worker that does `item` dies of it."""
    import torch

    if item.name.startswith("fatal") or (item.name == "lost" and not item.exists()):
        item.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {name: os.environ[name] for name in cluster.THREAD_VARIABLES}, torch.get_num_threads(), os.getpid()


@pytest.mark.slow
def test_a_lost_worker_costs_nothing_and_a_fatal_molecule_only_itself(tmp_path) -> None:
    items = [tmp_path / name for name in ("a", "lost", "b", "fatal", "c")]
    outcomes = {o.index: o for o in fan_out(threads_and_place, items, Workers(count=2, threads=1))}
    assert sorted(outcomes) == [0, 1, 2, 3, 4] and (tmp_path / "lost").exists()
    assert "workers were lost with this molecule" in str(outcomes[3].reason)
    for index in (0, 1, 2, 4):
        environment, threads, pid = outcomes[index].value
        assert set(environment.values()) == {"1"} and threads == 1 and pid != os.getpid()


@pytest.mark.slow
def test_a_batch_system_runs_the_molecules(tmp_path, monkeypatch) -> None:
    """`sbatch` and `scancel` of this test run the job scripts that dask-jobqueue writes, as processes."""
    pytest.importorskip("dask_jobqueue")
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(text.format(python=sys.executable))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    text = (ROOT / "configs" / "cluster" / "slurm.yaml").read_text()
    for old, new in (("jobs: 20", "jobs: 1"), ("cores: 16", "cores: 1"), ("processes: 16", "processes: 1")):
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "one.yaml"
    file.write_text(text.replace("memory: 64 GB", "memory: 2 GB"))
    items = [tmp_path / name for name in ("a", "b", "c")]
    outcomes = list(fan_out(threads_and_place, items, Workers(scheduler=str(file)), shared=tmp_path))
    assert sorted(o.index for o in outcomes) == [0, 1, 2] and {o.reason for o in outcomes} == {None}
    assert len({o.value[2] for o in outcomes} - {os.getpid()}) == 1
    script = (tmp_path / "script").read_text()
    assert "#SBATCH -n 1" in script and "#SBATCH -t 24:00:00" in script and "--nthreads 1" in script


def _wait(condition: Callable[[], bool], process: subprocess.Popen, seconds: float = 900.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.02)


def _workers(process: subprocess.Popen) -> set[int]:
    children = psutil.Process(process.pid).children(recursive=True)
    return {child.pid for child in children if any("spawn_main" in word for word in child.cmdline())}


@pytest.mark.slow
def test_simulations_survive_a_killed_worker_and_a_killed_command(tmp_path) -> None:
    pytest.importorskip("openmm")
    (tmp_path / "in.smi").write_text("".join(f"{smiles} m{k:02d}\n" for k, smiles in enumerate(TWELVE)))
    command = [
        sys.executable,
        "-c",
        "from eginterpolator.cli import main; main()",
        "simulate",
        "in.smi",
        "--out",
        "out",
    ]
    command += ["--replicas", "2", "--ns", "0.05", "--workers", "2"]
    out = tmp_path / "out"

    def made() -> set[str]:
        return {path.parent.name for path in out.glob("m*/meta.json")}

    with open(tmp_path / "log", "w") as log:
        first = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait(lambda: len(made()) >= 2, first)
            before = _workers(first)
            assert len(before) == 2
            os.kill(min(before), signal.SIGKILL)
            _wait(lambda: len(made()) >= 4 and len(_workers(first) - before) == 1, first)
            workers = _workers(first)
        finally:
            os.kill(first.pid, signal.SIGKILL)  # the command alone: its workers must end by themselves
            first.wait()
    until = time.monotonic() + 60
    while any(psutil.pid_exists(pid) for pid in workers):
        assert time.monotonic() < until, "a worker outlived its command"
        time.sleep(0.1)
    finished, old = made(), contents(out)
    assert 4 <= len(finished) < 12
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1200)
    assert second.returncode == 0, second.stderr
    assert f"{12 - len(finished)} done, {len(finished)} finished before" in second.stdout
    after = contents(out)
    assert {name: after[name] for name in old if name.split("/")[0] in finished} == {
        name: old[name] for name in old if name.split("/")[0] in finished
    }
    assert made() == {f"m{k:02d}" for k in range(12)}
    files = {"molecule.sdf", "topology.pdb", "meta.json", "torsions.csv", "states.csv", "states.sdf"}
    files |= {f"{kind}_00{k}.{suffix}" for kind, suffix in (("trajectory", "xtc"), ("energies", "csv")) for k in (0, 1)}
    assert all({path.name for path in (out / name).iterdir()} == files for name in made())
    assert {path.name for path in out.iterdir()} == made() | {"summary.csv", "failures.csv"}
    assert len(rows(out / "summary.csv")) == 12 and rows(out / "failures.csv") == []
