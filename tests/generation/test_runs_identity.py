"""Which finished folder is of which molecule, and what a run says of an axis that its model does not hold."""

from __future__ import annotations

import json
import logging

import pytest
from rdkit import Chem

from eginterpolator.chemistry.molecule import Molecule, enumerate_stereo
from eginterpolator.errors import InputError
from eginterpolator.generation.runs import run_etkdg, run_generation
from eginterpolator.generation.tasks import GenerationConfig
from tests.builders.spellings import ALLENE

CONFIG = GenerationConfig(n_frames=3, steps=2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("CO", "[2H]C([2H])([2H])O[2H]"),
        ("[2H]C([2H])([2H])O[2H]", "CO"),
        ("[H]/N=C(/C)CC", "[H]/N=C(\\C)CC"),
        ("CCC(C)=N", "[H]/N=C(\\C)CC"),
        ("C[C@H]([2H])O", "C[C@@H]([2H])O"),
        ("CC=C=CC;M(0,1,3,4)", "CC=C=CC;P(0,1,3,4)"),
    ],
)
def test_a_finished_folder_of_another_molecule_does_not_count(first, second, tiny, tmp_path):
    one, other = (Molecule.from_smiles(smiles, "m") for smiles in (first, second))
    assert run_generation(tiny, [one], tmp_path, CONFIG).done == ["m"]
    assert run_generation(tiny, [one], tmp_path, CONFIG).skipped == ["m"]
    with pytest.raises(InputError, match="other settings or another molecule; pass --overwrite"):
        run_generation(tiny, [other], tmp_path, CONFIG)
    assert run_generation(tiny, [other], tmp_path, CONFIG, overwrite=True).done == ["m"]
    assert other.is_named_by(json.loads((tmp_path / "m" / "meta.json").read_text()))


def test_another_spelling_is_finished_before_and_so_is_a_folder_of_before_there_were_keys(tiny, tmp_path):
    mapped = Molecule.from_smiles("[CH3:2][CH2:1][OH:3]", "m")
    assert run_generation(tiny, [mapped], tmp_path, CONFIG).done == ["m"]
    meta = json.loads((tmp_path / "m" / "meta.json").read_text())
    assert meta["key"] == "CCO"
    plain = Molecule.from_smiles("OCC", "m")
    assert run_generation(tiny, [plain], tmp_path, CONFIG).skipped == ["m"]
    del meta["key"]
    meta["smiles"] = "CCO"
    (tmp_path / "m" / "meta.json").write_text(json.dumps(meta))
    assert run_generation(tiny, [plain], tmp_path, CONFIG).skipped == ["m"]


def test_an_axis_that_the_model_does_not_hold_is_a_warning_on_screen_and_in_meta_json(tiny, tmp_path, caplog):
    left = enumerate_stereo(ALLENE, "m")[0]
    with caplog.at_level(logging.WARNING):
        run_generation(tiny, [left, Molecule.from_smiles("CCO", "plain")], tmp_path, CONFIG)
    (said,) = [record.message for record in caplog.records if "axis of chirality" in record.message]
    assert "atoms 1-3" in said and f"'{tiny.name}' does not hold" in said
    meta = {name: json.loads((tmp_path / name / "meta.json").read_text()) for name in (left.name, "plain")}
    (warning,) = meta[left.name]["warnings"]
    assert said == f"{left.name}: {warning}" and meta["plain"]["warnings"] == []
    assert meta[left.name]["key"] == left.key and "key" not in meta["plain"]


def test_conformers_of_rdkit_have_the_axis_that_was_asked_for(tmp_path):
    isomers = enumerate_stereo(ALLENE, "allene")
    run_etkdg(isomers, tmp_path, 4, 0)
    for isomer in isomers:
        meta = json.loads((tmp_path / isomer.name / "meta.json").read_text())
        assert meta["stereo_retention"] == 1 and meta["key"] == isomer.key
        records = list(Chem.SDMolSupplier(str(tmp_path / isomer.name / "conformers.sdf"), removeHs=False))
        assert {Molecule.from_rdkit(mol).key for mol in records} == {isomer.key} and len(records) == 4
