"""Tables and lists that others wrote: delimiters, headers in any case, comments, gzip."""

from __future__ import annotations

import gzip

import pytest

from eginterpolator.errors import InputError
from eginterpolator.files.inputs import read_inputs


def pairs(path) -> list[tuple[str, str]]:
    molecules, failures = read_inputs(str(path))
    assert not failures, failures
    return [(molecule.name, molecule.smiles) for molecule in molecules]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("packed", [False, True])
def test_tables_of_any_delimiter_encoding_and_case(tmp_path, delimiter, encoding, packed):
    rows = [
        "# from a register",
        "Name;SMILES;Activity",
        '"Bär; 1";CCO;5,2',
        "#gone;CCC;1",
        ";CC#N;",
        ";;",
        "z;C=O;",
    ]
    text = "\r\n".join(rows).replace(";", delimiter).replace(f"r{delimiter} 1", "r; 1")
    content = text.encode(encoding)
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    if delimiter == ",":
        content = content.replace(b"5,2", b"5")
        path.write_bytes(gzip.compress(content) if packed else content)
    assert pairs(path) == [("Bär_1", "CCO"), ("line_4", "CC#N"), ("z", "C=O")]


def test_a_table_without_its_column_names_those_it_has(tmp_path):
    (tmp_path / "t.csv").write_text("id;structure\n1;CCO\n")
    with pytest.raises(InputError, match=r"no column 'smiles'; .* \(found: id;structure\)"):
        read_inputs(str(tmp_path / "t.csv"))


@pytest.mark.parametrize("header", ["SMILES Name", "smiles", "canonical_smiles id", "#smiles name", None])
def test_a_list_with_a_header_and_comments(tmp_path, header):
    lines = ["# comment", *([header] if header else []), "CCO one", "#C commented", "CC#N", ""]
    (tmp_path / "l.smi").write_text("\n".join(lines))
    assert pairs(tmp_path / "l.smi") == [("one", "CCO"), (f"line_{4 + bool(header)}", "CC#N")]
    (tmp_path / "l.smi.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    assert pairs(tmp_path / "l.smi.gz") == pairs(tmp_path / "l.smi")


@pytest.mark.parametrize("header", ["ID\tSMILES", "SMILES,ID"])
def test_a_list_whose_header_has_columns_is_a_table(tmp_path, header):
    mark = "\t" if "\t" in header else ","
    row = ["one", "CCO"] if header.startswith("ID") else ["CCO", "one"]
    (tmp_path / "l.smi").write_text(f"{header}\n{mark.join(row)}\n")
    assert pairs(tmp_path / "l.smi") == [("one", "CCO")]
