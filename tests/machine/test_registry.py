"""Names: the package's own first, others' by entry point, and one sentence for what is not there."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest

from eginterpolator.errors import InputError
from eginterpolator.machine import registry as module
from eginterpolator.machine.registry import Registry


@pytest.fixture
def installed(monkeypatch):
    """Entry points that other packages would have."""
    points = [
        EntryPoint("theirs", "json:loads", "group"),
        EntryPoint("dumps", "os:getcwd", "group"),
        EntryPoint("broken", "no_such_module_at_all:x", "group"),
    ]
    monkeypatch.setattr(module, "entry_points", lambda group: [p for p in points if p.group == group])


@pytest.fixture
def things(installed) -> Registry:
    return Registry("group", "thing", {"dumps": "json:dumps"})


def test_own_names_come_first_and_cannot_be_taken(things, caplog):
    assert list(things) == ["dumps", "broken", "theirs"] and len(things) == 3
    assert things["dumps"] is json.dumps and things.is_own("dumps") and not things.is_own("theirs")
    assert "'os:getcwd' is left out: there is a thing 'dumps' already." in caplog.text


def test_others_are_imported_when_they_are_asked_for(things):
    assert "broken" in things and things.find("theirs") is json.loads
    with pytest.raises(InputError, match="The thing 'broken' .* cannot be imported"):
        things.find("broken")


@pytest.mark.parametrize("name", ["nothing", None, 3])
def test_an_unknown_name_is_one_sentence_that_lists_the_known_ones(things, name):
    assert name not in things and things.get(name) is None
    with pytest.raises(InputError, match=f"'{name}' is not a thing; use one of dumps, broken, theirs."):
        things.find(name)
