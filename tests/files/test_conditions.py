"""Ensemble, temperature and friction, as folders of any age tell them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eginterpolator.files.conditions import Conditions
from eginterpolator.files.folder import read_molecule_folder, write_molecule_folder
from eginterpolator.files.trajectory import Trajectory
from tests.builders.networks import geometry, molecule


@pytest.mark.parametrize(
    ("meta", "wanted"),
    [
        ({"ensemble": "tip3p", "temperature_K": 310, "friction_per_ps": 1.0}, Conditions("tip3p", 310.0, 1.0)),
        (
            {"protocol": {"name": "implicit", "temperature_K": 300.0, "friction_per_ps": 20.0}},
            Conditions("obc2", 300.0, 20.0),
        ),
        ({"protocol": {"name": "explicit"}}, Conditions("tip3p")),
        ({"protocol": "vacuum"}, Conditions()),
        ({"forcefield": "openff-2.2.1 + NAGL am1bcc-1.0.0 + OBC2", "temperature_K": 300}, Conditions("obc2", 300.0)),
        ({"forcefield": "openff-2.2.1 + TIP3P, GROMACS"}, Conditions("tip3p")),
        ({"model": "qm9-obc2", "temperature_K": "warm"}, Conditions()),
    ],
)
def test_what_is_said_is_read(meta, wanted):
    assert Conditions.of_meta(meta) == wanted
    assert Conditions.of_meta(json.loads(json.dumps(wanted.to_meta()))) == wanted


def test_what_is_unknown_is_not_said():
    assert Conditions().to_meta() == {} and str(Conditions()) == "thermal"
    assert str(Conditions("obc2", 300.0, 20.0)) == "obc2, 300 K, 20/ps"
    assert Conditions("minimum").to_meta() == {"ensemble": "minimum"}


def test_a_trajectory_and_its_folder_keep_it(tmp_path):
    frames = np.repeat(geometry("CCO")[None], 3, axis=0)
    conditions = Conditions("tip3p", 300.0, 1.0)
    made = Trajectory(molecule("CCO"), frames, 1.0, conditions.to_meta())
    assert made.conditions == conditions
    write_molecule_folder(tmp_path / "a", molecule("CCO"), [made], {"frame_ps": 1.0, **conditions.to_meta()})
    assert read_molecule_folder(tmp_path / "a")[1][0].conditions == conditions
