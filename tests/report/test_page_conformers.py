"""The page of ranked conformers in a real Chromium: gallery, ladder, and jumps from both."""

from __future__ import annotations

import base64

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import write_conformer_folder
from eginterpolator.files.notebook import Table
from eginterpolator.generation.conformers import etkdg_ensemble, finished_ensemble
from eginterpolator.report import write_folder_report
from eginterpolator.simulation.conformers import RankSettings
from tests.builders.browser import barriers, chromium, phone, screen, severe, wait

browser = pytest.fixture(scope="module")(chromium)
WIDE = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


def test_the_page_of_ranked_conformers(browser, tmp_path):
    molecule = Molecule.from_smiles("CCC[C@H](C)OC(=O)CCN", "ester")
    found = finished_ensemble(etkdg_ensemble(molecule, 40, seed=1), RankSettings.of("mmff", clusters="0.9"), 1)
    thermal = ("thermal", "thermal_low", "thermal_high")  # as of a simulation
    rows = [{**row, **dict(zip(thermal, (row["population"], 0.0, 1.0), strict=True))} for row in found.clusters.rows]
    found.clusters = Table([*found.clusters, *thermal], rows)
    write_conformer_folder(tmp_path / "ester", found, {"name": "ester", "warnings": [], **found.meta})
    browser.get(write_folder_report(tmp_path).as_uri())
    wait(browser, "return window.ready")
    with screen(browser, 1400):
        assert browser.find_element("css selector", "#tiles .tile b").text == f"{len(found)} of 40"
        cards = browser.find_elements("css selector", "#gallery .pick")
        assert len(cards) == min(12, len(rows)) and f"{found.meta['ranking']['kept']} of 40 kept" in browser.page_source
        assert all(card.find_elements("css selector", "svg line") for card in cards) and "thermal" in cards[0].text
        levels = browser.find_elements("css selector", "#ladder .level")
        assert len(levels) == len(found)
        cards[1].click()
        frame = rows[1]["frame"]
        wait(browser, f"return app.frame === {frame}")
        here = browser.find_elements("css selector", "#ladder .level.here")
        assert [int(level.get_attribute("data-frame")) for level in here] == [frame]
        line = "document.querySelector('#ladder .level[data-frame=\"2\"] rect')"
        browser.execute_script(f"{line}.dispatchEvent(new Event('click', {{bubbles: true}}))")
        wait(browser, "return app.frame === 2")
        assert browser.find_element("css selector", ".clock").text.startswith("structure 3")
        order = "['clusters-card', 'ladder-card', 'torsions'].map((id) => $(id).getBoundingClientRect().top)"
        tops = browser.execute_script(f"return {order}")
        assert tops == sorted(tops), "clusters, ladder, torsions"
        assert browser.execute_script(WIDE) <= 0
        shot(browser, tmp_path / "1400.png")
        assert barriers(browser) == []
    with phone(browser):
        assert browser.execute_script(WIDE) <= 0
        shot(browser, tmp_path / "390.png")
        assert barriers(browser) == []
    assert not severe(browser)


def shot(browser, path) -> None:
    """The whole page as a picture, for who wants to look at it."""
    height = browser.execute_script("return document.documentElement.scrollHeight")
    size = {"x": 0, "y": 0, "width": browser.execute_script("return innerWidth"), "height": height, "scale": 1}
    told = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": size})
    path.write_bytes(base64.b64decode(told["data"]))
    assert path.stat().st_size > 10_000
