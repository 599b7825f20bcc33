"""Names of molecules: derived from a bare SMILES, given, long, in a locale without their letters."""

from __future__ import annotations

import pytest
from rdkit import Chem

from eginterpolator.errors import InputError
from eginterpolator.files import names
from eginterpolator.files.inputs import read_inputs
from eginterpolator.files.names import safe_name, smiles_name


def test_a_bare_smiles_is_named_after_itself():
    assert [read_inputs(s)[0][0].name for s in ("CCO", "OCC", "C(O)C", "CCBr", "CC1CCCC1")] == [
        "CCO", "CCO", "CCO", "CCBr", "CC1CCCC1",
    ]  # fmt: skip
    mapped, plain = read_inputs("[CH3:7][CH2:2][OH:1]")[0][0], read_inputs("CCO")[0][0]
    assert mapped.name == plain.name and mapped.seed_name == plain.seed_name == "molecule"


def test_different_molecules_have_different_names_whatever_the_case():
    smiles = ["c1ccccc1", "C1CCCCC1", "C=C", "CC", "C#C", "C/C=C/C", "C/C=C\\C", "C[C@H](O)F", "C[C@@H](O)F", "C[NH3+]",
              "CN", "CO", "[13CH3]O", "CC(C)O", "CCCO", "OC(C)=O", "[2H]CO"]  # fmt: skip
    found = [smiles_name(Chem.MolFromSmiles(s)) for s in smiles]
    assert len({name.lower() for name in found}) == len(smiles)
    assert all(safe_name(name) == name for name in found)


def test_a_name_of_ones_own_and_its_seeds(tmp_path):
    (molecule,), _ = read_inputs("CCO", name="my ethanol")
    assert (molecule.name, molecule.seed_name) == ("my_ethanol", "molecule")
    assert [m.name for m in read_inputs("CC(O)CN", "enumerate", name="x")[0]] == ["x_1", "x_2"]
    (tmp_path / "one.smi").write_text("CCO ethanol\n")
    (molecule,), _ = read_inputs(str(tmp_path / "one.smi"), name="other")
    assert (molecule.name, molecule.seed_name) == ("other", "ethanol")
    (tmp_path / "one.smi").write_text("CCO ethanol\nCC\n")
    with pytest.raises(InputError, match="--name belongs to one molecule, and INPUT holds 2"):
        read_inputs(str(tmp_path / "one.smi"), name="other")


def test_long_names_are_cut_by_bytes_and_unique(tmp_path):
    (tmp_path / "l.smi").write_text(
        "".join(f"{s} {letter * 120}\n" for s in ("C", "CC") for letter in ("x", "ä", "水")), encoding="utf-8"
    )
    found = [m.name for m in read_inputs(str(tmp_path / "l.smi"))[0]]
    assert len(set(found)) == 6
    for name in found:
        (tmp_path / f".{name}.replicas-0123456789ab").mkdir()
        assert len(name) <= 102 and len(name.encode()) <= 202


def test_a_locale_without_the_letters(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(names.os, "fsencode", lambda name: name.encode("ascii"))
    (tmp_path / "l.smi").write_text("CCO Bär\nCC Bär\nC 水\nCO Bar\n", encoding="utf-8")
    found = read_inputs(str(tmp_path / "l.smi"))[0]
    assert [m.name for m in found] == ["Bar", "Bar_2", "molecule", "Bar_3"] or len({m.name for m in found}) == 4
    assert [m.seed_name for m in found][:3] == ["Bär", "Bär_2", "水"] and "no letters for" in caplog.text
