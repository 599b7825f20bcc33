"""The numbers of an evaluation's page."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.report.evaluation_payload import trajectory_payload
from tests.builders.conformers import FLEXIBLE, embedded, walk
from tests.builders.evaluations import PUBLISHED
from tests.builders.pages import decoded


def test_worst_and_median_features_are_so(evaluation):
    found = trajectory_payload(evaluation, PUBLISHED)["molecules"][0]
    jsd = evaluation.generated["flexible"].jsd
    for feature in found["features"]:
        values = np.sort(jsd[feature["kind"]])
        wanted = values[-1] if feature["rank"] == "worst" else values[(len(values) - 1) // 2]
        assert feature["jsd"]["generated"] == pytest.approx(wanted)
        assert [sum(c) for c in feature["counts"].values()] == [180, 60, 120]
    assert len(found["features"]) == 6


def test_players_hold_both_trajectories_superposed(evaluation):
    players = trajectory_payload(evaluation, {})["molecules"][0]["players"]
    molecule, _ = embedded(FLEXIBLE)
    for side, seed in (("reference", 1), ("generated", 5)):
        shown = decoded({**players["sides"][side], "step": players["step"]}, molecule.n_atoms)
        true = walk(FLEXIBLE, 60, seed)
        distances = [np.linalg.norm(x[7, :, None] - x[7], axis=-1) for x in (shown, true)]
        assert np.abs(distances[0] - distances[1]).max() < 0.005  # the same frame, moved as a whole
    lost = trajectory_payload(evaluation, {})["molecules"][2]["players"]
    assert list(lost["sides"]) == ["reference"]
