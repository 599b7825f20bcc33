"""`egi compare` on the command line."""

from __future__ import annotations

import json

from tests.builders.cli import sentence
from tests.builders.conformers import FLEXIBLE, write_walks


def test_a_table_a_file_and_a_page(egi, tmp_path):
    for side in ("one", "two"):
        write_walks(tmp_path / side / "good", FLEXIBLE, 2, 40, 5.2)
    write_walks(tmp_path / "two" / "more", "CCCO", 1, 20, 5.2)
    found = egi("compare", "one", "two", "--out", "pair")
    assert found.code == 1 and "failed: more: 'one' does not have it." in found.err
    assert "A is one, B is two" in found.out and "two halves of A" in found.out and "good: populations" in found.out
    for word in ("eference", "racle"):
        assert word not in found.out
    told = json.loads((tmp_path / "pair" / "compare.json").read_text())
    assert told["a"] == "one" and list(told["molecules"]) == ["good"] and (tmp_path / "pair" / "compare.html").is_file()


def test_many_molecules_get_a_line_each(egi, tmp_path):
    for side in ("one", "two"):
        for k in range(4):
            write_walks(tmp_path / side / f"m{k}", "CCCO", 1, 20, 5.2)
    found = egi("compare", "one", "two", "--no-report")
    assert found.code == 0 and "largest shift of a population" in found.out and "m3" in found.out
    assert sorted(p.name for p in (tmp_path / "comparison").iterdir()) == ["compare.json"]


def test_errors_are_one_sentence(egi, tmp_path):
    write_walks(tmp_path / "one" / "good", FLEXIBLE, 1, 20, 5.2)
    write_walks(tmp_path / "two" / "other", "CCCO", 1, 20, 5.2)
    sentence(egi("compare", "one", "two"), "have no molecule in common")
    sentence(egi("compare", "one", "none"), "is no file either")
