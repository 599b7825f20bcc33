"""`--ph` and the line on neutral groups."""

from __future__ import annotations

import json

import pytest
from rdkit import Chem

from eginterpolator.cli.charges import read_at_ph
from eginterpolator.cli.options import JobOptions
from eginterpolator.errors import InputError
from tests.builders.cli import sentence


def test_a_neutral_group_in_water_gets_one_line(capsys):
    read_at_ph(JobOptions(), "CC(=O)O", None, None)
    assert capsys.readouterr().err == (
        "note: run neutral as given, but charged in water at pH 7: CC_O_O (carboxylic acid); --ph 7.4 runs the charge "
        "states.\n"
    ).replace("CC_O_O", read_at_ph(JobOptions(quiet=True), "CC(=O)O", None, None)[0][0].name)
    for quiet, source, in_water in ((True, "CC(=O)O", True), (False, "CC(=O)[O-]", True), (False, "CC(=O)O", False)):
        read_at_ph(JobOptions(quiet=quiet), source, None, None, in_water)
        assert capsys.readouterr().err == ""


def test_many_neutral_groups_get_one_line_as_well(capsys, tmp_path):
    (tmp_path / "m.smi").write_text("".join(f"{'C' * k}N amine{k}\n" for k in range(1, 6)) + "CCO ethanol\n")
    read_at_ph(JobOptions(), str(tmp_path / "m.smi"), None, None)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "amine3 (amine) and 2 more" in said and "ethanol" not in said


def test_states_are_listed_and_bad_lines_stay_failures(capsys, tmp_path):
    (tmp_path / "m.smi").write_text("C1COCCN1 morpholine\nC( bad\nCc1cnc[nH]1 imidazole\n")
    molecules, failures = read_at_ph(JobOptions(), str(tmp_path / "m.smi"), None, 7.4)
    assert [m.name for m in molecules] == ["morpholine_pH7.4_a", "morpholine_pH7.4_b", "imidazole_pH7.4"]
    assert [f.name for f in failures] == ["bad"]
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "morpholine_pH7.4_a: C1COCC[NH2+]1" and said[-1].endswith("Cc1c[nH]cn1") and len(said) == 4
    with pytest.raises(InputError, match="from 0 to 14"):
        read_at_ph(JobOptions(), "CCO", None, 20.0)


def test_a_run_at_a_ph_says_so_in_its_folder(egi, tmp_path):
    found = egi("conformers", "CC(=O)O", "--model", "etkdg", "--num", "2", "--ph", "7.4", "--name", "acid")
    assert found.code == 0, found.err
    folder = tmp_path / "conformers" / "acid_pH7.4"
    meta = json.loads((folder / "meta.json").read_text())
    assert (meta["smiles"], meta["ph"], meta["protonated_from"]) == ("CC(=O)[O-]", "7.4", "CC(=O)O")
    record = next(Chem.SDMolSupplier(str(folder / "conformers.sdf"), removeHs=False))
    assert record.GetProp("ph") == "7.4" and Chem.GetFormalCharge(record) == -1
    sentence(egi("conformers", "CCO", "--ph", "99"), "give a number from 0 to 14")
