"""INPUT that others wrote: encodings, delimiters, headers, gzip, salts, names."""

from __future__ import annotations

import gzip
import logging

import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.inputs import read_inputs

RECORD = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + ">  <note>\nnaïve\n\n$$$$\n"


def pairs(path) -> list[tuple[str, str]]:
    molecules, failures = read_inputs(str(path))
    assert not failures, failures
    return [(molecule.name, molecule.smiles) for molecule in molecules]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("packed", [False, True])
def test_sdf_titles_and_properties_of_any_encoding(tmp_path, encoding, packed):
    content = ("Bär" + RECORD).encode(encoding)
    path = tmp_path / ("m.sdf.gz" if packed else "m.sdf")
    path.write_bytes(gzip.compress(content) if packed else content)
    (molecule,), failures = read_inputs(str(path))
    assert molecule.name == "Bär" and molecule.rdmol.GetProp("note") == "naïve" and not failures


def test_a_smiles_that_is_a_folder_too(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "CCO").mkdir()
    (molecule,), _ = read_inputs("CCO")
    assert molecule.smiles == "CCO" and "taken as a SMILES; write './CCO'" in caplog.text
    for path in ("./CCO", "CCO/", str(tmp_path / "CCO")):
        with pytest.raises(InputError, match="no molecule folders"):
            read_inputs(path)
    (tmp_path / "C").mkdir()
    (tmp_path / "C" / "C=C").mkdir()
    assert read_inputs("C/C=C")[0][0].smiles == "C=CC"


def test_what_rdkit_raises_of_one_entry_stays_with_it(tmp_path, monkeypatch):
    from eginterpolator.files import inputs

    def odd(self, smiles, name):
        if smiles == "CC":
            raise RuntimeError("Pre-condition Violation\nsomewhere")
        return [Molecule.from_smiles(smiles, name)]

    monkeypatch.setattr(inputs._Reading, "smiles", odd)
    (tmp_path / "l.smi").write_text("CCO a\nCC b\nC c\n")
    found, (failure,) = read_inputs(str(tmp_path / "l.smi"))
    assert [m.name for m in found] == ["a", "c"]
    assert (failure.name, failure.reason) == ("b", "RDKit cannot read 'CC' (Pre-condition Violation somewhere).")


def test_nothing_is_said_without_reason(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        read_inputs("CCO")
    assert not caplog.records
