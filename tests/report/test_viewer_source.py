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


def test_the_compressed_script_is_kept_and_a_damaged_or_missing_cache_does_no_harm(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = viewer_source.__wrapped__().packed
    (kept,) = (tmp_path / "cache" / "eginterpolator").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(gzip, "compress", lambda *given, **more: pytest.fail("compressed again"))
        assert viewer_source.__wrapped__().packed == first
    kept.write_bytes(kept.read_bytes()[:-40])
    monkeypatch.setattr(gzip, "compress", lambda *given, **more: b"anew")
    assert viewer_source.__wrapped__().packed == base64.b64encode(b"anew").decode()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert viewer_source.__wrapped__().packed == base64.b64encode(b"anew").decode()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install molstar-cli"):
        viewer_source.__wrapped__()
