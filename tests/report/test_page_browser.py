"""The report page in a real Chromium: it draws, plays, links its panels, and fetches nothing."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from eginterpolator.chemistry.features import torsion_quadruples
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.report import ReportMolecule, trajectory_page, write_report
from tests.builders.browser import chromium, fetched, phone, severe, wait
from tests.builders.pages import SMILES, decoded, embedded, make_trajectory

browser = pytest.fixture(scope="module")(chromium)
pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory) -> Path:
    first, second = make_trajectory(seed=1), make_trajectory(seed=2)
    other = make_trajectory("COCC=O", 5)
    clusters = [
        {"cluster": "C1", "population": "0.7", "population_low": "0.6", "population_high": "0.8", "spread": "0.5",
         "unit": "Å", "sample": "1", "frame": "13"},
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("report") / "report.html"
    runs = [
        ReportMolecule(first.molecule, [first, second], {"stereo_retention": 1.0}, clusters=clusters),
        ReportMolecule(Molecule(other.molecule.rdmol, "other"), [other]),
    ]
    write_report(path, runs, {"title": "test", "failures": [{"name": "x", "reason": "no water"}]})
    return path


@pytest.fixture
def opened(browser, page):
    """The page at sample 0, frame 0 of the first molecule; a severe console message fails the test."""
    if browser.current_url.split("#")[0] != page.as_uri():
        browser.get(page.as_uri())
        wait(browser, "return window.ready")
    browser.execute_async_script("app.pause(); app.frame = 0; app.setMolecule(0).then(arguments[0])")
    yield browser
    assert not severe(browser)


def settled(browser) -> None:
    browser.execute_async_script("app.queue.then(arguments[0])")


def drawn(browser) -> np.ndarray:
    settled(browser)
    return np.array(browser.execute_script("return app.view.drawnPositions()")).T


def test_page_draws_the_molecule_and_fetches_nothing(opened, page):
    molecule = Molecule.from_smiles(SMILES)
    assert opened.find_element("id", "no3d").is_displayed() is False
    embedded_positions = decoded(embedded(page.read_text())["molecules"][0]["samples"][0], molecule.n_atoms)
    np.testing.assert_allclose(drawn(opened), embedded_positions[0], atol=1e-4)
    urls = fetched(opened)
    assert page.as_uri() in urls
    assert [url for url in urls if not url.startswith(("file:", "data:"))] == []


def test_bonds_are_those_of_the_input_whatever_their_length(opened):
    orders = opened.execute_script("return Array.from(app.view.structure.obj.data.units[0].bonds.edgeProps.order)")
    molecule = Molecule.from_smiles(SMILES)
    assert len(orders) == 2 * len(molecule.bonds)
    assert orders.count(3) == 2, "one triple bond, stored both ways"


def test_frames_advance_while_playing_and_space_pauses(opened):
    from selenium.webdriver.common.keys import Keys

    body = opened.find_element("tag name", "body")
    before = drawn(opened)
    body.send_keys(Keys.SPACE)
    wait(opened, "return app.frame > 3")
    body.send_keys(Keys.SPACE)
    frame = opened.execute_script("return app.frame")
    time.sleep(0.3)
    assert opened.execute_script("return app.frame") == frame, "space pauses"
    assert np.abs(drawn(opened) - before).max() > 0.1
    assert opened.find_element("id", "time").text == f"{frame * 5.2:.1f} ps"


def test_sample_and_molecule_pickers_change_what_is_drawn(opened):
    from selenium.webdriver.support.ui import Select

    before = drawn(opened)
    Select(opened.find_element("id", "sample")).select_by_index(1)
    after = drawn(opened)
    assert after.shape == before.shape and np.abs(after - before).max() > 0.1
    Select(opened.find_element("id", "molecule")).select_by_index(1)
    wait(opened, "return app.molecule === 1")
    wait(opened, f"return app.view.drawnPositions()[0].length === {Molecule.from_smiles('COCC=O').n_atoms}")
    assert opened.find_element("id", "smiles").text == "COCC=O"


def test_torsions_are_all_there_and_linked(opened):
    quads = torsion_quadruples(Molecule.from_smiles(SMILES)).tolist()
    cards = opened.find_elements("css selector", "#torsions .torsion")
    assert len(cards) == len(quads) == len(opened.find_elements("css selector", "#drawing .badge"))
    cards[1].find_element("css selector", ".torsion-head").click()
    settled(opened)
    assert opened.execute_script("return app.view.markedAtoms()") == sorted(quads[1])
    numbers = [e.text for e in opened.find_elements("css selector", "#drawing .numbers .on")]
    assert sorted(map(int, numbers)) == sorted(i + 1 for i in quads[1])
    places = [e.get_attribute("style") for e in opened.find_elements("css selector", ".plot .cursor")]
    opened.execute_script("app.seek(20)")
    moved = [e.get_attribute("style") for e in opened.find_elements("css selector", ".plot .cursor")]
    assert all(a != b for a, b in zip(places, moved, strict=True))


def test_shown_torsion_is_the_one_of_the_drawn_frame(opened):
    molecule = Molecule.from_smiles(SMILES)
    opened.execute_script("app.seek(17)")
    conformer = Chem.Conformer(molecule.n_atoms)
    conformer.SetPositions(drawn(opened).astype(float))
    shown = [e.text for e in opened.find_elements("css selector", "#torsions .now")]
    for text, quad in zip(shown, torsion_quadruples(molecule).tolist(), strict=True):
        angle = rdMolTransforms.GetDihedralDeg(conformer, *quad)
        difference = (float(text.rstrip("°").replace("−", "-")) - angle + 180) % 360 - 180
        assert abs(difference) < 1.0


def test_rows_of_clusters_and_states_jump_to_their_frames(opened):
    for card, place in (("clusters", (1, 13)), ("states", None)):
        jump = opened.find_element("css selector", f"#{card} .jump")
        assert opened.execute_script("arguments[0].click(); return true", jump)
        settled(opened)
        shown = tuple(opened.execute_script("return [app.sample, app.frame]"))
        assert jump.text == f"sample {shown[0] + 1}, frame {shown[1] + 1}" and place in (None, shown)
    assert opened.find_element("css selector", "#states tr.here b").text == "S1"
    wells = [each.text for each in opened.find_elements("css selector", "#torsions .torsion:first-child .well")]
    assert wells and all("%" in well for well in wells)


def test_frames_can_be_coloured_by_state(opened):
    """Dots in the colour of the first state, #0072b2, are there while the button is pressed."""

    def dots() -> int:
        return opened.execute_script(
            "const plot = document.querySelector('.plot canvas');"
            "const {data} = plot.getContext('2d').getImageData(0, 0, plot.width, plot.height); let found = 0;"
            "for (let i = 0; i < data.length; i += 4)"
            " found += data[i] === 0 && data[i + 1] === 114 && data[i + 2] === 178;"
            "return found"
        )

    found = [dots()]
    for _ in range(2):
        opened.execute_script("document.getElementById('colours').click()")
        found.append(dots())
    assert found[0] == found[2] == 0 < found[1]


