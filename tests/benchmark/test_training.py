"""A study trains anew where settings or data are others."""

from __future__ import annotations

from eginterpolator.benchmark import training
from eginterpolator.benchmark.config import load_study, train_config


def test_another_setting_or_other_data_train_anew(study_file, tmp_path):
    study = load_study(study_file)
    trainer = training.Trainer(study, tmp_path, print)
    system = study.system("BasicES")
    first = trainer._key(train_config(study, system, 0, tmp_path, None), None)
    assert trainer._key(train_config(study, system, 0, tmp_path / "elsewhere", None), None) == first
    assert trainer._key(train_config(study, system, 1, tmp_path, None), None) != first
    trainer._hashes = {path: "other" for path in trainer._hashes}
    assert trainer._key(train_config(study, system, 0, tmp_path, None), None) != first
