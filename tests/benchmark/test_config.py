"""Configs of studies: each builds its networks, and bad ones are named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from eginterpolator.benchmark.config import load_study, train_config
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.data.splits import exclusions
from eginterpolator.errors import InputError
from eginterpolator.models.registry import build_denoiser, model_folder
from tests.builders.study import CONFIGS


def test_the_conformers_of_shipped_weights_need_no_training():
    study = load_study(CONFIGS / "qm9_conformers.yaml")
    assert set(study.tasks()) == {"conformers"} and not any(system.train for system in study.systems)
    assert {s.weights for s in study.systems if s.weights} == {"qm9-obc2"} and model_folder("qm9-obc2").is_dir()


def test_a_part_of_a_name_names_the_only_system_that_has_it():
    study = load_study(CONFIGS / "qm9_cpu.yaml")
    assert study.system("cascaded").name == "EGInterpolator, cascaded"
    assert study.system("geodiff").name == "GeoDiff-A" and study.system("ETKDG").name == "ETKDG"
    with pytest.raises(InputError, match=r"'egint' names \d systems: EGInterpolator -N; .* Write more of it"):
        study.system("egint")
    with pytest.raises(InputError, match="has no system '-'"):
        study.system("-")


@pytest.mark.parametrize(
    "path", sorted(set(CONFIGS.glob("*.yaml")) - {CONFIGS / "qm9_conformers.yaml"}), ids=lambda path: path.stem
)
def test_every_config_builds_its_networks(path, tmp_path):
    study = load_study(path, tmp_path)
    assert f"{study.dataset}_{study.scale}" == path.stem and study.tasks()
    names = {system.name for system in study.systems}
    if study.conformers is not None:
        assert {"ETKDG", "ETKDG + MMFF", "ConfGF", "GeoDiff-A"} <= names
    assert {"BasicES", "AR+EGNN", "AR+ET", "GeoTDM"} <= names
    assert {"EGInterpolator -N", "EGInterpolator -F", "EGInterpolator, λ = 0", "short MD"} <= names
    for system in study.systems:
        assert system.note or system.tool or system.of or study.scale == "paper", "what the scale forced is listed"
        if system.train is None:
            continue
        config = train_config(study, system, 0, tmp_path, None)
        model = dict(config.model)
        if system.structure:
            structure = train_config(study, study.system(system.structure), 0, tmp_path, None).model
            model["structure"] = {key: value for key, value in structure.items() if key != "class"}
        assert build_denoiser(model, config.process).process.config()["class"] == config.process["class"]
        assert all("qm9-md/test" not in store for source in config.data.sources for store in source.stores)
        if system.window:
            assert config.data.n_frames == system.window


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_molecule_that_a_study_simulates_to_train_on_is_held_out(path):
    study, held_out = load_study(path, "made"), exclusions([])
    for made in filter(None, (study.made, study.stand_in)):
        assert [smiles for smiles in made.train if Molecule.from_smiles(smiles).split_key in held_out] == []


def test_stage_two_settings_do_not_leak_between_systems():
    study = load_study(CONFIGS / "qm9_tiny.yaml", "X")
    structure, window = (train_config(study, study.system(name), 0, Path("o"), None) for name in ("BasicES", "GeoTDM"))
    assert structure.data.n_frames == 1 and structure.data.batch_size == 32
    assert window.data.n_frames == 16 and window.data.batch_size == 4 and window.data.sources == structure.data.sources
    assert structure.data.sources[0].stores == ("X/train.h5",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tool": "etkdg"}, "needs one of train, of, weights and tool"),
        ({"tables": ["conformer"]}, "names the table 'conformer'"),
        ({"sampler": {"name": "euler"}}, "use one of"),
        ({"structure": "BasicEX"}, "has no system 'BasicEX'"),
        ({"structure": "EGInterpolator"}, "must come before it"),
        ({"windw": 2}, "is not a setting"),
    ],
)
def test_bad_systems_are_named(study_file, tmp_path, change, message):
    values = yaml.safe_load(study_file.read_text())
    values["systems"][4] |= change
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(InputError, match=message):
        load_study(tmp_path / "bad.yaml")
