"""The page of an evaluation: its numbers, and what a real Chromium shows of them."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from eginterpolator.chemistry.features import torsions
from eginterpolator.chemistry.torsion_times import autocorrelation
from eginterpolator.errors import InputError
from eginterpolator.evaluation import msm
from eginterpolator.evaluation.comparison import Reference
from eginterpolator.evaluation.conformers import ConformerEvaluation, Matching
from eginterpolator.evaluation.curves import collect_curves
from eginterpolator.evaluation.trajectories import Evaluation, EvaluationConfig
from eginterpolator.report.evaluation_figures import write_figures
from eginterpolator.report.evaluation_page import write_evaluation_report
from eginterpolator.report.evaluation_payload import trajectory_payload
from eginterpolator.report.torsion_map import torsion_map
from tests.builders.browser import chromium, fetched, severe, wait
from tests.builders.conformers import FLEXIBLE, embedded, walk
from tests.builders.pages import decoded
from tests.builders.pages import embedded as embedded_data

PUBLISHED = {"Published: someone, somewhere": {"length": {"mean": 0.21, "median": 0.188}}}
RIGID = "c1ccccc1"


def add(evaluation: Evaluation, name: str, smiles: str, generated: bool = True) -> None:
    """Judge made-up trajectories of one molecule."""
    molecule, _ = embedded(smiles)
    windows, oracle, ours = ([walk(smiles, 60, seed) for seed in seeds] for seeds in ((1, 2, 3), (4,), (5, 6)))
    reference = Reference.of(molecule, windows, 5.2)
    sources, frames = {"oracle": reference.observe(oracle)}, {"reference": windows[0]}
    evaluation.smiles[name] = molecule.smiles
    evaluation.oracle[name] = reference.judge(sources["oracle"], oracle)
    if generated:
        sources["generated"], frames["generated"] = reference.observe(ours), ours[0]
        evaluation.generated[name] = reference.judge(sources["generated"], ours)
    evaluation.curves[name] = collect_curves(reference, sources, frames)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    patch = pytest.MonkeyPatch()
    patch.setattr(msm, "METASTABLE", 3)
    found = Evaluation(EvaluationConfig(n_frames=60, curves=True))
    add(found, "flexible", FLEXIBLE)
    add(found, "rigid", RIGID)
    add(found, "lost", "CCCO", generated=False)
    found.failures.append({"name": "lost", "reason": "nothing was generated <b>for</b> this molecule."})
    patch.undo()
    return found


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_curves_are_those_of_the_trajectories(evaluation):
    curves = evaluation.curves["flexible"]
    ours = [walk(FLEXIBLE, 60, seed) for seed in (5, 6)]
    assert curves.histograms["generated"]["torsion"].sum() == 120 * 3
    assert all(grid.sum() == n for grid, n in zip(curves.tica.values(), (180, 60, 120), strict=True))
    quadruples = np.array([[0, 1, 3, 4]])  # any torsion of the molecule, against the plain function
    plain = np.mean([autocorrelation(torsions(x, quadruples)) for x in ours], axis=0)
    column = [k for k in range(3) if np.allclose(curves.autocorrelations["generated"][:, k], plain[:30, 0])]
    assert curves.autocorrelations["generated"].shape == (30, 3) and len(column) == 1
    assert evaluation.curves["rigid"].tica == {}


def test_worst_and_median_features_are_so(evaluation):
    found = trajectory_payload(evaluation, PUBLISHED)["molecules"][0]
    jsd = evaluation.generated["flexible"].jsd
    for feature in found["features"]:
        values = np.sort(jsd[feature["kind"]])
        wanted = values[-1] if feature["rank"] == "worst" else values[(len(values) - 1) // 2]
        assert feature["jsd"]["generated"] == pytest.approx(wanted)
        assert [sum(c) for c in feature["counts"].values()] == [180, 60, 120]
    assert len(found["features"]) == 6


def test_players_hold_both_trajectories_superposed(evaluation):
    players = trajectory_payload(evaluation, {})["molecules"][0]["players"]
    molecule, _ = embedded(FLEXIBLE)
    for side, seed in (("reference", 1), ("generated", 5)):
        shown = decoded({**players["sides"][side], "step": players["step"]}, molecule.n_atoms)
        true = walk(FLEXIBLE, 60, seed)
        distances = [np.linalg.norm(x[7, :, None] - x[7], axis=-1) for x in (shown, true)]
        assert np.abs(distances[0] - distances[1]).max() < 0.005  # the same frame, moved as a whole
    lost = trajectory_payload(evaluation, {})["molecules"][2]["players"]
    assert list(lost["sides"]) == ["reference"]


def test_torsion_map_turns_clockwise_from_the_top():
    molecule, _ = embedded("CCCO")
    counts = np.zeros((1, 100), dtype=int)
    counts[0, 75] = 10  # +90 degrees: to the right
    drawn = torsion_map(molecule, np.array([[0, 1, 2, 3]]), {"reference": counts}, [0.5], standalone=True)
    root = ElementTree.fromstring(drawn)
    space = "{http://www.w3.org/2000/svg}"
    path = next(p for p in root.iter(f"{space}path") if p.get("class") == "reference")
    rim = next(c for c in root.iter(f"{space}circle") if c.get("class") == "rim")
    points = np.array(re.findall(r"([\d.]+) ([\d.]+)", path.get("d")), dtype=float)
    centre = np.array([float(rim.get("cx")), float(rim.get("cy"))])
    far = points[np.linalg.norm(points - centre, axis=1) > 10] - centre
    assert len(far) == 2 and (far[:, 0] > 40).all() and np.abs(far[:, 1]).max() < 7
    assert "var(" not in drawn and "JSD 0.50" in drawn


def test_nothing_and_no_curves_are_refused(evaluation, tmp_path):
    with pytest.raises(InputError, match="nothing to report"):
        write_evaluation_report(tmp_path / "r.html", Evaluation(EvaluationConfig()))
    bare = Evaluation(EvaluationConfig(), evaluation.generated)
    for write in (lambda: write_evaluation_report(tmp_path / "r.html", bare), lambda: write_figures(tmp_path, bare)):
        with pytest.raises(InputError, match="curves=True"):
            write()
    assert not list(tmp_path.iterdir())


def test_figures_are_written(evaluation, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    only = Evaluation(evaluation.config, evaluation.generated, evaluation.oracle, evaluation.smiles)
    only.curves = {"flexible": evaluation.curves["flexible"]}
    written = {path.name for path in write_figures(tmp_path / "f", only)}
    assert written == {"summary.png", "summary.svg", "flexible.png", "flexible.svg", "flexible_torsions.svg"}
    assert written == {path.name for path in (tmp_path / "f").iterdir()}
    assert (tmp_path / "f" / "flexible.png").read_bytes()[:4] == b"\x89PNG"
    for name in ("summary.svg", "flexible_torsions.svg"):
        ElementTree.parse(tmp_path / "f" / name)


# --- the page in Chromium --------------------------------------------------------------------------------------------

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
    assert [row.split(",")[0] for row in rows[:2]] == ["Generated", "MD oracle"] and "someone, somewhere" in rows[2]
    summary = evaluation.to_dict()["generated"]["torsion"]
    assert f"{summary['mean']:.3f} / {summary['median']:.3f}" in rows[0] and f"{summary['mean_95'][0]:.3f}" in rows[0]
    assert "0.210 / 0.188" in rows[2]
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
    assert "Implied timescales" in opened.find_element("id", "numbers").text


def test_a_rigid_and_a_lost_molecule_show_what_they_have(opened):
    opened.execute_async_script("const done = arguments[0]; app.setMolecule(1).then(() => app.queue).then(done)")
    assert "Too rigid" in opened.find_element("id", "notes").text
    assert not opened.find_element("id", "tica-card").is_displayed()
    assert not opened.find_element("id", "torsion-card").is_displayed()
    opened.execute_async_script("const done = arguments[0]; app.setMolecule(2).then(() => app.queue).then(done)")
    assert not opened.find_element("id", "view-generated").is_displayed()
    assert opened.find_element("id", "view-reference").is_displayed()
    assert drawn(opened, "reference").shape == (12, 3)


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
