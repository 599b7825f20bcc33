"""The page of two runs side by side: its words, its numbers."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.evaluation.two_runs import PairConfig, SideBySide, compare_side_by_side
from eginterpolator.report.compare_page import comparison_payload, times_alike, torsion_rows, write_comparison_page
from tests.builders.browser import barriers, chromium, phone, severe, wait
from tests.builders.conformers import FLEXIBLE, write_walks

browser = pytest.fixture(scope="module")(chromium)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    for side in ("one", "two"):
        write_walks(root / side / "good", FLEXIBLE, 2, 60, 5.2)
        write_walks(root / side / "rigid", "c1ccccc1", 1, 30, 5.2)
    return compare_side_by_side(root / "one", root / "two")


def test_the_page_calls_neither_side_a_reference_or_an_oracle(result, tmp_path):
    write_comparison_page(tmp_path / "compare.html", result)
    page = (tmp_path / "compare.html").read_text()
    assert "http://" not in re.sub(r"http://www\.w3\.org/\S+", "", page) and "https://" not in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))
    shown = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.S)
    coloured = ("features", "tica", "autocorrelations")  # where the style's names of both colours are
    plain = [{key: value for key, value in m.items() if key not in coloured} for m in data["molecules"]]
    said = json.dumps({**data, "molecules": plain})
    for word in ("eference", "racle", "enerated"):
        assert word not in shown and word not in said
    assert data["labels"] == {"a": "one", "b": "two"} and [m["name"] for m in data["molecules"]] == ["good", "rigid"]
    assert [row["label"] for row in data["headline"]["rows"]] == ["A against B", "Two halves of A", "Two halves of B"]


def test_numbers_are_those_of_the_comparison(result):
    good = comparison_payload(result)["molecules"][0]
    pair = result.pairs["good"]
    assert good["values"]["torsion"] == pytest.approx(float(pair.jsd["torsion"].mean()))
    assert good["times"] == times_alike(pair) and len(good["torsions"]) == len(pair.features.torsions)
    kinds = [feature["kind"] for feature in good["features"]]
    assert kinds == ["torsion"] * len(pair.features.torsions) + ["length", "angle"]
    assert sum(good["features"][0]["counts"]["generated"]) == 120
    row = torsion_rows(pair)[0]
    shares = [float(part.split(" (")[0]) for part in row["a"].split(" | ")]
    np.testing.assert_allclose(shares, 100 * pair.wells[0].shares[0], atol=0.5)
    rigid = comparison_payload(result)["molecules"][1]
    assert rigid["torsions"] == [] and rigid["tica"] == {} and "Too rigid for TICA" in " ".join(rigid["notes"])


def test_nobody_is_kept_out_and_a_phone_shows_the_page(result, browser, tmp_path):
    write_comparison_page(tmp_path / "compare.html", result)
    browser.get((tmp_path / "compare.html").as_uri())
    wait(browser, "return window.ready")
    assert barriers(browser) == [] and not severe(browser)
    wells = browser.execute_script("return document.querySelector('#wells tbody td:nth-child(2)').textContent")
    assert wells.split("\n") == torsion_rows(result.pairs["good"])[0]["wells"].split(" | "), "a line for each well"
    with phone(browser):
        assert browser.execute_script("return document.documentElement.scrollWidth") == 390


def test_nothing_makes_no_page(tmp_path):
    with pytest.raises(InputError, match="nothing to report"):
        write_comparison_page(tmp_path / "p.html", SideBySide({"a": "x", "b": "y"}, PairConfig()))
