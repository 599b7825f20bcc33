"""INPUT: SMILES, files and folders; one bad entry does not take the others with it."""

from __future__ import annotations

import os

import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.inputs import prepare_out, read_inputs, read_smiles
from eginterpolator.files.sdf import write_sdf
from eginterpolator.files.trajectory import Trajectory
from tests.builders.trajectories import conformers

FIVE = "CCO ethanol\nCC=O ethanal\nC( broken\nCC#N\n\n# a comment\nOCCO a name with/signs\n"


def names(molecules: list[Molecule]) -> list[str]:
    return [molecule.name for molecule in molecules]


def test_a_smiles():
    molecules, failures = read_inputs("C[C@H](O)/C=C/C")
    assert names(molecules) == ["C5H10O_65d061ff"] and molecules[0].smiles == "C/C=C/[C@H](C)O" and not failures
    assert molecules[0].seed_name == "molecule"


def test_a_smi_file_loses_only_its_broken_line(tmp_path):
    path = tmp_path / "five.smi"
    path.write_text(FIVE)
    molecules, failures = read_inputs(str(path))
    assert names(molecules) == ["ethanol", "ethanal", "line_4", "a_name_with_signs"]
    (failure,) = failures
    assert (failure.name, failure.smiles) == ("broken", "C(") and "not a valid SMILES" in failure.reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])  # spreadsheets write the latter
def test_a_csv_file(tmp_path, encoding):
    path = tmp_path / "table.CSV"
    path.write_text('SMILES,id,Name\nCCO,1,"a, b"\nCC#N,2,\nC.C,3,bad\n,4\n', encoding=encoding)
    molecules, failures = read_inputs(str(path))
    assert [(m.name, m.smiles) for m in molecules] == [("a_b", "CCO"), ("line_3", "CC#N")]
    assert [f.name for f in failures] == ["bad", "line_5"] and "empty" in failures[1].reason
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no column 'smiles'"):
        read_inputs(str(path))


def test_an_sdf_file_loses_only_its_broken_entry(tmp_path):
    ethanol, frames = conformers("CCO", name="x")
    write_sdf(tmp_path / "m.sdf", ethanol, frames)
    good = (tmp_path / "m.sdf").read_text()
    unnamed = Chem.MolToMolBlock(Chem.MolFromSmiles("C[C@H](O)CC")) + "$$$$\n"
    flat = Chem.MolToMolBlock(Chem.MolFromSmiles("CC(O)CC")) + "$$$$\n"
    (tmp_path / "m.sdf").write_text(good + good.replace("V2000", "V9999", 1) + flat + unnamed)
    molecules, failures = read_inputs(str(tmp_path / "m.sdf"))
    assert [(m.name, m.smiles, m.rdmol.GetNumConformers()) for m in molecules[:1]] == [("x", "CCO", 5)]
    assert [f.name for f in failures][:2] == ["x", "m_7"] and "name one isomer" in failures[1].reason
    isomers, failures = read_inputs(str(tmp_path / "m.sdf"), "enumerate")
    assert [m.name for m in isomers][1:3] == ["m_7_1", "m_7_2"] and len(failures) == 1


def test_a_folder_of_molecules_keeps_the_isomer_that_was_meant(tmp_path):
    molecule, frames = conformers("C[C@H](O)CC")
    write_molecule_folder(tmp_path / "b c", molecule, [Trajectory(molecule, -frames, 5.2)], {"frame_ps": 5.2})
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "molecule.sdf").write_text("nonsense")
    molecules, failures = read_inputs(str(tmp_path))
    assert names(molecules) == ["b c"] and molecules[0].smiles == molecule.smiles
    assert [f.name for f in failures] == ["damaged"]


def test_names_are_unique_and_can_be_folders(tmp_path):
    path = tmp_path / "m.smi"
    path.write_text(f"C a\nCC a\nCCC a_2\nCCCC ..\nCO summary.csv\nCN {'x' * 300}\n")
    found = names(read_inputs(str(path))[0])
    assert len(set(found)) == 6 and found[:2] == ["a", "a_2"] and "summary.csv" not in found
    for name in found:
        (tmp_path / name).mkdir()


def test_open_stereo_is_asked_for_or_enumerated(tmp_path):
    with pytest.raises(InputError, match="name one isomer"):
        read_inputs("CC(O)CN")
    molecules, _ = read_inputs("CC(O)CN", "enumerate")
    assert [(m.name, m.smiles) for m in molecules] == [
        ("C3H9NO_428b5983_1", "C[C@@H](O)CN"), ("C3H9NO_428b5983_2", "C[C@H](O)CN"),
    ]  # fmt: skip
    assert [m.seed_name for m in molecules] == ["molecule_1", "molecule_2"]
    same, _ = read_inputs("OCC", "enumerate")
    assert names(same) == ["CCO"] and same[0].atomic_numbers[:3].tolist() == [8, 6, 6]
    with pytest.raises(InputError, match="not a stereo mode"):
        read_inputs("CCO", "guess")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "empty"),
        ("C(", "not a valid SMILES"),
        ("missing.smi", "no file 'missing.smi'"),
        ("missing.SDF", "no file"),
        ("missing.txt", "neither a file or folder that exists nor a valid SMILES"),
        ("some/folder/", "neither a file"),
        ("empty.smi", "holds no molecule"),
        ("empty.csv", "no column 'smiles'"),
        ("empty.sdf", "holds no molecule"),
        ("binary.smi", "cannot be read as text"),
        ("notes.md", "no .smi, .csv or .sdf file"),
        (".", "no molecule folders"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, monkeypatch, source, message):
    monkeypatch.chdir(tmp_path)
    for name in ("empty.smi", "empty.csv", "empty.sdf", "notes.md"):
        (tmp_path / name).write_text("\n" if name == "empty.smi" else "")
    (tmp_path / "binary.smi").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match=message):
        read_inputs(source)


def test_a_long_smiles_is_no_file_name():
    smiles = "C" * 5000
    assert read_inputs(smiles)[0][0].n_heavy == 5000


def test_a_smiles_is_never_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.smi").write_text("CCO a\nCCN b\n")
    with pytest.raises(InputError, match="two.smi"):
        read_smiles("two.smi")
    (molecule,), _ = read_inputs("OCC.Cl", largest_fragment=True)
    found = read_smiles("OCC.Cl", largest_fragment=True)
    assert (found.name, found.key, found.seed_name) == (molecule.name, molecule.key, molecule.seed_name)
    with pytest.raises(InputError, match="several fragments"):
        read_smiles("OCC.Cl")


def test_output_folders(tmp_path):
    assert prepare_out(tmp_path / "a" / "b").is_dir() and not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="Cannot write to --out"):
            prepare_out(out)


# Permissions do not bind root: the folder could be written to, and there would be nothing to refuse. That `prepare_out`
# refuses what cannot be written is tested for everybody just above.
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        prepare_out(tmp_path)
