"""The page of an evaluation by the published protocol."""

from __future__ import annotations

import pytest

from eginterpolator.evaluation.published_protocol.folders import PublishedEvaluation, evaluate_as_published
from eginterpolator.report.evaluation_page import write_evaluation_report
from eginterpolator.report.published_payload import published_payload
from tests.builders.browser import chromium, severe, wait
from tests.builders.evaluations import PUBLISHED
from tests.builders.published import write_generated, write_reference

browser = pytest.fixture(scope="module")(chromium)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory) -> PublishedEvaluation:
    root = tmp_path_factory.mktemp("published")
    return evaluate_as_published(write_generated(root / "g", ("b",)), write_reference(root / "r", names=("b",)), "qm9")


def test_the_protocol_is_in_the_caption_and_among_the_facts(evaluation):
    data = published_payload(evaluation, PUBLISHED)
    assert (
        data["caption"].startswith("Protocol: as published, QM9") and ["Protocol", "as published, QM9"] in data["facts"]
    )
    assert ["Lags", "TICA 2, MSM 4 frames"] in data["facts"] and ["Frames used, reference", "120 x 500"] in data[
        "facts"
    ]
    labels = [row["label"] for row in data["headline"]["rows"]]
    assert labels == ["Generated, 1 molecules", "MD oracle, 1 molecules", "Published: someone, somewhere"]
    assert data["notes"] == ["1 torsion(s) without a decorrelation figure: no window got to 1/e. (in 1 of 1 molecules)"]


def test_a_molecule_has_the_means_of_its_features(evaluation):
    (molecule,) = published_payload(evaluation, {})["molecules"]
    found = evaluation.generated["b"]
    assert molecule["values"]["Torsion, generated"] == pytest.approx(found.jsd["torsion"].mean())
    assert molecule["values"]["Decorrelation, generated"] == pytest.approx(found.jsd["decorrelation"][0])
    assert molecule["values"]["TICA 0,1, generated"] is None
    assert molecule["values"]["MSM, held out"] == evaluation.oracle["b"].msm


def test_the_page_opens(evaluation, browser, tmp_path):
    pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")
    path = tmp_path / "report.html"
    write_evaluation_report(path, evaluation, PUBLISHED, title="made up")
    browser.get(path.as_uri())
    wait(browser, "return window.ready")
    assert "Protocol: as published, QM9" in browser.find_element("id", "caption").text
    assert len(browser.find_elements("css selector", "#molecules tbody tr")) == 1
    assert not browser.find_element("id", "detail").is_displayed() and not severe(browser)
