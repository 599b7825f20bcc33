"""Held-out molecules: a function of the molecule alone, whatever the dataset."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eginterpolator.chemistry.molecule import flat_smiles
from eginterpolator.data.frames import load_frames
from eginterpolator.data.splits import read_exclusions, split_fraction, validation_mask
from eginterpolator.errors import InputError
from tests.builders.networks import CHIRAL, MIRRORED, molecule
from tests.builders.records import written


def test_stereoisomers_and_datasets_agree_on_the_side(tmp_path):
    assert (
        molecule(CHIRAL).smiles_flat == molecule(MIRRORED).smiles_flat == flat_smiles(CHIRAL) == flat_smiles(MIRRORED)
    )
    assert flat_smiles("C/C=C\\C#N") == flat_smiles("C/C=C/C#N") == flat_smiles("N#CC=CC")
    written(tmp_path / "a.h5", [CHIRAL, "CCO", "CCN"])
    written(tmp_path / "b.h5", ["OCC", MIRRORED, "CCC"])
    sides: dict[str, set[bool]] = {}
    for name in ("a.h5", "b.h5"):
        frames = load_frames([tmp_path / name], 9, 8)
        for share in (0.2, 0.5, 0.8):
            for key, held_out in zip(frames.keys, validation_mask(frames.keys, share), strict=True):
                sides.setdefault(f"{key} {share}", set()).add(bool(held_out))
    assert len(sides) == 3 * 4 and all(len(side) == 1 for side in sides.values())


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.text(max_size=8), max_size=6), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_out_the_same_molecules_and_more(keys, share, larger):
    share, larger = sorted((share, larger))
    assert (validation_mask(keys, share) <= validation_mask(keys, larger)).all()
    assert not validation_mask(keys, 0.0).any() and validation_mask(keys, 1.0).all()


def test_the_share_is_that_of_the_molecules():
    fractions = np.array([split_fraction(f"C{k}") for k in range(4000)])
    assert fractions.min() >= 0 and fractions.max() < 1
    assert validation_mask([f"C{k}" for k in range(4000)], 0.12).mean() == pytest.approx(0.12, abs=0.02)


def test_exclusions_come_from_smi_files_and_folders(tmp_path):
    (tmp_path / "test.smi").write_text(f"{MIRRORED} one\n\nOCC two\n")
    for k, smiles in enumerate(["CCC", "C/C=C/C#N"]):
        (tmp_path / "folders" / f"m{k}").mkdir(parents=True)
        (tmp_path / "folders" / f"m{k}" / "meta.json").write_text(json.dumps({"smiles": smiles}))
    got = read_exclusions([tmp_path / "test.smi", tmp_path / "folders"])
    assert got == {molecule(s).smiles_flat for s in (CHIRAL, "CCO", "CCC", "C/C=C\\C#N")}


def test_exclusions_that_cannot_be_read_stop_the_build(tmp_path):
    (tmp_path / "bad.smi").write_text("CCO\nC(\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "meta.json").write_text("{}")
    for path, message in (("none", "no file"), ("bad.smi", "valid SMILES"), ("empty", "no meta"), ("broken", "SMILES")):
        with pytest.raises(InputError, match=message):
            read_exclusions([tmp_path / path])
