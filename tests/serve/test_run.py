"""The server binds to this machine alone, and says in one sentence what it lacks."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest

from eginterpolator.errors import InputError
from eginterpolator.serve.run import launcher, listen, require_server


def test_it_listens_to_this_machine_alone():
    with listen(0) as first:
        host, port = first.getsockname()
        assert host == "127.0.0.1" and port > 0
        first.listen()
        with pytest.raises(InputError, match=f"Port {port} cannot be used .*--port 0"):
            listen(port)


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(InputError, match=r"pip install 'eginterpolator\[serve\]'"):
        require_server()


def test_the_browser_is_started_with_a_file_that_only_its_owner_reads():
    with launcher("http://127.0.0.1:1/?token=x") as address:
        page = Path(url2pathname(urlparse(address).path))
        assert "x" not in address.split("/")[-1].split(".")[0] and "url=http://127.0.0.1:1/?token=x" in page.read_text()
        assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
    assert not page.parent.exists()
