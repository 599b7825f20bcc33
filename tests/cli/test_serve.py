"""`egi serve` prints the address, and opens the browser by a file that does not show the token."""

from __future__ import annotations

import sys

import pytest

from tests.builders.cli import sentence

ADDRESS = "http://127.0.0.1:5/?token=secret"


@pytest.fixture
def asked(monkeypatch):
    """What the server is started with; it ends at once."""
    found = []

    def serve(out, port, model, *, opened):
        found.append((str(out), port, model))
        opened(ADDRESS)

    monkeypatch.setattr("eginterpolator.serve.run.serve", serve)
    return found


def test_the_address_is_printed_and_opened(egi, asked, monkeypatch):
    launched = []
    monkeypatch.setattr("typer.launch", launched.append)
    assert ADDRESS in egi("serve").out
    assert asked == [("served", 8765, "auto")] and len(launched) == 1
    assert launched[0].startswith("file:") and "secret" not in launched[0]
    assert ADDRESS in egi("serve", "--no-browser", "--port", 0, "--out", "here", "--model", "mine").out
    assert asked[1] == ("here", 0, "mine") and len(launched) == 1


def test_without_the_extra_it_says_what_to_install(egi, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    sentence(egi("serve", "--no-browser"), "pip install 'eginterpolator[serve]'")


def test_there_is_no_option_for_another_address(egi):
    help_text = egi("serve", "--help").out
    assert "--port" in help_text and "--host" not in help_text
    assert egi("serve", "--host", "0.0.0.0").code == 2
