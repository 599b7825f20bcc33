"""What the page says of wells, states and clusters."""

from __future__ import annotations

import base64
import math

import numpy as np
import pytest

from eginterpolator.analysis.states import State
from eginterpolator.analysis.tables import Populations
from eginterpolator.report.payload import ReportMolecule, molecule_payload
from eginterpolator.report.population_payload import (
    clusters_payload,
    lifetime_text,
    packed_states,
    pretty,
    states_payload,
    well_rows,
)
from tests.builders.wells import turned


@pytest.fixture(scope="module")
def butanes():
    random = np.random.default_rng(0)
    angles = np.repeat([180.0, 65.0, 180.0, -65.0], [20, 10, 20, 10])
    return [turned("CCCC", (0, 1, 2, 3), angles + random.normal(scale=6, size=60)) for _ in range(5)]


def test_the_page_has_wells_states_and_the_state_of_every_frame(butanes):
    data = molecule_payload(ReportMolecule(butanes[0].molecule, butanes))
    found = Populations.of_trajectories(butanes)
    (torsion,) = data["torsions"]
    assert torsion["wells"] == well_rows(found.torsions[0]) and torsion["wells"][0]["name"] == "trans"
    assert [row["share"][0] for row in torsion["wells"]] == pytest.approx([0.667, 0.167, 0.167], abs=0.01)
    assert data["states"] == states_payload(found, 1) and data["states"]["groups"] == "5 trajectories"
    for sample, states in zip(data["samples"], found.states.of_frames, strict=True):
        assert list(base64.b64decode(sample["states"])) == states.tolist()


def test_with_a_stride_places_are_those_of_the_embedded_frames(butanes):
    whole, thin = (molecule_payload(ReportMolecule(butanes[0].molecule, butanes), stride) for stride in (1, 3))
    for one, other in zip(whole["states"]["rows"], thin["states"]["rows"], strict=True):
        assert other["frame"] == one["frame"] // 3 < thin["samples"][0]["frames"]
    states = np.arange(7)
    assert list(base64.b64decode(packed_states(states, 3))) == [0, 3, 6]


def test_trajectories_of_several_spacings_have_no_states(butanes):
    first, second = butanes[0], turned("CCCC", (0, 1, 2, 3), np.full(5, 180.0), 1.0)
    assert molecule_payload(ReportMolecule(first.molecule, [first, second]))["states"] is None


def test_text_of_lifetimes():
    def text(*values: float) -> str:
        return lifetime_text(State("S1", ["trans"], 1, 0, 1, 5, *values))

    assert text(57.6, 48.6, 68.8) == "57.6 ps (48.6 to 68.8 ps)"
    assert text(822.4, 447.2, 1714.9) == "822.4 ps (447.2 ps to 1.71 ns)"
    assert text(math.inf, 120.0, math.inf) == "> 120.0 ps" and text() == ""


def test_signs_are_printed():
    assert pretty("gauche-") == "gauche−" and pretty("s-cis") == "s-cis" and pretty("gauche- (-48)") == "gauche− (−48°)"


def test_rows_of_a_clusters_table():
    row = {
        "cluster": "C1", "population": "0.6", "population_low": "", "population_high": "0.8", "spread": "0.5",
        "unit": "Å", "sample": "1", "frame": "7", "method": "Butina, cutoff 1 Å", "frames_compared": "9",
        "frames_assigned": "10", "frames_in_all": "11",
    }  # fmt: skip
    found = clusters_payload([row, {**row, "cluster": "rest", "sample": "", "frame": "", "spread": ""}, {"x": "y"}], 2)
    (only,) = found["rows"]
    assert (only["name"], only["sample"], only["frame"], only["text"]) == ("C1", 1, 3, "mean distance 0.50 Å")
    assert only["share"][0] == 0.6 and math.isnan(only["share"][1])
    assert found["note"] == "Butina, cutoff 1 Å; 9 of 11 frames compared with each other, 10 assigned."
    assert clusters_payload([], 1) == {"note": "", "rows": []}
