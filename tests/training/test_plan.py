"""What a run will take: counts that are those of the run, a time that is its steps', and nothing written."""

from __future__ import annotations

import pytest

from eginterpolator.training.config import load_config
from eginterpolator.training.plan import plan
from eginterpolator.training.run import TrainingData, make_denoiser

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_plan_counts_what_the_run_would_use_and_writes_nothing(folder, tmp_path):
    config = load_config(folder / "one.yaml", [f"out={tmp_path / 'out'}", "max_steps=1000"])
    found = plan(config)
    data, denoiser = TrainingData(config.data, config.seed), make_denoiser(config)
    assert found.molecules == len(data.molecules()) and found.validation_molecules == 0
    assert found.frames == sum(len(source.frames.positions) for source in data.training.sources)
    assert found.parameters == found.trained_parameters == sum(p.numel() for p in denoiser.parameters())
    assert found.steps == 1000 and 0 < found.seconds_a_step < 60 and found.memory_mb > found.data_mb > 0
    assert found.hours == pytest.approx(found.seconds_a_step * 1000 / 3600)
    assert not (tmp_path / "out").exists()
    assert [line.split(":")[0] for line in found.lines()] == ["molecules", "network", "memory", "time"]
