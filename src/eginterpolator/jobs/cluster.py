"""Molecules on workers: local processes, a running scheduler, or a batch system. The one place that knows Dask.

Every worker process takes one molecule at a time and computes with a bounded number of threads. A molecule whose
worker is lost is given to another one; one that loses `ALLOWED_DEATHS` workers has failed. The task (a model, settings)
goes to each worker once, as a plugin, and so to workers that come later; molecules travel alone.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dask
import yaml
from distributed import Client, KilledWorker, LocalCluster, as_completed, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from eginterpolator.chemistry.text import read_text
from eginterpolator.errors import EGIError, InputError
from eginterpolator.jobs.tasks import Item, Outcome, Task, Workers, attempt

log = logging.getLogger(__name__)

ALLOWED_DEATHS = 3
"""Workers that may be lost with a molecule before it is given up: it may be what kills them, for want of memory."""
AHEAD = 4
"""Molecules that wait at the scheduler for each worker."""
CONNECT_SECONDS = 30
LOST_SECONDS = 300
"""How long a lost worker of our own may take to come back before its place is given up; Dask's 15 s are too short for
a busy machine, where a process needs longer than that to start."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENMM_CPU_THREADS")
CLUSTER_KEYS = ("class", "jobs", "minimum_jobs", "maximum_jobs", "settings")

_alone = threading.Lock()


class _TaskPlugin(WorkerPlugin):
    """Gives `task` to every worker under the name `token`."""

    def __init__(self, token: str, task: Task[Any], threads: int) -> None:
        self.token, self.task, self.threads = token, task, threads

    def setup(self, worker: Any) -> None:
        bound_threads(self.threads)
        worker.__dict__.setdefault("eginterpolator_tasks", {})[self.token] = self.task

    def teardown(self, worker: Any) -> None:
        worker.__dict__.get("eginterpolator_tasks", {}).pop(self.token, None)


def run_on_workers(
    task: Task[Item], items: Iterable[Item], workers: Workers, shared: Path | None = None
) -> Iterator[Outcome]:
    """Outcomes of `task(item, step)`, as the workers finish them.

    Raises
    ------
    InputError
        When the workers cannot be had, do not have this package, or do not see the folder `shared`.
    EGIError
        When the scheduler is lost.
    """
    logging.getLogger("distributed").setLevel(logging.ERROR)  # it tells of every connection
    token = f"eginterpolator-{uuid.uuid4().hex[:12]}"
    with _settings(), _client(workers) as (client, threads):
        _check(client, shared, workers.scheduler or "this machine")
        client.register_plugin(_TaskPlugin(token, task, threads), name=token)
        try:
            yield from _outcomes(client, token, items)
        finally:
            with contextlib.suppress(Exception):  # the workers may be gone, and with them the task
                client.unregister_worker_plugin(token)


def bound_threads(threads: int) -> None:
    """Let numerical libraries of this process compute with `threads` threads."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    torch = sys.modules.get("torch")  # loaded later, it reads OMP_NUM_THREADS
    if torch is not None:
        torch.set_num_threads(threads)


def _outcomes(client: Client, token: str, items: Iterable[Item]) -> Iterator[Outcome]:
    numbered = enumerate(items)
    indices: dict[str, int] = {}

    def submit(count: int) -> list[Any]:
        futures = []
        for index, item in itertools.islice(numbered, count):
            future = client.submit(_work, token, item, key=f"{token}-{index}", pure=False)
            indices[str(future.key)] = index
            futures.append(future)
        return futures

    running = as_completed(submit(_places(client)), loop=client.loop)
    try:
        for future in running:
            if future.status == "lost":  # its worker went before the result was fetched: Dask computes it once more
                running.add(future)
                continue
            index = indices.pop(future.key)
            if future.status == "cancelled":
                raise EGIError("The Dask scheduler was lost; the same command goes on where it was.")
            error = future.exception()
            if error is None:
                yield Outcome(index, *future.result())
            elif isinstance(error, KilledWorker):
                reason = f"{ALLOWED_DEATHS + 1} workers were lost with this molecule, for example for want of memory."
                yield Outcome(index, None, reason)
            else:
                yield Outcome(index, None, f"{type(error).__name__}: {error}")
            for new in submit(max(1, _places(client) - len(indices))):
                running.add(new)
    finally:
        client.cancel(list(indices))


def _places(client: Client) -> int:
    return AHEAD * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))


def _work(token: str, item: Any) -> tuple[Any, str | None]:
    """On a worker: one molecule, also where the worker was started with several Dask threads."""
    with _alone:
        return attempt(get_worker().__dict__["eginterpolator_tasks"][token], item)


def _settings() -> Any:
    return dask.config.set(
        {
            "distributed.scheduler.allowed-failures": ALLOWED_DEATHS,
            "distributed.scheduler.worker-saturation": 1.0,  # a lost worker takes nothing with it but what it worked on
            "distributed.deploy.lost-worker-timeout": LOST_SECONDS,
        }
    )


@contextlib.contextmanager
def _client(workers: Workers) -> Iterator[tuple[Client, int]]:
    """A client of the wanted workers, and the threads that each of them computes with."""
    if workers.count and workers.scheduler:
        raise InputError("Give local processes (--workers) or a cluster (--scheduler), not both.")
    with contextlib.ExitStack() as stack:
        threads = workers.threads or 1
        if workers.count:
            environment = dict.fromkeys(THREAD_VARIABLES, str(threads))
            target = stack.enter_context(
                LocalCluster(
                    n_workers=workers.count,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=":0",
                    silence_logs=logging.ERROR,
                    env=environment,
                    local_directory=stack.enter_context(_scratch()),
                )  # fmt: skip
            )
        elif Path(str(workers.scheduler)).suffix in (".yaml", ".yml"):
            cluster, cores = _jobqueue(Path(str(workers.scheduler)))
            target, threads = stack.enter_context(cluster), workers.threads or cores
        else:
            target = str(workers.scheduler)
        try:
            client = Client(target, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                f"There is no Dask scheduler at '{workers.scheduler}' ({' '.join(str(error).split())}); give the "
                "address that 'dask scheduler' printed, such as tcp://host:8786."
            ) from error
        yield stack.enter_context(client), threads


@contextlib.contextmanager
def _scratch() -> Iterator[str]:
    """A folder for Dask's own files, outside of the user's."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="eginterpolator-", ignore_cleanup_errors=True) as folder:
        yield folder


