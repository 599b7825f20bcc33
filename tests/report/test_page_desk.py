"""What a reader takes from the page and finds again, in a real Chromium: files, addresses, keys, energies, barriers."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from rdkit import Chem

from eginterpolator.chemistry.features import torsions
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.folder import write_conformer_folder
from eginterpolator.files.trajectory import ConformerEnsemble
from eginterpolator.report import ReportMolecule, write_folder_report, write_report
from tests.builders.browser import barriers, chromium, fetched, phone, severe, wait
from tests.builders.pages import SMILES, decoded, embedded, make_trajectory

browser = pytest.fixture(scope="module")(chromium)
pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    first, second, other = make_trajectory(seed=1), make_trajectory(seed=2), make_trajectory("COCC=O", 5)
    energies = [{"potential_kcal": np.linspace(-30.0, -10.0, 40)}, {}]
    runs = [
        ReportMolecule(first.molecule, [first, second], {"warnings": ["look twice"]}, energies=energies),
        ReportMolecule(Molecule(other.molecule.rdmol, "other"), [other]),
    ]
    path = tmp_path_factory.mktemp("desk") / "report.html"
    write_report(path, runs, {"title": "test", "failures": [{"name": "x", "smiles": "[Pt]", "reason": "no water"}]})
    return path


@pytest.fixture
def opened(browser, page):
    """The page at sample 0, frame 0 of the first molecule; a severe console message fails the test."""
    if browser.current_url.split("#")[0] != page.as_uri():
        browser.get(page.as_uri())
        wait(browser, "return window.ready")
    browser.execute_async_script("app.show({molecule: 0, sample: 0, frame: 0}).then(arguments[0])")
    yield browser
    assert not severe(browser)


@pytest.fixture
def download(opened, tmp_path):
    """Click an element, and the bytes of the file that it saves."""

    def click(selector: str, name: str) -> bytes:
        allow = {"behavior": "allow", "downloadPath": str(tmp_path)}
        opened.execute_cdp_cmd("Browser.setDownloadBehavior", allow)
        opened.execute_script(f"document.querySelector('{selector}').click()")
        end = time.monotonic() + 30
        while not (tmp_path / name).is_file() and time.monotonic() < end:
            time.sleep(0.05)
        return (tmp_path / name).read_bytes()

    return click


def test_the_shown_frame_and_representatives_are_saved_as_sdf(opened, page, download):
    data = embedded(page.read_text())["molecules"][0]
    opened.execute_script("app.go(17)")
    block = download("#frame-sdf", "demo_sample1_frame18.sdf").decode()
    supplier = Chem.SDMolSupplier()
    supplier.SetData(block, removeHs=False)
    (mol,) = supplier
    wanted = decoded(data["samples"][0], mol.GetNumAtoms())[17]
    np.testing.assert_allclose(mol.GetConformer().GetPositions(), wanted, atol=1e-4)
    assert (mol.GetProp("frame"), mol.GetProp("sample"), mol.GetProp("smiles")) == ("17", "0", data["smiles"])
    Chem.AssignStereochemistryFrom3D(mol)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles(SMILES)
    supplier.SetData(download("#states-sdf", "demo_states.sdf").decode(), removeHs=False)
    rows = [row for row in data["states"]["rows"] if "frame" in row]
    assert [(m.GetProp("state"), int(m.GetProp("frame"))) for m in supplier] == [(r["name"], r["frame"]) for r in rows]
    assert [url for url in fetched(opened) if not url.startswith(("file:", "data:", "blob:"))] == []


def test_angles_are_saved_as_csv(page, download):
    rows = list(csv.DictReader(io.StringIO(download("#angles-csv", "demo_torsions.csv").decode())))
    data = embedded(page.read_text())["molecules"][0]
    assert len(rows) == 80 and (rows[79]["sample"], rows[79]["frame"]) == ("1", "39")
    assert float(rows[79]["time_ps"]) == pytest.approx(39 * 5.2)
    label, quadruple = data["torsions"][0]["label"], data["torsions"][0]["atoms"]
    found = np.array([float(row[f"{label}_degrees"]) for row in rows])
    frames = np.concatenate([decoded(sample, len(data["symbols"])) for sample in data["samples"]])
    wanted = np.degrees(torsions(frames, np.array([quadruple])))[:, 0]
    assert np.abs((found - wanted + 180) % 360 - 180).max() < 1.0


def test_plots_are_saved_as_png_and_svg(download):
    assert download("#torsions .save:nth-child(1)", "demo_sample1_torsion1.png").startswith(b"\x89PNG")
    picture = ElementTree.fromstring(download("#torsions .save:nth-child(2)", "demo_sample1_torsion1.svg"))
    said = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert said[0].startswith("Torsion 1, ") and "demo" in said[0] and "0 ps" in said and "180°" in said
    points = "".join(e.get("d") for e in picture.iter("{http://www.w3.org/2000/svg}path") if e.get("fill") != "none")
    assert points.count("z") >= 40, "a dot a frame"


def test_an_address_leads_to_molecule_sample_and_frame(opened, page):
    opened.execute_script("app.go(7)")
    assert opened.execute_script("return location.hash") == "#molecule=demo&sample=1&frame=8"
    opened.execute_script("app.openSample(1)")
    opened.execute_script("app.openMolecule(1)")
    assert opened.execute_script("return location.hash") == "#molecule=other&sample=1&frame=1"
    place = "return [app.molecule, app.sample, app.frame].join() === '{}'"
    for step, wanted in (("back", "0,1,7"), ("back", "0,0,7"), ("forward", "0,1,7")):
        opened.execute_script(f"history.{step}()")
        wait(opened, place.format(wanted))
    opened.get("about:blank")
    opened.get(f"{page.as_uri()}#molecule=other&sample=1&frame=3")
    wait(opened, "return window.ready")
    assert opened.execute_script(place.format("1,0,2")) and opened.execute_script("return app.playing") is False


def test_keys_and_their_help(opened):
    from selenium.webdriver.common.keys import Keys

    body = opened.find_element("tag name", "body")
    body.send_keys(Keys.END)
    assert opened.execute_script("return app.frame") == 39
    body.send_keys(Keys.SHIFT, Keys.ARROW_LEFT)
    assert opened.execute_script("return app.frame") == 29
    body.send_keys("?")
    dialog = opened.find_element("id", "help")
    assert dialog.is_displayed() and "next and previous molecule" in dialog.text
    assert barriers(opened) == []
    opened.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()
    body.send_keys("n")
    wait(opened, "return app.molecule === 1")
    body.send_keys("p")
    wait(opened, "return app.molecule === 0")


def test_energies_of_a_sample_follow_the_frame(opened):
    opened.execute_script("app.go(39)")
    (card,) = opened.find_elements("css selector", "#energies article")
    assert "Potential energy" in card.text and "−10.0 kcal/mol" in card.text
    opened.execute_async_script("app.setSample(1).then(arguments[0])")
    assert not opened.find_element("id", "energies-card").is_displayed()


def test_warnings_and_failures_are_in_sight(opened):
    viewport = opened.find_element("id", "viewport").rect["y"]
    for name, text in (("warnings", "look twice"), ("failed", "x: no water")):
        element = opened.find_element("id", name)
        assert text in element.text and element.rect["y"] < viewport
    heads = [each.text for each in opened.find_elements("css selector", "#failures th")]
    assert heads == ["name", "reason", "smiles"]


def test_labels_of_axes_do_not_touch(opened):
    script = """
      const plot = app.torsionPanel.cards[0].plot;
      const pen = new SvgPen(arguments[0], 124);
      plot.paint(pen, arguments[0], 124);
      plot.draw();
      return pen.parts.filter((p) => p.text).map((p) => {
        const width = pen.measureText(p.text).width;
        const left = p.x - { start: 0, middle: width / 2, end: width }[p.anchor];
        return [p.text, left, left + width, p.y];
      });
    """
    for width in (300, 320, 700):
        labels = opened.execute_script(script, width)
        assert any("%" in text for text, *_ in labels) and sum("ps" in text for text, *_ in labels) >= 2
        below = sorted((left, right) for _, left, right, y in labels if y > 100)
        assert all(right < left for (_, right), (left, _) in zip(below, below[1:], strict=False)), labels


def test_nobody_is_kept_out(opened):
    assert barriers(opened) == []
    opened.execute_script("document.body.append(Object.assign(document.createElement('button'), {id: 'mute'}))")
    assert "button-name" in barriers(opened)[0], "a button without a name is found"
    opened.execute_script("document.getElementById('mute').remove()")
    with phone(opened):
        assert barriers(opened) == []


def test_conformers_have_a_page_without_time(browser, tmp_path):
    shown = make_trajectory("CCCC", 12)
    ensemble = ConformerEnsemble(shown.molecule, shown.positions, np.arange(12.0))
    write_conformer_folder(tmp_path / "butane", ensemble, {"name": "butane", "warnings": []})
    path = write_folder_report(tmp_path)
    data = embedded(path.read_text())["molecules"][0]
    assert data["ensemble"] and data["states"] is None and data["headline"][0] == ["Structures", "12"]
    shares = [well["share"] for well in data["torsions"][0]["wells"]]
    assert sum(share for share, _, _ in shares) == pytest.approx(1, abs=1e-3)
    browser.get(path.as_uri())
    wait(browser, "return window.ready")
    browser.execute_script("app.go(4)")
    clock = browser.find_element("css selector", ".clock").text
    assert "structure 5" in clock and "of 12" in clock and "ps" not in clock
    assert "4.0 kcal/mol" in browser.find_element("id", "energies").text
    assert not browser.find_element("id", "states-card").is_displayed()
    assert barriers(browser) == [] and not severe(browser)
