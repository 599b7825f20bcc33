"""The addresses of the page: molecules, jobs, results, and what is not there."""

from __future__ import annotations

import io
import json
import threading
import zipfile

import pytest

from eginterpolator.serve.limits import Limits
from tests.builders.serve import ORIGIN, TOKEN, fake_page, write_result

pytest.importorskip("starlette", reason="the extra [serve] is not installed")


class Browser:
    """One that has opened the page."""

    def __init__(self, out, limits=None):
        self.client, self.desk, self.hired = fake_page(out, limits)
        assert self.client.get("/", params={"token": TOKEN}).status_code == 200

    def get(self, address):
        return self.client.get(address)

    def post(self, address, **values):
        return self.client.post(address, json=values, headers=ORIGIN)


@pytest.fixture
def browser(tmp_path):
    return Browser(tmp_path)


def test_a_molecule_is_drawn_as_it_is_typed(browser):
    seen = browser.post("/api/look", smiles="CCO").json()
    assert (seen["formula"], seen["heavy"], seen["atoms"]) == ("C2H6O", 3, 9) and seen["svg"].startswith("<svg")


@pytest.mark.parametrize(
    ("smiles", "said"),
    [
        ("CC(O)F", "C[C@H](O)F"),
        ("C(", "C("),
        ("CCO.Cl", "several fragments"),
        ("", "no molecule"),
        ("C" * 601, "601 characters"),
        ("/etc/passwd", "/etc/passwd"),
    ],
)
def test_a_molecule_that_cannot_be_used_has_the_sentence_of_the_command(browser, smiles, said):
    for answer in (browser.post("/api/look", smiles=smiles), browser.post("/api/jobs", smiles=smiles)):
        assert said in answer.json()["error"] and answer.json()["error"].endswith(".")
    assert answer.status_code == 422 and browser.desk.snapshot()["jobs"] == []


def test_a_name_of_a_file_is_no_input(browser, tmp_path, monkeypatch):
    """`egi generate` reads a folder of that name where it is meant; the page never does."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.smi").write_text("CCO ethanol\n")
    assert "error" in browser.post("/api/jobs", smiles="mine.smi").json()
    (tmp_path / "CCO").mkdir()
    assert browser.post("/api/jobs", smiles="./CCO").status_code == 422
    assert browser.post("/api/jobs", smiles="CCO").status_code == 201


def test_a_salt_is_taken_where_the_largest_fragment_is_asked_for(browser):
    assert browser.post("/api/look", smiles="CCO.Cl", largest_fragment=True).json()["heavy"] == 3
    assert browser.post("/api/jobs", smiles="CCO.Cl", largest_fragment=True).status_code == 201
    ((order, _),) = browser.hired[0].given
    assert order.largest_fragment


def test_a_job_goes_its_way_and_its_result_is_there(browser):
    id = browser.post("/api/jobs", smiles="CCO", frames=6, samples=2).json()["id"]
    browser.hired[0].ends()
    (result,) = browser.get("/api/results").json()
    assert browser.desk.snapshot()["jobs"][0]["id"] == id
    assert browser.desk.snapshot()["jobs"][0]["result"] == result["id"]
    report = browser.get(f"/results/{result['id']}/report")
    assert report.text == "<p>report</p>" and report.headers["content-type"].startswith("text/html")
    number = [file["name"] for file in result["files"]].index("CCO/trajectory_000.xtc")
    file = browser.get(f"/results/{result['id']}/files/{number}")
    assert file.content == b"frames" and "trajectory_000.xtc" in file.headers["content-disposition"]
    packed = browser.get(f"/results/{result['id']}/zip")
    assert packed.headers["content-disposition"].startswith("attachment")
    assert len(packed.content) == int(packed.headers["content-length"])
    assert len(zipfile.ZipFile(io.BytesIO(packed.content)).namelist()) == len(result["files"])


def test_a_report_has_an_origin_of_its_own_and_no_way_out(browser, tmp_path):
    write_result(tmp_path / "earlier")
    (result,) = browser.get("/api/results").json()
    policy = browser.get(f"/results/{result['id']}/report").headers["content-security-policy"]
    sandbox = policy.split("sandbox ")[1].split(";")[0].split()
    assert set(sandbox) == {"allow-scripts", "allow-downloads"}
    assert "default-src 'none'" in policy and "http" not in policy and "*" not in policy


def test_what_is_not_there_is_not_found(browser, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    folder = write_result(tmp_path / "one")
    (result,) = browser.get("/api/results").json()
    for address in (
        "/results/one/report", "/results/../secret.txt", "/results/%2e%2e/report", "/results/..%2fsecret.txt/report",
        f"/results/{result['id']}/files/99", f"/results/{result['id']}/files/-1", f"/results/{result['id']}/files/x",
        f"/results/{result['id']}/files/..%2f..%2fsecret.txt", "/static/app.py", "/static/..%2fapp.py", "/pad/x/y",
        f"/results/{folder.name}/zip", "/docs", "/api/jobs/x/cancel",
    ):  # fmt: skip
        assert browser.get(address).status_code in (404, 405), address
    assert browser.post("/api/jobs/x/cancel").status_code == 404


def test_a_job_is_cancelled_by_its_id(browser):
    id = browser.post("/api/jobs", smiles="CCO").json()["id"]
    assert browser.post(f"/api/jobs/{id}/cancel").status_code == 200 and browser.hired[0].killed
    assert browser.post(f"/api/jobs/{id}/cancel").status_code == 404


def test_limits_are_answered_with_sentences(tmp_path):
    browser = Browser(tmp_path, Limits(frames=100, waiting=1))
    assert "at most 100" in browser.post("/api/jobs", smiles="CCO", frames=51, samples=2).json()["error"]
    assert [browser.post("/api/jobs", smiles="CCO", frames=5).status_code for _ in range(3)] == [201, 201, 429]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"{}", "text/plain", 415), (b"{", "application/json", 400), (b"[" * 5000, "application/json", 400)],
)
def test_what_is_no_json_is_refused(browser, body, kind, status):
    answer = browser.client.post("/api/jobs", content=body, headers={**ORIGIN, "content-type": kind})
    assert answer.status_code == status


def test_progress_is_streamed(browser):
    def goes_on():
        browser.hired[0].tell(kind="progress", phase="generating", share=0.25)
        threading.Timer(0.6, browser.desk.close).start()

    browser.post("/api/jobs", smiles="CCO")
    threading.Timer(0.4, goes_on).start()
    answer = browser.get("/api/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [each["jobs"][0]["share"] for each in told[:2]] == [0.0, 0.25]
    assert told[0]["models"] == ["auto", "small"] and told[0]["ready"]


def test_streams_are_counted(tmp_path):
    browser = Browser(tmp_path, Limits(streams=0))
    assert browser.get("/api/events").status_code == 429
