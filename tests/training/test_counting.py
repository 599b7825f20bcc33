"""A training run counts what it trains on, and what the models that it starts from had seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.files.io import sha256
from eginterpolator.models.census import Census
from eginterpolator.models.registry import load_model, save_model
from eginterpolator.training.config import load_config
from eginterpolator.training.counting import training_census
from eginterpolator.training.run import TrainingData, train
from tests.builders.records import written
from tests.builders.training import BOTH


def test_a_trained_model_carries_its_census(stage_one, folder):
    census = load_model(stage_one).census
    assert census is not None and sum(census.molecules) == len(BOTH)
    assert census.stores == [sha256(folder / "two.h5")] and "two.h5, counted by the run 'one'" in census.source[0]
    for smiles in BOTH:
        coverage = census.coverage(Molecule.from_smiles(smiles).heavy_mol)
        assert coverage.unseen == 0 and not [s for s in coverage.sentences if "never seen" in s]
    odd = census.coverage(Molecule.from_smiles("C[N+](C)(C)C").heavy_mol)
    assert "charge +1 on N: never seen" in odd.sentences


def test_stage_two_carries_what_stage_one_saw(stage_one, folder, tmp_path):
    model = train(load_config(folder / "two.yaml", [f"out={tmp_path}/two", "max_steps=1", f"structure={stage_one}"]))
    first, second = load_model(stage_one).census, load_model(model).census
    assert first is not None and second is not None
    assert second.molecules == first.molecules and second.tables == first.tables  # the same store counts once


def test_held_out_molecules_do_not_count_and_new_stores_do(stage_one, folder, tmp_path):
    written(tmp_path / "more.h5", ["CC(=O)NC"])
    config = load_config(folder / "two.yaml", [f"out={tmp_path}/two", f"structure={stage_one}"])
    more = replace(config.data.sources[0], stores=(*config.data.sources[0].stores, str(tmp_path / "more.h5")))
    config = replace(config, data=replace(config.data, sources=(more,)))
    before = load_model(stage_one).census
    assert before is not None
    everything = TrainingData(config.data, 0).molecules()
    found = training_census(config, everything)
    assert sum(found.molecules) == sum(before.molecules) + 1 and "1 molecules of more.h5" in found.source[-1]
    without = training_census(config, everything - {Molecule.from_smiles("CC(=O)NC").smiles_flat})
    assert without.molecules == before.molecules


@pytest.mark.parametrize("key", ["structure", "start"])
def test_a_model_without_census_is_named(stage_one, folder, tmp_path, key):
    model = load_model(stage_one)
    save_model(tmp_path / "bare", model.denoiser, model.config)
    assert Census.load(Path(tmp_path / "bare")) is None
    config = replace(load_config(folder / "one.yaml"), **{key: str(tmp_path / "bare")})
    census = training_census(config, TrainingData(config.data, 0).molecules())
    assert f"'{tmp_path}/bare', which the run 'one' starts from, carries no census" in census.source
    assert sum(census.molecules) == len(BOTH)
