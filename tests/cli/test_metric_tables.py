"""Tables of metrics on the terminal."""

from __future__ import annotations

from eginterpolator.cli.metric_tables import print_table


def test_cells_are_mean_and_median_or_a_number_or_missing(capsys):
    rows = {"ours": {"a": {"mean": 0.12345, "median": 0.5}, "b": 0.25}, "others": {}}
    print_table("Title", {"a": "first", "b": "second"}, rows)
    said = capsys.readouterr().out
    assert "Title" in said and "first" in said and "0.123 / 0.500" in said and "0.250" in said
    assert said.split("others")[1].count("-") == 2


def test_what_has_an_interval_and_no_median_shows_it(capsys):
    """As does a difference, which has both."""
    rows = {
        "times": {"a": {"mean": 0.5, "mean_95": [0.25, None]}},
        "difference": {"a": {"mean": -0.1, "median": 0.9, "mean_95": [-0.2, 0.0], "at_oracle": True}},
    }
    print_table("Title", {"a": "first"}, rows)
    said = capsys.readouterr().out
    assert "0.500 (0.250 to unbounded)" in said and "-0.100 (-0.200 to 0.000)" in said and "0.900" not in said
