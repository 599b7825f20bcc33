"""Records of SDF files that cannot be read say their title and the reason."""

from __future__ import annotations

import pytest
from rdkit import Chem, RDLogger

from eginterpolator.files.inputs import read_inputs

RECORD = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + ">  <note>\nnaïve\n\n$$$$\n"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda text: text.replace("V2000", "V9999"), "unsupported CTAB version: 'V9999'"),
        (lambda text: text.replace(" O ", " Qq"), "element 'Qq' not found"),
        (lambda text: text.split("M  END")[0].rsplit("\n", 2)[0] + "\n", "EOF hit while reading bonds"),
        (lambda text: text.replace("  3  2  0", "  5  2  0"), "M  END"),
    ],
)
def test_a_bad_sdf_record_says_its_title_and_the_reason(tmp_path, capfd, spoil, reason):
    bad = spoil("aspirin" + RECORD.split("$$$$")[0]) + "$$$$\n"
    (tmp_path / "m.sdf").write_text("good" + RECORD + bad + "last" + RECORD, encoding="utf-8")
    RDLogger.EnableLog("rdApp.error")  # type: ignore[attr-defined]  # as other packages do
    molecules, (failure,) = read_inputs(str(tmp_path / "m.sdf"))
    assert [m.name for m in molecules] == ["good", "last"] and failure.name == "aspirin"
    assert failure.reason.startswith(f"Entry 2 (aspirin) of '{tmp_path / 'm.sdf'}' is not a readable molecule: ")
    assert reason.lower() in failure.reason.lower() or reason == "M  END", failure.reason
    assert capfd.readouterr().err == ""


def test_a_valence_is_the_reason(tmp_path):
    five = Chem.MolFromSmiles("CC(C)(C)(C)C", sanitize=False)
    (tmp_path / "m.sdf").write_text("odd" + Chem.MolToMolBlock(five, kekulize=False) + "$$$$\n")
    _, (failure,) = read_inputs(str(tmp_path / "m.sdf"))
    assert failure.name == "odd" and "explicit valence for atom # 1 C, 5" in failure.reason
