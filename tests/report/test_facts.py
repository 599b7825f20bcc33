"""Facts in words that people read."""

from __future__ import annotations

import pytest

from eginterpolator.report.facts import fact_lines, order_text, seconds_text, share_text

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


def test_facts_are_readable():
    assert seconds_text(0.42) == "0.4 s" and seconds_text(185) == "3 min 05 s" and seconds_text(7800) == "2 h 10 min"
    assert share_text(0.99996) == "99.9 %", "a lost frame must not be rounded away"
    assert share_text([1.0, 0.5]) == "75.0 %" and share_text(True) == "100 %"
    lines = dict(fact_lines({"seed": 0, "stereo_retention": 1.0, "versions": {"torch": "2.13"}, "note": None}))
    assert lines == {"Seed": "0", "Stereo retention": "100 %", "Versions": "torch 2.13"}


def test_what_put_frames_in_order():
    assert order_text({"protocol": "implicit"}) == ""
    generated = {"model": "qm9-obc2", "strength": 1.0}
    assert order_text(generated) == "network"
    assert order_text({**generated, "clock": {"objection": "it has 200 atoms"}}) == "network"
    assert order_text({**generated, "strength": 0.0}) == "none"
    assert order_text({**generated, "strength": 0.0, "clock": {"movers": []}}) == "clock of MD"
