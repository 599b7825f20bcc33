"""Tables and cards of notebooks."""

from __future__ import annotations

import html.parser
import math

import numpy as np
import pytest

from eginterpolator.files.inputs import Failure
from eginterpolator.files.notebook import ROWS_SHOWN, Table, card_html, cell_text, table_html
from eginterpolator.files.trajectory import ConformerEnsemble
from eginterpolator.jobs.molecules import RunResult
from tests.builders.pages import make_trajectory


class Parsed(html.parser.HTMLParser):
    """Text of the cells, and tags that are open at the end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_a_table_is_columns_rows_csv_and_html():
    table = Table(["a", "b"], [{"a": 1, "b": 0.123456}, {"a": "x,y"}], "below")
    assert table == {"a": [1, "x,y"], "b": [0.123456, None]} and table.n_rows == 2
    assert table.rows[0] == {"a": 1, "b": 0.123456}
    assert table.to_csv() == 'a,b\n1,0.123456\n"x,y",\n'
    found = Parsed(table._repr_html_())
    assert found.open == [] and found.words == ["a", "b", "1", "0.1235", "x,y", "–", "below"]
    assert repr(table) == "Table(2 rows of a, b)" and Table(["a"], []).n_rows == 0


def test_pandas_takes_it():
    pandas = pytest.importorskip("pandas", reason="pandas is no dependency; it is tested where it is")
    table = Table(["a", "b"], [{"a": 1, "b": 2.0}, {"a": 3, "b": math.nan}])
    assert pandas.DataFrame(table).equals(table.to_pandas()) and table.to_pandas()["a"].tolist() == [1, 3]


def test_text_of_users_is_escaped_and_long_tables_are_cut():
    text = table_html(["<b>"], [["<script>alert(1)</script>"]] * (ROWS_SHOWN + 5))
    assert (
        "<script>" not in text and "<b>" not in text and f"{ROWS_SHOWN + 5} rows, {ROWS_SHOWN} of them shown." in text
    )
    assert text.count("<tr>") == ROWS_SHOWN + 1


def test_numbers_as_readers_see_them():
    assert [cell_text(value) for value in (0.000123456, 12, None, math.inf, "x")] == ["0.0001235", "12", "–", "–", "x"]


def test_a_trajectory_shows_its_molecule_and_facts():
    trajectory = make_trajectory(n_frames=5)
    found = Parsed(trajectory._repr_html_())
    text = " ".join(found.words)
    assert found.open == [] and trajectory.molecule.smiles in found.words and "5.2 ps" in found.words
    assert "<svg" in trajectory._repr_html_() and "seed 1" in text
    ensemble = ConformerEnsemble(
        trajectory.molecule, trajectory.positions, np.array([0.0, 1, 2, 3, 4.5]), {"warnings": ["odd <i>"]}
    )
    assert "0.00 to 4.50 kcal/mol" in ensemble._repr_html_() and "odd &lt;i&gt;" in ensemble._repr_html_()
    assert "<p>hint</p>" in card_html(trajectory.molecule, [], "hint")


def test_a_run_shows_what_is_done_and_what_failed(tmp_path):
    result = RunResult(tmp_path, done=["a"], failures=[Failure("b", "C(", "its syntax")])
    result.rows = [{"name": "a", "smiles": "CC", "n_frames": 5, "versions": {}}]
    words = Parsed(result._repr_html_()).words
    assert words[:6] == ["name", "smiles", "n_frames", "a", "CC", "5"] and words[-1] == "its syntax"
