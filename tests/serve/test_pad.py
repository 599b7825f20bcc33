"""The drawing pad stands under another name of this machine, where nothing else is answered."""

from __future__ import annotations

import pytest

from eginterpolator.serve.pad import find_pad
from tests.builders.serve import PORT, TOKEN, fake_page

pytest.importorskip("starlette", reason="the extra [serve] is not installed")
OTHER = {"host": f"localhost:{PORT}"}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that carries the pad's scripts."""
    root = tmp_path / "packages" / "streamlit_jsme" / "jsme"
    (root / "deferredjs").mkdir(parents=True)
    (root.parent / "__init__.py").write_text("raise ImportError('streamlit is not installed')")
    (root / "jsme.nocache.js").write_text("// pad")
    (root / "deferredjs" / "1.cache.js").write_text("// more")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    return root


def test_without_the_package_there_is_no_pad(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert find_pad() is None
    client, *_ = fake_page(tmp_path)
    page = client.get("/", params={"token": TOKEN})
    assert 'data-pad=""' in page.text and "localhost" not in page.headers["content-security-policy"]
    assert client.get("/pad/x/", headers=OTHER).status_code == 403


def test_the_pad_is_served_without_token_on_its_own_host_only(package, tmp_path):
    client, *_ = fake_page(tmp_path / "out")
    page = client.get("/", params={"token": TOKEN})
    address = page.text.split('data-pad="')[1].split('"')[0]
    assert address.startswith(f"http://localhost:{PORT}/pad/")
    prefix = address.removeprefix(f"http://localhost:{PORT}")
    client.cookies.clear()
    index = client.get(prefix, headers=OTHER)
    assert (
        index.status_code == 200
        and f"frame-ancestors http://127.0.0.1:{PORT}" in index.headers["content-security-policy"]
    )
    for name, text in (("jsme.nocache.js", "// pad"), ("deferredjs/1.cache.js", "// more")):
        assert client.get(prefix + name, headers=OTHER).text == text
    for name in ("../__init__.py", "%2e%2e/__init__.py", "other.js"):
        assert client.get(prefix + name, headers=OTHER).status_code in (403, 404), name
    for elsewhere in ("/", "/api/results", f"/?token={TOKEN}", "/pad/guess/", "/static/page.js"):
        assert client.get(elsewhere, headers=OTHER).status_code == 403, elsewhere
    assert client.get(prefix).status_code == 403, "the page's own host wants its token"
