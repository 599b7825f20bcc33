"""`egi evaluate trajectories GENERATED --simulate` makes the reference that it judges by."""

from __future__ import annotations

import json

import numpy as np

from eginterpolator.evaluation import references
from eginterpolator.files.folder import write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from tests.builders.cli import sentence
from tests.builders.networks import geometry, molecule
from tests.builders.simulation import needs_md


@needs_md
def test_references_are_simulated_where_they_are_missing(egi, tmp_path, monkeypatch):
    monkeypatch.setattr(references, "REFERENCE_NS", 0.05)
    make = references.simulate_references
    monkeypatch.setattr(
        references, "simulate_references", lambda *a, **k: make(*a, **{**k, "ns": 0.05, "save_ps": 0.65})
    )
    ethanol = molecule("CCO")
    frames = geometry("CCO")[None] + 0.05 * np.random.default_rng(1).standard_normal((20, 9, 3))
    meta = {"smiles": "CCO", "frame_ps": 5.2, "model": "x"}
    write_molecule_folder(tmp_path / "made" / "ethanol", ethanol, [Trajectory(ethanol, frames, 5.2)], meta)
    sentence(egi("evaluate", "trajectories", "made"), "Name the REFERENCE")
    result = egi("evaluate", "trajectories", "made", "--simulate", "--json", "judged.json")
    assert result.code == 0 and (tmp_path / "made_md" / "ethanol" / "meta.json").is_file()
    judged = json.loads((tmp_path / "judged.json").read_text())
    assert judged["molecules"]["ethanol"]["generated"]["jsd"]["length"]
    assert judged["oracle"]["molecules"] == 1
