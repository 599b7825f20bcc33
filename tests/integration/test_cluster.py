"""Fan-out over molecules: the same results on workers, failures with their reasons, lost workers, kills, restarts."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from distributed import as_completed
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import EGIError, InputError
from eginterpolator.files.inputs import Failure
from eginterpolator.jobs import cluster
from eginterpolator.jobs.molecules import fan_out, run_molecules
from eginterpolator.jobs.tasks import Workers
from tests.builders import ROOT
from tests.builders.cli import contents, rows, sentence

TWELVE = "CCO CCCO CCN CCOC CC=O CC#N CCC CO COC CCCN OCCO NCCO".split()


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a running Dask scheduler with two workers, which are threads of this process."""
    from distributed import LocalCluster

    with cluster._settings():
        local = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
        )  # fmt: skip
    with local:
        yield local.scheduler_address


def square(item: int, step: Callable[[float], None]) -> int:
    step(1.0)
    if item == 3:
        raise InputError("three is refused.")
    if item == 5:
        raise ZeroDivisionError("five\nbreaks")
    return item * item


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


def test_a_molecule_travels_whole() -> None:
    for smiles in ("C/C=C\\[C@H](O)C#N", "C[NH3+]"):
        mol = Molecule.from_smiles(smiles).rdmol
        positions = np.random.default_rng(0).normal(size=(mol.GetNumAtoms(), 3))
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.SetPositions(positions)
        mol.AddConformer(conformer)
        mol.SetProp("smiles", smiles)
        sent = Molecule(mol, "its name")
        came = pickle.loads(pickle.dumps(sent))
        assert (came.name, came.smiles, came.rdmol.GetProp("smiles")) == (sent.name, sent.smiles, smiles)
        np.testing.assert_array_equal(came.rdmol.GetConformer().GetPositions(), positions)
        np.testing.assert_array_equal(came.triples, sent.triples)
        np.testing.assert_array_equal(came.triple_signs, sent.triple_signs)
        np.testing.assert_array_equal(came.double_bond_signs, sent.double_bond_signs)


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


def test_workers_that_cannot_be_used_are_named(scheduler: str, tmp_path, monkeypatch, egi) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match="do not see"):
        list(fan_out(square, [1], Workers(scheduler=scheduler), shared=tmp_path / "elsewhere"))
    sentence(egi("conformers", "CCO", "--scheduler", "tcp://127.0.0.1:9"), "no Dask scheduler")
    sentence(egi("conformers", "CCO", "--scheduler", "slurm.yaml"), "a YAML file that exists")
    sentence(egi("conformers", "CCO", "--scheduler", scheduler, "--workers", "2"), "not both")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class: [", "cannot be read as YAML"),
        ("jobs: 3", "must name a 'class'"),
        ("class: Cloud", "SLURMCluster"),
        ("class: SLURMCluster\nworkers: 3\nsettings: {cores: 1, memory: 1GB}", "unknown key 'workers'"),
        ("class: SLURMCluster\nsettings: {cores: 4}", "needs 'cores' and 'memory'"),
        ("class: SLURMCluster\njobs: 2\nsettings: {cores: 1, memory: a lot}", "describes no cluster"),
    ],
)
def test_a_wrong_cluster_file_is_refused(tmp_path, text: str, message: str) -> None:
    (tmp_path / "cluster.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        list(fan_out(square, [1], Workers(scheduler=str(tmp_path / "cluster.yaml"))))


def threads_and_place(item: Path, step: Callable[[float], None]) -> tuple[dict[str, str], int, int]:
    """Threads that a worker computes with; the first worker that does `item` dies of it."""
    import torch

    if item.name.startswith("fatal") or (item.name == "lost" and not item.exists()):
        item.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {name: os.environ[name] for name in cluster.THREAD_VARIABLES}, torch.get_num_threads(), os.getpid()


class ForgetsTheFirst(as_completed):
    """Dask's, when the worker of the first result is gone before anybody has fetched it."""

    forgotten = False

    def __next__(self):
        future = super().__next__()
        if not self.forgotten:
            self.forgotten = True
            future._state.lose()
            self.loop.add_callback(self.loop.call_later, 0.3, future._state.finish)
        return future


def test_a_result_that_is_lost_with_its_worker_is_waited_for(scheduler: str, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "as_completed", ForgetsTheFirst)
    outcomes = list(fan_out(square, [1, 2, 4], Workers(scheduler=scheduler)))
    assert sorted(outcome.value for outcome in outcomes) == [1, 4, 16]


@pytest.mark.slow
def test_a_lost_worker_costs_nothing_and_a_fatal_molecule_only_itself(tmp_path) -> None:
    items = [tmp_path / name for name in ("a", "lost", "b", "fatal", "c")]
    outcomes = {o.index: o for o in fan_out(threads_and_place, items, Workers(count=2, threads=1))}
    assert sorted(outcomes) == [0, 1, 2, 3, 4] and (tmp_path / "lost").exists()
    assert "workers were lost with this molecule" in str(outcomes[3].reason)
    for index in (0, 1, 2, 4):
        environment, threads, pid = outcomes[index].value
        assert set(environment.values()) == {"1"} and threads == 1 and pid != os.getpid()


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
    files = {"molecule.sdf", "topology.pdb", "meta.json"}
    files |= {f"{kind}_00{k}.{suffix}" for kind, suffix in (("trajectory", "xtc"), ("energies", "csv")) for k in (0, 1)}
    assert all({path.name for path in (out / name).iterdir()} == files for name in made())
    assert {path.name for path in out.iterdir()} == made() | {"summary.csv", "failures.csv"}
    assert len(rows(out / "summary.csv")) == 12 and rows(out / "failures.csv") == []
