"""A finished simulation of an isomer or isotopologue is not the one that was asked for."""

from __future__ import annotations

import json

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.simulation.api import simulate_to_folder
from eginterpolator.simulation.protocol import protocol_named


@pytest.mark.parametrize(
    ("first", "second"),
    [("CO", "[2H]OC"), ("[H]/N=C(/C)CC", "CCC(C)=N"), ("CC=C=CC;M(0,1,3,4)", "CC=C=CC;P(0,1,3,4)")],
)
def test_a_folder_of_another_isomer_is_in_the_way(first, second, tmp_path):
    one, other = (Molecule.from_smiles(smiles, "m") for smiles in (first, second))
    settings = {"replicas": 1, "ns": 0.001, "save_ps": 0.4, "seed": 0}
    meta = {**one.named, "protocol": protocol_named("implicit").to_dict(), **settings, "engine": "openmm"}
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "meta.json").write_text(json.dumps(meta))
    assert simulate_to_folder(one, tmp_path, "implicit", **settings)["resumed"]
    with pytest.raises(InputError, match="holds a simulation with another smiles"):
        simulate_to_folder(other, tmp_path, "implicit", **settings)
