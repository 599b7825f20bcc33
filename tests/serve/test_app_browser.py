"""`egi serve` in a real Chromium, from the printed address to Ctrl-C: generate, look, download, cancel, be refused."""

from __future__ import annotations

import functools
import http.server
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.serve.pad import find_pad
from tests.builders.browser import barriers, chromium, fetched, severe, wait
from tests.builders.tiny_model import write_tiny_model

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")
pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")
pytestmark = pytest.mark.slow
browser = pytest.fixture(scope="module")(chromium)
COMMAND = "from eginterpolator.cli import main; main()"
SMILES = "CC[C@H](O)C#C"
STATES = "return [...document.querySelectorAll('#jobs li')].map((item) => item.dataset.state)"


def children(pid: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [grandchild for child in found for grandchild in children(child)]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Address and folder of a running server; at the end Ctrl-C ends it and all that it has started."""
    root = tmp_path_factory.mktemp("serve")
    model = write_tiny_model(root / "tiny")
    words = ["serve", "--no-browser", "--port", "0", "--out", str(root / "served"), "--model", str(model)]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{43}", process.stdout.readline())
    assert found, process.stderr.read()
    yield found.group(0), root / "served"
    started = children(process.pid)
    assert started, "a worker is there"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in errors, errors
    limit = time.monotonic() + 10  # multiprocessing's tracker ends a moment after the server
    while not all(map(gone, started)):
        assert time.monotonic() < limit, "what the server has started outlives it"
        time.sleep(0.1)


@pytest.fixture
def page(browser, served, tmp_path):
    """The page, its downloads in `tmp_path`; a severe message of the console fails the test."""
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.get(served[0])
    wait(browser, "return document.getElementById('worker').textContent === 'Ready'", 180)
    fetched(browser), severe(browser)
    yield browser
    browser.switch_to.default_content()
    assert not severe(browser)


def ask(page, smiles: str, frames: int, samples: int = 1) -> None:
    """Ask for frames in the network's order, which no MD mends."""
    for name, value in (("smiles", smiles), ("frames", frames), ("samples", samples)):
        box = page.find_element("id", name)
        box.clear()
        box.send_keys(str(value))
    page.execute_script("document.getElementById('strength').value = 0.9")
    page.find_element("id", "go").click()


def console(page, word: str) -> list[str]:
    """Severe messages up to the first that has the word: they come late."""
    found: list[str] = []
    end = time.monotonic() + 60
    while time.monotonic() < end and not any(word in message for message in found):
        found += severe(page)
        time.sleep(0.1)
    return found


def downloaded(folder: Path, pattern: str) -> Path:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = [path for path in folder.glob(pattern) if path.stat().st_size]
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no {pattern} in {list(folder.iterdir())}")


def test_generate_look_and_download(page, served, tmp_path):
    assert page.current_url.endswith("/") and "token" not in page.current_url
    page.find_element("id", "smiles").send_keys(SMILES)
    wait(page, "return document.getElementById('drawing').naturalWidth")
    assert page.find_element("id", "facts").text == "C5H8O, 6 heavy atoms of 14"
    page.execute_script(
        "window.shares = new Set(); new MutationObserver(() => { const bar = document.querySelector('#jobs progress');"
        "if (bar) shares.add(bar.value); }).observe(document.getElementById('jobs'), {subtree: true, childList: true,"
        "attributes: true})"
    )
    ask(page, SMILES, 100, 2)
    # random weights make no molecule: the reason is shown, and what was made as well
    wait(page, "return document.querySelector('#jobs li')?.dataset.state === 'failed'", 240)
    assert "nothing usable came out" in page.find_element("css selector", "#jobs .bad").text
    assert page.execute_script("return shares.size") > 2, "the bar has moved"
    wait(page, "return !document.getElementById('report').hidden")
    page.switch_to.frame("report")
    wait(page, "return window.ready", 120)
    assert page.execute_script("return app.view.drawnPositions()[0].length") == 14
    assert page.execute_script("return self.origin") == "null", "an origin of its own"
    page.switch_to.default_content()
    assert [url for url in fetched(page) if not url.startswith((served[0].split("?")[0], "data:", "blob:"))] == []
    page.find_element("id", "zip").click()
    archive = zipfile.ZipFile(downloaded(tmp_path, "*.zip"))
    archive.extractall(tmp_path / "unpacked")
    (table,) = (tmp_path / "unpacked").glob("*/summary.csv")
    (folder,) = (path.parent for path in table.parent.glob("*/meta.json"))
    molecule, trajectories, meta = read_molecule_folder(folder)
    assert molecule.key == Molecule.from_smiles(SMILES).key and [len(each.positions) for each in trajectories] == [
        100,
        100,
    ]
    page.find_element("css selector", "#about summary").click()
    page.find_element("partial link text", "trajectory_001.xtc").click()
    (kept,) = served[1].glob("*/*/trajectory_001.xtc")
    assert downloaded(tmp_path, "trajectory_001.xtc").read_bytes() == kept.read_bytes()


def test_a_long_job_is_cancelled_at_once_and_the_next_is_done(page, served):
    before = set(served[1].iterdir())
    ask(page, "CCCCCCCCO", 20_000)
    wait(page, f"{STATES}[0] === 'running'", 60)
    ask(page, "CCO", 6)
    wait(page, f"{STATES}.slice(0, 2).join() === 'waiting,running'")
    began = time.monotonic()
    page.find_elements("css selector", "#jobs li button")[1].click()
    wait(page, f"{STATES}[1] === 'cancelled'")
    assert time.monotonic() - began < 5.0
    wait(page, f"{STATES}[0] === 'failed'", 240)  # random weights make no molecule
    assert len(set(served[1].iterdir()) - before) == 1, "of the cancelled one nothing is left"


def test_a_molecule_that_cannot_be_used_says_why(page):
    ask(page, "CC(O)F", 6)
    said = wait(page, "return document.getElementById('error').textContent")
    assert "C[C@H](O)F" in said and "C[C@@H](O)F" in said
    refused = console(page, "422")
    assert len(refused) == 1 and "/api/jobs" in refused[0]


def test_another_page_of_this_machine_gets_nothing(page, served, tmp_path):
    """Of the same site, so the cookie travels: it is the origin that is refused."""
    own = served[0].split("?")[0]
    jobs = page.execute_script(STATES)
    severe(page)
    (tmp_path / "evil.html").write_text(f"<!DOCTYPE html><iframe src='{own}'></iframe>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *words: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.get(f"http://127.0.0.1:{server.server_address[1]}/evil.html")
        tried = page.execute_async_script(
            "const [own, done] = arguments; const tries = ['cors', 'no-cors'].map((mode) => fetch(own + 'api/jobs',"
            "{method: 'POST', mode, credentials: 'include', body: '{\"smiles\": \"CCO\"}',"
            "headers: mode === 'cors' ? {'content-type': 'application/json'} : {}})"
            ".then((answer) => answer.type, () => 'refused'));"
            "Promise.all([...tries, fetch(own + 'api/results', {credentials: 'include'}).catch(() => 'refused')])"
            ".then(done)",
            own,
        )
        server.shutdown()
    assert tried == ["refused", "refused", "refused"]
    events = console(page, "NotSameOrigin")
    assert any("frame-ancestors" in message for message in events), "nor can it be put into a frame"
    page.get(own)
    wait(page, "return document.getElementById('worker').textContent === 'Ready'", 180)
    assert page.execute_script(STATES) == jobs
    severe(page)


def test_it_fits_a_phone_and_every_input_has_a_name(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        page.refresh()
        wait(page, "return document.querySelectorAll('#results button').length")
        assert barriers(page) == []
        page.find_element("css selector", "details summary").click()
        page.find_element("css selector", "#results button").click()
        assert page.execute_script("return innerWidth") == 390
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        wide = (
            "return [...document.querySelectorAll('main *')].filter((each) => each.getBoundingClientRect().right > 390)"
        )
        assert page.execute_script(wide) == []
        named = "return [...document.querySelectorAll('input, select, button, iframe, a')].filter((each) =>"
        named += " each.checkVisibility()).map((each) => [each.id, each.getAttribute('aria-label') || each.title ||"
        named += " each.textContent.trim() || each.labels?.[0]?.textContent.trim()])"
        assert [id for id, name in page.execute_script(named) if not name] == []
        page.find_element("id", "smiles").send_keys("C")
        assert page.execute_script("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


# `make test` installs the pad; without it the page has only the SMILES box, which the other tests fill
@pytest.mark.skipif(find_pad() is None, reason="the drawing pad's package streamlit-jsme is not installed")
def test_what_is_drawn_becomes_the_smiles(page):
    page.find_element("id", "smiles").send_keys("C(=O)(O)C")
    page.find_element("id", "draw").click()
    page.switch_to.frame(page.find_element("css selector", "#pad iframe"))
    wait(page, "return document.querySelector('#pad svg, #pad canvas')", 120)
    shapes = page.find_elements("css selector", "#pad svg")
    assert shapes and page.execute_script("return self.origin").startswith("http://localhost:")
    page.switch_to.default_content()
    wait(page, "return document.getElementById('smiles').value === 'CC(=O)O'")  # as the pad writes it
    wait(page, "return document.getElementById('facts').textContent.startsWith('C2H4O2')")
