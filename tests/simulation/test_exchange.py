"""Replica exchange into a folder: the cold rung is its trajectory, and all rungs are kept, with populations."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders.simulation import MISSING, SHORT, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.errors import InputError
    from eginterpolator.simulation.api import RunSettings
    from eginterpolator.simulation.engines.base import SimulationError
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.exchange import Ladder, exchange_to_folder, read_exchange
    from eginterpolator.simulation.protocol import ExplicitProtocol
    from eginterpolator.simulation.reweight import torsion_populations

    WIDTH = max(widths(), default=4)
    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]


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


def test_a_folder_has_the_populations_of_wells_and_can_be_read_again(tmp_path, monkeypatch):
    molecule = Molecule.from_smiles("CCCO", "propanol")
    settings = RunSettings(ns=0.004, save_ps=0.2)
    meta = exchange_to_folder(molecule, tmp_path, SHORT, Ladder(300.0, 500.0), settings)
    rows = (tmp_path / "propanol" / "populations.csv").read_text().splitlines()
    shares = [float(row.split(",")[3]) for row in rows[1:]]
    assert rows[0].startswith("atoms,start_degrees") and sum(shares) == pytest.approx(1.0, abs=1e-4)
    known, rungs = read_exchange(tmp_path / "propanol")
    assert known.smiles == molecule.smiles and rungs.positions.shape == (WIDTH, 20, 12, 3)
    assert rungs.temperatures_K[-1] == pytest.approx(500.0) and rungs.round_trips == meta["round_trips"]
    again = torsion_populations(known, rungs)
    assert [well.share for well in again] == pytest.approx(shares, abs=0.01)
    with pytest.raises(InputError, match="no replica exchange"):
        read_exchange(tmp_path)


def test_frames_are_kept_where_rungs_cannot_be_reweighted(tmp_path, monkeypatch, caplog):
    def fails(*arguments):
        raise SimulationError("The rungs cannot be reweighted: no.")

    monkeypatch.setattr("eginterpolator.simulation.exchange.torsion_populations", fails)
    molecule = Molecule.from_smiles("CCCO", "propanol")
    exchange_to_folder(molecule, tmp_path, SHORT, Ladder(300.0, 500.0), RunSettings(ns=0.001, save_ps=0.2))
    assert (tmp_path / "propanol" / "trajectory_000.xtc").is_file()
    assert not (tmp_path / "propanol" / "populations.csv").exists() and "no populations" in caplog.text
