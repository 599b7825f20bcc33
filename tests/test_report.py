"""The report page: its numbers against RDKit, its packing, and the page itself in a real Chromium."""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms

from eginterpolator.errors import InputError
from eginterpolator.evaluation.features import torsion_quadruples
from eginterpolator.molecule import Molecule
from eginterpolator.report import ReportMolecule, geometry, trajectory_page, trajectory_picture, write_report
from eginterpolator.report.facts import fact_lines, seconds_text, share_text
from eginterpolator.report.payload import molecule_payload
from eginterpolator.trajectory import Trajectory

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")

SMILES = "CC[C@H](O)C#CCOC"


def make_trajectory(smiles: str = SMILES, n_frames: int = 40, seed: int = 1) -> Trajectory:
    molecule = Molecule.from_smiles(smiles, "demo")
    mol = Chem.Mol(molecule.rdmol)
    AllChem.EmbedMultipleConfs(mol, n_frames, randomSeed=seed)
    positions = np.array([c.GetPositions() for c in mol.GetConformers()], dtype=np.float32)
    assert len(positions) == n_frames
    return Trajectory(molecule, positions, frame_ps=5.2, meta={"seed": seed})


@pytest.fixture(scope="module")
def trajectory() -> Trajectory:
    return make_trajectory()


def embedded(html: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S).group(1))


def decoded(sample: dict, n_atoms: int) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(sample["xyz"]), dtype="<i2")
    return values.reshape(sample["frames"], n_atoms, 3) * sample["step"]


def distances(positions: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)


# ---- numbers ---------------------------------------------------------------------------------------------------------
def test_superposition_is_a_rotation_that_finds_the_way_back(trajectory):
    rng = np.random.default_rng(0)
    frame = trajectory.positions[0].astype(float)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation[:, 0] *= np.sign(np.linalg.det(rotation))
    back = geometry.superpose((frame @ rotation.T + [4.0, -2.0, 7.0])[None], frame, trajectory.molecule.n_heavy)
    np.testing.assert_allclose(back[0], frame, atol=1e-6)
    mirrored = geometry.superpose(frame[None] * [-1, 1, 1], frame, trajectory.molecule.n_heavy)
    assert np.abs(mirrored[0] - frame).max() > 0.3, "superposition must not turn a molecule into its mirror image"


def test_principal_frame_keeps_handedness_and_lies_along_x(trajectory):
    frame = trajectory.positions[0].astype(float)
    turned = geometry.principal_frame(frame, trajectory.molecule.n_heavy)
    np.testing.assert_allclose(distances(turned[None]), distances(frame[None]), atol=1e-6)
    triple = [turned[i] - turned[0] for i in (1, 2, 3)]
    wanted = [frame[i] - frame[0] for i in (1, 2, 3)]
    assert np.sign(np.linalg.det(triple)) == np.sign(np.linalg.det(wanted))
    spread = turned[: trajectory.molecule.n_heavy].std(axis=0)
    assert spread[0] >= spread[1] >= spread[2]


