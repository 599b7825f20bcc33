"""Replica exchange into a folder: the cold rung is its trajectory, and all rungs are kept and can be reweighted."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders.lanes import crossed_barrier, share_near_zero, wanted_near_zero
from tests.builders.simulation import MISSING, SHORT, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.errors import InputError
    from eginterpolator.simulation.api import RunSettings
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.exchange import Ladder, boltzmann_weights, exchange_to_folder
    from eginterpolator.simulation.protocol import ExplicitProtocol

    WIDTH = max(widths(), default=4)
    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]


def test_all_rungs_together_have_the_populations_of_the_cold_one():
    crossed = crossed_barrier()
    weights = boltzmann_weights(crossed, 300.0)
    assert weights.sum() == pytest.approx(1.0)
    thinned = weights[:, ::10]
    inside = np.array([[share_near_zero(frame[None]) for frame in rung[::10]] for rung in crossed.positions])
    assert (inside * thinned).sum() / thinned.sum() == pytest.approx(wanted_near_zero(300.0), abs=0.05)


@pytest.mark.parametrize("text", ["600", "600:300", "a:b", "0:300", "300:300"])
def test_a_range_that_is_none_is_one_sentence(text):
    with pytest.raises(InputError, match="300:600"):
        Ladder.parse(text)


def test_a_folder_holds_the_cold_rung_and_all_rungs(tmp_path):
    molecule = Molecule.from_smiles("CCO", "ethanol")
    settings = RunSettings(ns=0.002, save_ps=0.1)
    meta = exchange_to_folder(molecule, tmp_path, SHORT, Ladder(300.0, 500.0), settings)
    assert meta["n_frames"] == 20 and len(meta["temperatures_K"]) == WIDTH
    with np.load(tmp_path / "ethanol" / "exchange.npz") as data:
        assert data["positions"].shape == (WIDTH, 20, 9, 3) and data["potential_kcal"].shape == (WIDTH, 20)
    assert len(list((tmp_path / "ethanol").glob("trajectory_*.xtc"))) == 1
    assert exchange_to_folder(molecule, tmp_path, SHORT, Ladder(300.0, 500.0), settings)["resumed"]
    with pytest.raises(InputError, match="another exchange"):
        exchange_to_folder(molecule, tmp_path, SHORT, Ladder(300.0, 600.0), settings)
    with pytest.raises(InputError, match="no box"):
        exchange_to_folder(molecule, tmp_path, ExplicitProtocol(), Ladder(300.0, 600.0), settings)
