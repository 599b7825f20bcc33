"""The page of an evaluation in a real Chromium."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eginterpolator.evaluation.conformers import ConformerEvaluation, Matching
from eginterpolator.report.evaluation_page import write_evaluation_report
from tests.builders.browser import barriers, chromium, fetched, phone, screen, severe, wait
from tests.builders.conformers import FLEXIBLE, embedded
from tests.builders.evaluations import PUBLISHED
from tests.builders.pages import decoded
from tests.builders.pages import embedded as embedded_data

browser = pytest.fixture(scope="module")(chromium)


@pytest.fixture(scope="module")
def page(evaluation, tmp_path_factory):
    pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")
    path = tmp_path_factory.mktemp("evaluation") / "report.html"
    write_evaluation_report(path, evaluation, PUBLISHED, title="made up")
    return path


@pytest.fixture
def opened(browser, page):
    """The page at frame 0 of the first molecule; a severe console message fails the test."""
    if browser.current_url != page.as_uri():
        browser.get(page.as_uri())
        wait(browser, "return window.ready")
    browser.execute_async_script("const done = arguments[0]; app.setMolecule(0).then(() => app.queue).then(done)")
    yield browser
    assert not severe(browser)


def drawn(browser, side: str) -> np.ndarray:
    browser.execute_async_script("app.queue.then(arguments[0])")
    return np.array(browser.execute_script(f"return app.views.{side}.drawnPositions()")).T


def test_headline_has_generated_oracle_and_published(opened, page, evaluation):
    rows = [row.text for row in opened.find_elements("css selector", "#headline tbody tr")]
    assert [row.split(",")[0] for row in rows[:2]] == ["Generated", "MD oracle"]
    assert rows[2].startswith("Generated minus it") and "someone, somewhere" in rows[3]
    change = evaluation.to_dict()["differences"]["torsion"]
    assert f"{change['mean']:+.3f}" in rows[2] and "at the oracle" not in rows[2], "two molecules tell nothing"
    summary = evaluation.to_dict()["generated"]["torsion"]
    assert f"{summary['mean']:.3f} / {summary['median']:.3f}" in rows[0] and f"{summary['mean_95'][0]:.3f}" in rows[0]
    assert "0.210 / 0.188" in rows[3]
    assert "<b>for</b>" in opened.find_element("id", "failures").text, "shown as text, not as markup"
    urls = fetched(opened)
    assert page.as_uri() in urls and [url for url in urls if not url.startswith(("file:", "data:"))] == []


def test_players_move_in_step(opened, page):
    data = embedded_data(page.read_text())["molecules"][0]["players"]
    molecule, _ = embedded(FLEXIBLE)
    for frame in (0, 31):
        opened.execute_script(f"app.seek({frame})")
        for side in ("reference", "generated"):
            wanted = decoded({**data["sides"][side], "step": data["step"]}, molecule.n_atoms)[frame]
            np.testing.assert_allclose(drawn(opened, side), wanted, atol=1e-4)
    assert opened.find_element("id", "time").text == "161.2 ps"
    opened.find_element("id", "play").click()
    wait(opened, "return app.frame !== 31")
    opened.execute_script("app.pause()")
    frame = opened.execute_script("return app.frame")
    wanted = decoded({**data["sides"]["generated"], "step": data["step"]}, molecule.n_atoms)[frame]
    np.testing.assert_allclose(drawn(opened, "generated"), wanted, atol=1e-4)


def test_turning_one_view_turns_the_other(opened):
    place = "return Array.from(app.views.{}.plugin.canvas3d.camera.state.position)"
    opened.execute_script(
        "app.leading = 'reference'; const camera = app.views.reference.plugin.canvas3d;"
        "const snapshot = camera.camera.getSnapshot(); const r = Math.hypot(...snapshot.position);"
        "camera.requestCameraReset({snapshot: {...snapshot, position: [r, 0, 0.01], up: [0, 1, 0]}, durationMs: 0})"
    )
    wait(opened, f"{place.format('generated').replace('return ', 'return Math.abs(')}[2]) < 0.5")
    found = [opened.execute_script(place.format(side)) for side in ("reference", "generated")]
    np.testing.assert_allclose(found[0], found[1], atol=0.05)
    opened.execute_script("app.leading = null")


def test_maps_share_one_scale(opened, evaluation):
    counts = evaluation.curves["flexible"].tica
    shares = {source: grid.ravel() / grid.sum() for source, grid in counts.items()}
    largest = max(share.max() for share in shares.values())
    for source, share in shares.items():
        k = int(share.argmax())
        script = f"const m = app.current.tica; return freeEnergies(m)['{source}'][{k}]"
        assert opened.execute_script(script) == pytest.approx(-math.log(share[k] / largest), abs=1e-9)
        pixel = opened.execute_script(
            f"const c = document.querySelector('#tica [data-source={source}] canvas');"
            f"return Array.from(c.getContext('2d').getImageData({k // 50}, {49 - k % 50}, 1, 1).data)"
        )
        wanted = opened.execute_script(f"return rampColour(1 - {-math.log(share[k] / largest)} / MAP_TOP)")
        assert np.abs(np.array(pixel[:3]) - wanted).max() <= 1 and pixel[3] == 255


def test_every_panel_is_filled(opened):
    assert len(opened.find_elements("css selector", "#features svg path.generated")) == 6
    assert len(opened.find_elements("css selector", "#autocorrelations svg")) == 3
    assert len(opened.find_elements("css selector", "#torsion-map .rose")) == 3
    staying = opened.find_elements("css selector", "#staying svg")
    assert staying and all(chart.find_elements("css selector", "path.foretold") for chart in staying)
    assert "Implied timescales" in opened.find_element("id", "numbers").text


def test_a_rigid_and_a_lost_molecule_show_what_they_have(opened):
    opened.execute_async_script("const done = arguments[0]; app.setMolecule(1).then(() => app.queue).then(done)")
    assert "Too rigid" in opened.find_element("id", "notes").text
    assert not opened.find_element("id", "tica-card").is_displayed()
    assert not opened.find_element("id", "torsion-card").is_displayed()
    assert not opened.find_element("id", "staying-card").is_displayed()
    opened.execute_async_script("const done = arguments[0]; app.setMolecule(2).then(() => app.queue).then(done)")
    assert not opened.find_element("id", "view-generated").is_displayed()
    assert opened.find_element("id", "view-reference").is_displayed()
    assert drawn(opened, "reference").shape == (12, 3)


def test_nobody_is_kept_out_and_a_phone_shows_the_page(opened):
    with screen(opened, 1400):
        assert barriers(opened) == []
        assert opened.execute_script(
            "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    note = opened.find_element("id", "jsd-note").text
    assert "0.83 nothing in common" in note and "MD against itself" in note
    with phone(opened):
        assert barriers(opened) == []
        assert opened.execute_script("return document.documentElement.scrollWidth") == 390
        for figure in opened.find_elements("css selector", "#tica figure"):
            assert figure.rect["width"] > 120


def test_a_click_on_a_column_sorts(opened, evaluation):
    opened.find_element("css selector", "#molecules th[data-column=length]").click()
    names = [e.text for e in opened.find_elements("css selector", "#molecules tbody b")]
    means = {n: (evaluation.generated.get(n) or evaluation.oracle[n]).jsd["length"].mean() for n in evaluation.oracle}
    assert names == sorted(means, key=means.get, reverse=True)


def test_conformers_have_a_page_too(browser, tmp_path):
    pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")
    found = ConformerEvaluation((0.5, 1.25), {"a": Matching(np.array([0.2, 0.7]), np.array([0.2, 0.9, 2.0, 0.4]), 2)})
    found.matchings["b"] = Matching(np.zeros(0), np.zeros(0), 3)
    found.failures.append({"name": "b", "reason": "nothing was generated for this molecule."})
    row = {"cov_r": {"mean": 0.8, "median": 0.82}}
    write_evaluation_report(tmp_path / "c.html", found, {0.5: {"BasicES": row}}, title="conformers")
    browser.get((tmp_path / "c.html").as_uri())
    wait(browser, "return window.ready")
    rows = [row.text for row in browser.find_elements("css selector", "#headline tbody tr")]
    assert len(rows) == 3 and "0.250 / 0.250" in rows[0] and "0.500 / 0.500" in rows[1] and "BasicES" in rows[2]
    assert len(browser.find_elements("css selector", "#coverage svg")) == 2
    assert not browser.find_element("id", "detail").is_displayed() and not severe(browser)
