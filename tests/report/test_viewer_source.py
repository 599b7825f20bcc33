"""The viewer's script comes out of the installed package, whole, with its licence."""

from __future__ import annotations

import base64
import gzip
import importlib.util

import pytest

from eginterpolator.errors import InputError
from eginterpolator.report.viewer_source import viewer_source

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


def test_the_script_unpacks_and_is_credited():
    source = viewer_source()
    script = gzip.decompress(base64.b64decode(source.packed)).decode()
    assert len(script) > 1_000_000 and "molstar" in script
    assert source.name == "Mol*" and "MIT" in source.licence and source.version
    assert viewer_source() is source


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install molstar-cli"):
        viewer_source.__wrapped__()
