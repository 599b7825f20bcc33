"""One job at a time, a short queue, and an end at any moment."""

from __future__ import annotations

import pytest

from eginterpolator.serve.desk import Desk, QueueFullError
from eginterpolator.serve.limits import Limits
from eginterpolator.serve.orders import Order
from eginterpolator.serve.results import results
from tests.builders.serve import READY, fake_desk


def states(desk: Desk) -> list[str]:
    """From the first to the last job."""
    return [job["state"] for job in reversed(desk.snapshot()["jobs"])]


def test_one_job_at_a_time_each_in_a_folder_of_its_own(tmp_path):
    desk, (worker,) = fake_desk(tmp_path)
    first, second = (desk.submit(Order("CCO", seed=seed), "CCO") for seed in (1, 2))
    assert states(desk) == ["running", "waiting"] and len(worker.given) == 1
    worker.tell(kind="progress", phase="generating", share=0.5)
    assert desk.snapshot()["jobs"][1]["share"] == 0.5
    worker.ends()
    assert states(desk) == ["done", "running"] and [order.seed for order, _ in worker.given] == [1, 2]
    worker.ends()
    assert first.folder != second.folder and len(results(tmp_path)) == 2
    assert {job["result"] for job in desk.snapshot()["jobs"]} == {result.id for result in results(tmp_path)}


def test_the_queue_is_bounded(tmp_path):
    desk, (worker,) = fake_desk(tmp_path, Limits(waiting=2))
    jobs = [desk.submit(Order("CCO"), "CCO") for _ in range(3)]
    with pytest.raises(QueueFullError, match="2 jobs wait already"):
        desk.submit(Order("CCO"), "CCO")
    assert desk.cancel(jobs[-1].id)
    desk.submit(Order("CCO"), "CCO")
    assert states(desk) == ["running", "waiting", "cancelled", "waiting"]


def test_cancelling_ends_the_worker_and_the_next_job_goes_on_with_another(tmp_path):
    desk, hired = fake_desk(tmp_path)
    running, waiting = desk.submit(Order("CCO"), "CCO"), desk.submit(Order("CCN"), "CCN")
    (running.folder / "half").write_text("of a result")
    assert desk.cancel(running.id) and hired[0].killed
    assert states(desk) == ["cancelled", "running"] and not running.folder.exists()
    assert hired[1].given == [(waiting.order, waiting.folder)]
    hired[1].tell(**READY)
    hired[1].ends()
    assert states(desk) == ["cancelled", "done"]
    assert not desk.cancel(running.id) and not desk.cancel(waiting.id) and not desk.cancel("nothing")


def test_what_comes_late_of_a_worker_that_is_being_ended_is_no_job_of_the_next(tmp_path):
    desk, hired = fake_desk(tmp_path)
    worker = hired[0]
    worker.kill = lambda: None  # it takes its time
    first, second = desk.submit(Order("CCO"), "CCO"), desk.submit(Order("CCN"), "CCN")
    desk.cancel(first.id)
    worker.ends()  # it was faster
    assert states(desk) == ["done", "waiting"], "the next is not given to one that ends"
    worker.tell(kind="gone", exit=-9)
    assert states(desk) == ["done", "running"] and len(hired) == 2
    worker.tell(kind="gone", exit=-9)
    assert second.state == "running"


def test_a_worker_that_dies_fails_its_job_and_is_replaced(tmp_path):
    desk, hired = fake_desk(tmp_path)
    job = desk.submit(Order("CCO"), "CCO")
    hired[0].tell(kind="gone", exit=-9)
    assert job.state == "failed" and "exit code -9" in job.reason and len(hired) == 2
    hired[1].tell(kind="gone", exit=1)
    assert len(hired) == 2, "one that never got ready is not started again and again"
    desk.submit(Order("CCO"), "CCO")
    assert len(hired) == 3 and len(hired[2].given) == 1


def test_a_failure_says_its_reason_and_keeps_what_there_is(tmp_path):
    desk, (worker,) = fake_desk(tmp_path)
    lost = desk.submit(Order("CCO"), "CCO")
    worker.ends("It is too large.", kept=False)
    assert (lost.state, lost.reason, lost.result) == ("failed", "It is too large.", None) and not lost.folder.exists()
    bad = desk.submit(Order("CCO"), "CCO")
    worker.ends("nothing usable came out: The files stay.", kept=True)
    assert bad.state == "failed" and bad.result == results(tmp_path)[0].id


def test_the_end_ends_everything_and_takes_nothing_more(tmp_path):
    desk, hired = fake_desk(tmp_path)
    running, waiting = desk.submit(Order("CCO"), "CCO"), desk.submit(Order("CCO"), "CCO")
    desk.close()
    assert hired[0].killed and len(hired) == 1 and running.state == "cancelled" and not running.folder.exists()
    assert waiting.began is None
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(QueueFullError):
        desk.submit(Order("CCO"), "CCO")


def test_ended_jobs_are_forgotten_some_day(tmp_path):
    desk, (worker,) = fake_desk(tmp_path, Limits(finished=2))
    for _ in range(4):
        desk.submit(Order("CCO"), "CCO")
        worker.ends()
    assert states(desk) == ["done", "done"] and len(results(tmp_path)) == 4