def test_lengths_and_angles_equal_rdkit(trajectory):
    molecule = trajectory.molecule
    mol = Chem.Mol(molecule.rdmol)
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(trajectory.positions[3].astype(float))
    rows = geometry.angle_triples(molecule)
    degrees = [sum(i in pair for pair in molecule.heavy_bonds) for i in range(molecule.n_heavy)]
    assert len(rows) == sum(d * (d - 1) // 2 for d in degrees)
    angles = geometry.bond_angles(trajectory.positions[3:4].astype(float), rows)[0]
    for row, angle in zip(rows.tolist(), angles, strict=True):
        assert angle == pytest.approx(rdMolTransforms.GetAngleDeg(conformer, *row), abs=1e-3)
    lengths = geometry.bond_lengths(trajectory.positions[3:4].astype(float), molecule.heavy_bonds)[0]
    for pair, length in zip(molecule.heavy_bonds.tolist(), lengths, strict=True):
        assert length == pytest.approx(rdMolTransforms.GetBondLength(conformer, *pair), abs=1e-5)


def test_jensen_shannon_equals_scipy():
    from scipy.spatial.distance import jensenshannon

    rng = np.random.default_rng(1)
    p, q = rng.integers(0, 20, 100), rng.integers(0, 20, 100)
    assert geometry.jensen_shannon(p, q) == pytest.approx(float(jensenshannon(p, q)))
    assert geometry.jensen_shannon(p, 3 * p) == pytest.approx(0.0, abs=1e-7)


def test_facts_are_readable():
    assert seconds_text(0.42) == "0.4 s" and seconds_text(185) == "3 min 05 s" and seconds_text(7800) == "2 h 10 min"
    assert share_text(0.99996) == "99.9 %", "a lost frame must not be rounded away"
    assert share_text([1.0, 0.5]) == "75.0 %" and share_text(True) == "100 %"
    lines = dict(fact_lines({"seed": 0, "stereo_retention": 1.0, "versions": {"torch": "2.13"}, "note": None}))
    assert lines == {"Seed": "0", "Stereo retention": "100 %", "Versions": "torch 2.13"}


# ---- what the page holds ---------------------------------------------------------------------------------------------
def test_payload_keeps_shape_and_chirality(trajectory):
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [trajectory]))
    n_atoms = trajectory.molecule.n_atoms
    positions = decoded(payload["samples"][0], n_atoms)
    np.testing.assert_allclose(distances(positions), distances(trajectory.positions), atol=0.004)
    centre, a, b, c = trajectory.molecule.triples[0]
    signs = np.sign(np.linalg.det(np.stack([positions[:, i] - positions[:, centre] for i in (a, b, c)], axis=1)))
    assert (signs == trajectory.molecule.triple_signs[0]).all()
    assert [t["atoms"] for t in payload["torsions"]] == torsion_quadruples(trajectory.molecule).tolist()
    assert len(payload["places"]) == trajectory.molecule.n_heavy
    assert sum(payload["torsions"][0]["all"]) == trajectory.n_frames


def test_reference_gives_a_distance_and_must_fit(trajectory):
    quads = torsion_quadruples(trajectory.molecule)
    reference = np.random.default_rng(0).uniform(-np.pi, np.pi, (500, len(quads)))
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [trajectory], {}, reference))
    assert all(0 < t["jsd"] < 0.84 and sum(t["reference"]) == 500 for t in payload["torsions"])
    with pytest.raises(InputError, match="one column"):
        molecule_payload(ReportMolecule(trajectory.molecule, [trajectory], {}, reference[:, :-1]))


def test_broken_frames_are_counted_and_never_averaged(trajectory):
    positions = trajectory.positions.copy()
    positions[[0, 7]] = np.nan
    broken = Trajectory(trajectory.molecule, positions, 5.2, {})
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [broken]))
    assert payload["samples"][0]["broken"] == 2
    assert sum(payload["torsions"][0]["all"]) == trajectory.n_frames - 2
    assert np.isfinite(payload["bonds"][0]["mean"])
    with pytest.raises(InputError, match="no frame with finite"):
        nothing = Trajectory(trajectory.molecule, np.full_like(positions, np.nan), 5.2, {})
        molecule_payload(ReportMolecule(trajectory.molecule, [nothing]))


def test_heavy_atoms_alone_are_enough(trajectory):
    heavy = Trajectory(trajectory.molecule, trajectory.positions[:, : trajectory.molecule.n_heavy], 5.2, {})
    payload = molecule_payload(ReportMolecule(trajectory.molecule, [heavy]))
    assert payload["symbols"] == [s for s in payload["symbols"] if s != "H"]
    assert Chem.MolFromMolBlock(payload["molblock"], removeHs=False).GetNumAtoms() == trajectory.molecule.n_heavy


@pytest.mark.parametrize("smiles", ["C", "CO", "C#C", "c1ccccc1"])
def test_small_and_stiff_molecules(smiles):
    payload = molecule_payload(ReportMolecule(Molecule.from_smiles(smiles), [make_trajectory(smiles, 3)]))
    assert payload["samples"][0]["frames"] == 3


