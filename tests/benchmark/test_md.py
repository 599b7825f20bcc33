"""Molecular dynamics that is given the seconds of a generated trajectory."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eginterpolator.benchmark.config import load_study
from eginterpolator.benchmark.md import simulate_for
from eginterpolator.files.folder import read_molecule_folder
from tests.builders.networks import geometry, molecule
from tests.builders.simulation import needs_md


@needs_md
def test_no_seconds_make_two_frames_and_many_make_all(study_file, tmp_path):
    methanol, task = molecule("CO"), load_study(study_file).unconditional
    start = geometry("CO")
    for seconds, frames in ((0.0, 2), (1e9, task.n_frames)):
        simulate_for(seconds, methanol, task, tmp_path / f"{frames}", seed=3, start=start)
        (folder,) = (tmp_path / f"{frames}").iterdir()
        _, trajectories, meta = read_molecule_folder(folder)
        assert len(trajectories) == task.samples == meta["samples"]
        assert all(t.n_frames == frames and t.frame_ps == pytest.approx(task.frame_ps) for t in trajectories)
        assert meta["seconds"] > 0 and meta["seconds_to_equal"] == seconds * task.samples
        assert json.loads((folder / "meta.json").read_text())["protocol"]["name"] == "implicit"
        assert np.isfinite(trajectories[0].positions).all() and meta["valid"] > 0.5
