"""A worker that does as it is told, the page of one, and results as `egi generate` leaves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eginterpolator.serve.desk import Desk
from eginterpolator.serve.limits import Limits

PORT, TOKEN = 8765, "the-token"
HOST = f"127.0.0.1:{PORT}"
ORIGIN = {"origin": f"http://{HOST}"}
READY = {"kind": "ready", "models": ["auto", "small"], "thermalise": None, "device": "cpu"}


class FakeWorker:
    """Keeps what it is given, and tells only what a test says."""

    hired: list[FakeWorker]

    def __init__(self, on_event: Any) -> None:
        self.on_event, self.given, self.killed = on_event, [], False

    def send(self, order: Any, folder: Path) -> None:
        self.given.append((order, folder))

    def kill(self) -> None:
        self.killed = True
        self.tell(kind="gone", exit=-9)

    def tell(self, **event: Any) -> None:
        self.on_event(self, event)

    def ends(self, reason: str | None = None, kept: bool = True) -> None:
        """The job it has is over, with a result where it is kept."""
        if kept:
            write_result(self.given[-1][1])
        self.tell(kind="end", reason=reason, kept=kept)


def fake_desk(out: Path, limits: Limits | None = None, ready: bool = True) -> tuple[Desk, list[FakeWorker]]:
    """A desk, and the workers that it has hired so far."""
    hired: list[FakeWorker] = []

    def start(on_event: Any) -> FakeWorker:
        hired.append(FakeWorker(on_event))
        return hired[-1]

    desk = Desk(out, limits or Limits(), start)
    if ready:
        hired[0].tell(**READY)
    return desk, hired


def fake_page(out: Path, limits: Limits | None = None, **client: Any) -> tuple[Any, Desk, list[FakeWorker]]:
    """A browser without cookie at the page of a fake desk."""
    from starlette.testclient import TestClient

    from eginterpolator.serve.app import make_app

    limits = limits or Limits()
    desk, hired = fake_desk(out, limits)
    app = make_app(desk, limits, PORT, TOKEN)
    return TestClient(app, base_url=f"http://{HOST}", **client), desk, hired


def write_result(folder: Path, name: str = "CCO", page: str = "<p>report</p>") -> Path:
    """The files of a result, without anything in them."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    table = f"name,smiles,n_heavy,model,n_frames,frame_ps,samples,seconds\n{name},CCO,3,small,6,5.2,2,1.5\n"
    (folder / "summary.csv").write_text(table)
    (folder / "failures.csv").write_text("name,smiles,reason\n")
    (folder / "report.html").write_text(page)
    (folder / name / "meta.json").write_text(json.dumps({"seed": 7}))
    (folder / name / "trajectory_000.xtc").write_bytes(b"frames")
    return folder