def _check(client: Client, shared: Path | None, workers_of: str) -> None:
    """Wait for the first worker, and see that the workers can do the job."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    if not known:
        log.warning("waiting for the first worker of %s", workers_of)
        client.wait_for_workers(1)
        known = client.scheduler_info(n_workers=-1)["workers"]
    several = max(worker["nthreads"] for worker in known.values())
    if several > 1:
        log.warning(
            "Workers have up to %d Dask threads, but each process computes one molecule at a time; "
            "start them with --nthreads 1 and more --nworkers.", several
        )  # fmt: skip
    try:
        sees = client.submit(_sees, None if shared is None else os.fspath(shared), pure=False).result()
    except Exception as error:
        raise InputError(
            f"The workers cannot run eginterpolator ({type(error).__name__}: {error}); install this version of it "
            "where they run."
        ) from error
    if not sees:
        raise InputError(f"The workers do not see '{shared}'; choose an --out on a file system that they share.")


def _sees(folder: str | None) -> bool:
    return folder is None or Path(folder).is_dir()


def _jobqueue(path: Path) -> tuple[Any, int]:
    """The cluster of a YAML file, asked for its jobs, and the threads that each of its worker processes may use.

    Raises
    ------
    InputError
        When dask-jobqueue is missing, or the file is not what docs/cluster.md says.
    """
    try:
        import dask_jobqueue
        from dask_jobqueue.local import LocalCluster as LocalJobs
    except ImportError as error:
        raise InputError("Batch systems need dask-jobqueue; run: pip install 'eginterpolator[cluster]'.") from error
    classes = {name: getattr(dask_jobqueue, name) for name in dir(dask_jobqueue) if name.endswith("Cluster")}
    classes["LocalCluster"] = LocalJobs
    try:
        described = yaml.safe_load(read_text(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"'{path}' cannot be read as YAML ({' '.join(str(error).split())}).") from error
    if not isinstance(described, dict) or described.get("class") not in classes:
        raise InputError(f"'{path}' must name a 'class', one of {', '.join(sorted(classes))}; see docs/cluster.md.")
    unknown = set(described) - set(CLUSTER_KEYS)
    settings = dict(described.get("settings") or {})
    if unknown or not {"cores", "memory"} <= set(settings):
        wrong = f"has the unknown key '{min(unknown)}'" if unknown else "needs 'cores' and 'memory' in its 'settings'"
        raise InputError(f"'{path}' {wrong}; its keys are {', '.join(CLUSTER_KEYS)}, see docs/cluster.md.")
    processes = int(settings.setdefault("processes", settings["cores"]) or 1)
    settings["worker_extra_args"] = [*settings.get("worker_extra_args", ()), "--nthreads", "1"]
    try:
        cluster = classes[described["class"]](**settings)
        least = int(described.get("jobs") or described.get("minimum_jobs") or 0)
        most = int(described.get("jobs") or described.get("maximum_jobs") or max(1, least))
        cluster.adapt(minimum_jobs=least, maximum_jobs=most)  # jobs that end at their walltime are replaced
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"'{path}' describes no cluster: {' '.join(str(error).split())}.") from error
    return cluster, max(1, int(settings["cores"]) // processes)
