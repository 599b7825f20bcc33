"""`egi view` writes the page again."""

from __future__ import annotations


def test_the_page_is_written_again_by_view(egi, tmp_path):
    assert egi("generate", "CCO", "--out", "out").code == 0 and not (tmp_path / "out" / "report.html").exists()
    assert egi("view", "out", "--no-browser").out.strip() == "out/report.html"
    assert (tmp_path / "out" / "report.html").is_file()