def test_page_is_whole_small_and_escapes_what_users_write(tmp_path, trajectory):
    long = Trajectory(trajectory.molecule, np.tile(trajectory.positions, (13, 1, 1))[:500], 5.2, {})
    evil = "</script><script>alert(1)</script>"
    path = tmp_path / "report.html"
    write_report(path, [ReportMolecule(trajectory.molecule, [long] * 10, {"model": evil})], {"title": evil})
    html = path.read_text()
    assert evil not in html
    assert dict(embedded(html)["molecules"][0]["facts"])["Model"] == evil
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)\s*=\s*[\"'](?!data:)", html)
    assert path.stat().st_size < 6e6, f"10 samples x 500 frames x {trajectory.molecule.n_atoms} atoms"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_too_much_data_is_thinned_and_said(trajectory, tmp_path):
    write_report(tmp_path / "r.html", [ReportMolecule(trajectory.molecule, [trajectory])], max_data_mb=0.005)
    data = embedded((tmp_path / "r.html").read_text())
    sample = data["molecules"][0]["samples"][0]
    assert data["stride"] > 1 and sample["frame_ps"] == pytest.approx(5.2 * data["stride"])
    assert sum(data["molecules"][0]["torsions"][0]["all"]) == trajectory.n_frames, "statistics take every frame"


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(InputError, match="nothing to report"):
        write_report(tmp_path / "r.html", [], {})
    assert not list(tmp_path.iterdir())


def test_picture(tmp_path, trajectory):
    pytest.importorskip("matplotlib")
    for suffix, head in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        trajectory_picture(trajectory, tmp_path / f"p{suffix}")
        assert (tmp_path / f"p{suffix}").read_bytes().startswith(head)
    with pytest.raises(InputError, match="not as"):
        trajectory_picture(trajectory, tmp_path / "p.doc")


def test_folder_report(tmp_path, trajectory):
    folder = pytest.importorskip("eginterpolator.folder")
    from eginterpolator.report import write_folder_report

    folder.write_molecule_folder(
        tmp_path / "demo", trajectory.molecule, [trajectory, trajectory], {"seed": 3, "model": "m"}
    )
    (tmp_path / "failures.csv").write_text("name,smiles,reason\nbad,C(,its syntax cannot be parsed\n")
    data = embedded(write_folder_report(tmp_path).read_text())
    assert [len(m["samples"]) for m in data["molecules"]] == [2]
    assert data["failures"] == [{"name": "bad", "smiles": "C(", "reason": "its syntax cannot be parsed"}]
    with pytest.raises(InputError, match="no folder"):
        write_folder_report(tmp_path / "nowhere")


# ---- the page in a browser -------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver_path = shutil.which("chromedriver")
    if not binary or not driver_path:
        pytest.skip("no Chromium with chromedriver here; install Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900",
        "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory) -> Path:
    first, second = make_trajectory(seed=1), make_trajectory(seed=2)
    other = make_trajectory("COCC=O", 5)
    path = tmp_path_factory.mktemp("report") / "report.html"
    runs = [
        ReportMolecule(first.molecule, [first, second], {"stereo_retention": 1.0}),
        ReportMolecule(other.molecule, [other]),
    ]
    write_report(path, runs, {"title": "test", "failures": [{"name": "x", "reason": "y"}]})
    return path


@pytest.fixture
def opened(browser, page):
    """The page at sample 0, frame 0 of the first molecule; a severe console message fails the test."""
    if browser.current_url != page.as_uri():
        browser.get(page.as_uri())
        wait(browser, "return window.ready")
    else:
        browser.execute_async_script("app.pause(); app.frame = 0; app.setMolecule(0).then(arguments[0])")
    yield browser
    severe = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not severe


def wait(browser, script: str, seconds: float = 60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = browser.execute_script(script)
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"never true: {script}")


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
    events = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
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


def test_styles_hydrogens_and_superposed_frames(opened):
    for name in ("hydrogens", "ghosts", "numbers"):
        opened.find_element("id", name).click()
    for button in opened.find_elements("css selector", "#style button"):
        button.click()
    settled(opened)
    assert opened.execute_script("return app.view.settings") == {"style": "space", "hydrogens": False}
    assert opened.execute_script("return app.view.ghostSubset.length") == 30


def test_trajectory_page_opens(browser, tmp_path, trajectory):
    path = tmp_path / "one.html"
    path.write_text(trajectory_page(trajectory))
    browser.get(path.as_uri())
    wait(browser, "return window.ready")
    assert browser.find_element("id", "pick-molecule").is_displayed() is False
    assert drawn(browser).shape == (trajectory.molecule.n_atoms, 3)


def test_a_run_in_which_everything_failed_shows_why(browser, tmp_path):
    write_report(tmp_path / "r.html", [], {"title": "lost", "failures": [{"name": "salt", "reason": "two fragments"}]})
    browser.get((tmp_path / "r.html").as_uri())
    wait(browser, "return window.ready")
    assert "two fragments" in browser.find_element("id", "failures-card").text
    assert not browser.find_element("id", "stage").is_displayed()
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
