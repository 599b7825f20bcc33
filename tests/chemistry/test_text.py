"""Text of files: UTF-8, Latin-1, gzip."""

from __future__ import annotations

import gzip

import pytest

from eginterpolator.errors import InputError
from eginterpolator.files.inputs import read_inputs


def pairs(path) -> list[tuple[str, str]]:
    molecules, failures = read_inputs(str(path))
    assert not failures, failures
    return [(molecule.name, molecule.smiles) for molecule in molecules]


def test_latin_1_is_said_and_utf_8_is_not(tmp_path, caplog):
    path = tmp_path / "l.smi"
    path.write_bytes("CCO Straße\n".encode("latin-1"))
    assert pairs(path) == [("Straße", "CCO")]
    assert [r.getMessage() for r in caplog.records] == [f"'{path}' is not UTF-8 and was read as Latin-1"]
    caplog.clear()
    path.write_text("CCO Straße\n", encoding="utf-8")
    assert pairs(path) == [("Straße", "CCO")] and not caplog.records


@pytest.mark.parametrize("content", [b"nonsense", gzip.compress(b"CCO\n", mtime=0)[:-6]], ids=["nonsense", "cut off"])
def test_a_damaged_gzip_file_is_named(tmp_path, content):
    (tmp_path / "l.smi.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"l\.smi\.gz' cannot be read"):
        read_inputs(str(tmp_path / "l.smi.gz"))
