"""Workers and clusters: which can be used, and results that are lost with a worker."""

from __future__ import annotations

import pytest
from distributed import as_completed

from eginterpolator.errors import InputError
from eginterpolator.jobs import cluster
from eginterpolator.jobs.molecules import fan_out
from eginterpolator.jobs.tasks import Workers
from tests.builders.cli import sentence
from tests.builders.jobs import square


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