def test_a_phone_sees_the_tables_without_scrolling_sideways(opened):
    with phone(opened):
        assert opened.execute_script("return document.documentElement.scrollWidth") == 390
        for button in opened.find_elements("css selector", ".frames .jump"):
            assert button.rect["x"] >= 0 and button.rect["x"] + button.rect["width"] <= 390
        assert "no water" in opened.find_element("css selector", "#failures td:nth-child(2)").text
        assert opened.find_element("css selector", "#failures td:nth-child(2)").rect["x"] < 100


def test_styles_hydrogens_and_superposed_frames(opened):
    for name in ("hydrogens", "ghosts", "numbers"):
        opened.find_element("id", name).click()
    for button in opened.find_elements("css selector", "#style button"):
        button.click()
    settled(opened)
    assert opened.execute_script("return app.view.settings") == {"style": "space", "hydrogens": False}
    assert opened.execute_script("return app.view.ghostSubset.length") == 30


def test_trajectory_page_opens_and_plays_by_itself(browser, tmp_path, trajectory):
    path = tmp_path / "one.html"
    path.write_text(trajectory_page(trajectory))
    browser.get(path.as_uri())
    wait(browser, "return window.ready && app.frame > 2")
    assert browser.find_element("id", "pick-molecule").is_displayed() is False
    assert browser.find_element("id", "loading").is_displayed() is False
    assert drawn(browser).shape == (trajectory.molecule.n_atoms, 3)


def test_the_first_screen_has_the_play_button_and_the_whole_molecule(opened):
    viewport = opened.find_element("id", "viewport").rect
    for name in ("play", "sample", "run"):
        box = opened.find_element("id", name).rect
        assert box["y"] + min(box["height"], 40) < opened.execute_script("return innerHeight"), name
    corners = opened.execute_script(
        "const {camera, webgl} = app.view.plugin.canvas3d; const [x, y, z] = app.view.drawnPositions();"
        "return x.map((_, i) => Array.from(camera.project([0, 0, 0, 0], [x[i], y[i], z[i]])).slice(0, 2)"
        ".map((v, d) => v / (d ? webgl.gl.canvas.height : webgl.gl.canvas.width)))"
    )
    assert viewport["height"] > 300 and np.min(corners) > 0.02 and np.max(corners) < 0.98


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(browser, tmp_path, trajectory):
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><meta charset='utf-8'><body>{trajectory.show()._repr_html_()}</body>")
    browser.get_log("performance"), browser.get_log("browser")
    browser.get(path.as_uri())
    browser.switch_to.frame(browser.find_element("tag name", "iframe"))
    wait(browser, "return window.ready")
    assert drawn(browser).shape == (trajectory.molecule.n_atoms, 3)
    assert browser.execute_script("return app.playing") is False, "it waits for its reader"
    browser.find_element("id", "play").click()
    wait(browser, "return app.frame > 2")
    browser.switch_to.default_content()
    assert not severe(browser)
    assert [url for url in fetched(browser) if not url.startswith(("file:", "data:", "about:"))] == []


def test_a_run_in_which_everything_failed_shows_why(browser, tmp_path):
    write_report(tmp_path / "r.html", [], {"title": "lost", "failures": [{"name": "salt", "reason": "two fragments"}]})
    browser.get((tmp_path / "r.html").as_uri())
    wait(browser, "return window.ready")
    assert "two fragments" in browser.find_element("id", "failures-card").text
    assert not browser.find_element("id", "stage").is_displayed()
    assert not severe(browser)
