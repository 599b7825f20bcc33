"""Progress where there is no terminal."""

from __future__ import annotations


def test_progress_is_plain_lines_where_there_is_no_terminal(egi):
    lines = egi("generate", "CCO", "--steps", 20, "--out", "a").err.splitlines()
    assert len(lines) == 10 and lines[0].startswith("CCO: 10 %, ") and lines[-1].startswith("CCO: 100 %")
    assert egi("generate", "CCO", "--steps", 20, "--out", "b", "--quiet").err == ""
