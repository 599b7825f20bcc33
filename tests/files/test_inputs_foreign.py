"""INPUT that others wrote: encodings, delimiters, headers, gzip, salts, names."""

from __future__ import annotations

import gzip
import logging

import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files import names
from eginterpolator.files.inputs import read_inputs
from eginterpolator.files.names import safe_name, smiles_name

RECORD = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + ">  <note>\nnaïve\n\n$$$$\n"


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


def test_latin_1_is_said_and_utf_8_is_not(tmp_path, caplog):
    path = tmp_path / "l.smi"
    path.write_bytes("CCO Straße\n".encode("latin-1"))
    assert pairs(path) == [("Straße", "CCO")]
    assert [r.getMessage() for r in caplog.records] == [f"'{path}' is not UTF-8 and was read as Latin-1"]
    caplog.clear()
    path.write_text("CCO Straße\n", encoding="utf-8")
    assert pairs(path) == [("Straße", "CCO")] and not caplog.records


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("packed", [False, True])
def test_sdf_titles_and_properties_of_any_encoding(tmp_path, encoding, packed):
    content = ("Bär" + RECORD).encode(encoding)
    path = tmp_path / ("m.sdf.gz" if packed else "m.sdf")
    path.write_bytes(gzip.compress(content) if packed else content)
    (molecule,), failures = read_inputs(str(path))
    assert molecule.name == "Bär" and molecule.rdmol.GetProp("note") == "naïve" and not failures


@pytest.mark.parametrize("content", [b"nonsense", gzip.compress(b"CCO\n")[:-6]])
def test_a_damaged_gzip_file_is_named(tmp_path, content):
    (tmp_path / "l.smi.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"l\.smi\.gz' cannot be read"):
        read_inputs(str(tmp_path / "l.smi.gz"))


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


# names


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


# salts


@pytest.mark.parametrize(
    ("salt", "parent"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)[O-]"),
        ("[Na+].CC(=O)[O-]", "CC(=O)[O-]"),
        ("Cl.CCN", "CCN"),
        ("CO.F[Sb-](F)(F)(F)(F)F", "CO"),
        ("O.O.NCCO", "NCCO"),
    ],
)
def test_salts(tmp_path, salt, parent):
    with pytest.raises(InputError, match="several fragments; give the largest alone") as error:
        read_inputs(salt)
    assert f"'{parent}'" in str(error.value) and "--largest-fragment" in str(error.value)
    (molecule,), _ = read_inputs(salt, largest_fragment=True)
    assert molecule.smiles == Chem.CanonSmiles(parent) and molecule.name == read_inputs(parent)[0][0].name
    assert Molecule.from_smiles(salt, largest_fragment=True).smiles == molecule.smiles
    (tmp_path / "l.smi").write_text(f"{salt} salt\n")
    assert read_inputs(str(tmp_path / "l.smi"), largest_fragment=True)[0][0].smiles == molecule.smiles
    (tmp_path / "m.sdf").write_text("salt" + Chem.MolToMolBlock(Chem.MolFromSmiles(salt)) + "$$$$\n")
    (kept,), failures = read_inputs(str(tmp_path / "m.sdf"), largest_fragment=True)
    assert (kept.name, kept.smiles, failures) == ("salt", molecule.smiles, [])


def test_an_open_isomer_of_a_salt_is_enumerated():
    found, _ = read_inputs("CC(O)CN.Cl", "enumerate", largest_fragment=True)
    assert {m.smiles for m in found} == {"C[C@@H](O)CN", "C[C@H](O)CN"}
    assert [m.atom_map[:5] for m in found] == [[0, 1, 2, 3, 4]] * 2


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
