"""Still pictures."""

from __future__ import annotations

import pytest

from eginterpolator.errors import InputError
from eginterpolator.report import trajectory_picture

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


def test_picture(tmp_path, trajectory):
    pytest.importorskip("matplotlib")
    for suffix, head in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        trajectory_picture(trajectory, tmp_path / f"p{suffix}")
        assert (tmp_path / f"p{suffix}").read_bytes().startswith(head)
    with pytest.raises(InputError, match="not as"):
        trajectory_picture(trajectory, tmp_path / "p.doc")
