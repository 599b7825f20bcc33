"""The page as a file: whole, small, escaped. In a browser: test_page_browser.py."""

from __future__ import annotations

import re

import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.report import ReportMolecule, write_report
from tests.builders.pages import embedded

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


def test_page_is_whole_small_and_escapes_what_users_write(tmp_path, trajectory):
    long = Trajectory(trajectory.molecule, np.tile(trajectory.positions, (13, 1, 1))[:500], 5.2, {})
    evil = "</script><script>alert(1)</script>"
    path = tmp_path / "report.html"
    write_report(path, [ReportMolecule(trajectory.molecule, [long] * 10, {"model": evil})], {"title": evil})
    html = path.read_text()
    assert evil not in html
    assert dict(embedded(html)["molecules"][0]["facts"])["Model"] == evil
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)\s*=\s*[\"'](?!data:)", html)
    assert path.stat().st_size < 6e6, f"10 samples x 500 frames x {trajectory.molecule.n_atoms} atoms"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_too_much_data_is_thinned_and_said(trajectory, tmp_path):
    write_report(tmp_path / "r.html", [ReportMolecule(trajectory.molecule, [trajectory])], max_data_mb=0.005)
    data = embedded((tmp_path / "r.html").read_text())
    sample = data["molecules"][0]["samples"][0]
    assert data["stride"] > 1 and sample["frame_ps"] == pytest.approx(5.2 * data["stride"])
    assert sum(data["molecules"][0]["torsions"][0]["all"]) == trajectory.n_frames, "statistics take every frame"


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(InputError, match="nothing to report"):
        write_report(tmp_path / "r.html", [], {})
    assert not list(tmp_path.iterdir())
