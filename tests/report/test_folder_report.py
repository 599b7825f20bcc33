"""The page of a folder."""

from __future__ import annotations

import pytest

from eginterpolator.errors import InputError
from tests.builders.pages import embedded

pytest.importorskip("molstar_cli", reason="the 3D viewer's package molstar-cli is not installed")


def test_folder_report(tmp_path, trajectory):
    folder = pytest.importorskip("eginterpolator.files.folder")
    from eginterpolator.report import write_folder_report

    folder.write_molecule_folder(
        tmp_path / "demo", trajectory.molecule, [trajectory, trajectory], {"seed": 3, "model": "m"}
    )
    (tmp_path / "failures.csv").write_text("name,smiles,reason\nbad,C(,its syntax cannot be parsed\n")
    data = embedded(write_folder_report(tmp_path).read_text())
    assert [len(m["samples"]) for m in data["molecules"]] == [2]
    assert data["failures"] == [{"name": "bad", "smiles": "C(", "reason": "its syntax cannot be parsed"}]
    with pytest.raises(InputError, match="no folder"):
        write_folder_report(tmp_path / "nowhere")
