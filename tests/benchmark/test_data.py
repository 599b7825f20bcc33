"""Molecules of a study carry no coordinates, and folders have a hash."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

from eginterpolator.benchmark.config import load_study
from eginterpolator.benchmark.data import conformer_molecules, hash_of, trajectory_molecules
from eginterpolator.errors import InputError
from tests.builders.study import MOLECULES


def test_targets_carry_no_coordinates(study_file):
    study = load_study(study_file)
    targets = trajectory_molecules(Path(study.unconditional.reference)) + conformer_molecules(
        Path(study.conformers.reference)
    )
    assert [target.molecule.name for target in targets] == ["chain", "stiff"] * 2
    assert all(target.molecule.rdmol.GetNumConformers() == 0 for target in targets)
    for target in targets:
        assert target.molecule.smiles == Chem.CanonSmiles(MOLECULES[target.molecule.name])
    assert targets[0].start.shape == (targets[0].molecule.n_atoms, 3) and targets[2].start is None


def test_one_hash_for_the_bytes_and_names_of_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = hash_of(tmp_path)
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    second = hash_of(tmp_path)
    (tmp_path / "a" / "y").write_text("2")
    assert len({first, second, hash_of(tmp_path)}) == 3
    with pytest.raises(InputError, match="does not exist"):
        hash_of(tmp_path / "nowhere")


def test_folder_hash_sees_names_and_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = hash_of(tmp_path)
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    second = hash_of(tmp_path)
    (tmp_path / "a" / "y").write_text("2")
    assert len({first, second, hash_of(tmp_path)}) == 3
