"""Replica exchange: the cold rung has the distribution of its temperature, and all rungs are kept."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders.lanes import chain, zigzag
from tests.builders.simulation import MISSING, SHORT, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.chemistry.molecule import Molecule
    from eginterpolator.errors import InputError
    from eginterpolator.simulation.api import RunSettings
    from eginterpolator.simulation.engines.lanes.engine import BOLTZMANN
    from eginterpolator.simulation.engines.lanes.exchange import exchange, ladder, round_trips
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.engines.lanes.system import lane_system
    from eginterpolator.simulation.exchange import Ladder, boltzmann_weights, exchange_to_folder
    from eginterpolator.simulation.protocol import ExplicitProtocol

    WIDTH = max(widths(), default=4)
    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]

BARRIER = [(2, 0.0, 12.0), (1, 0.0, 1.5)]
"""Two wells 24 kJ/mol apart, one of them 3 kJ/mol lower: plain dynamics at 300 K hardly crosses in the time below."""


@pytest.fixture(scope="module")
def crossed():
    """An exchange of a torsion behind a barrier, whose replicas all start in the higher well."""
    starts = np.broadcast_to(zigzag(4) * 10, (WIDTH, 4, 3))
    return exchange(
        lane_system(chain(4, BARRIER)), starts, ladder(300.0, 900.0, WIDTH), n_frames=2500, stride=100, seed=2,
        timestep_fs=2.0, friction_per_ps=5.0, equilibration_frames=300, swap_ps=0.1,
    )  # fmt: skip


def wells(positions: np.ndarray) -> float:
    """Share of frames with the torsion within 90 degrees of 0."""
    from eginterpolator.chemistry.features import torsions

    return float((np.abs(torsions(positions, np.array([[0, 1, 2, 3]]))) < np.pi / 2).mean())


def wanted(kelvin: float) -> float:
    phi = np.linspace(-np.pi, np.pi, 20001)
    weight = np.exp(-sum(k * (1 + np.cos(n * phi - d)) for n, d, k in BARRIER) / (BOLTZMANN * kelvin))
    return float(weight[np.abs(phi) < np.pi / 2].sum() / weight.sum())


def test_every_rung_has_the_populations_of_its_temperature(crossed):
    for rung in (0, WIDTH // 2, WIDTH - 1):
        assert wells(crossed.positions[rung]) == pytest.approx(wanted(crossed.temperatures_K[rung]), abs=0.08)
    assert crossed.round_trips > 10 and (crossed.accepted > 0.5).all()
    assert (np.sort(crossed.replicas, axis=0) == np.arange(WIDTH)[:, None]).all()


def test_all_rungs_together_say_more_of_the_cold_one(crossed):
    weights = boltzmann_weights(crossed, 300.0)
    assert weights.sum() == pytest.approx(1.0)
    inside = np.array([[wells(frame[None]) for frame in rung[::10]] for rung in crossed.positions])
    thinned = weights[:, ::10]
    assert (inside * thinned).sum() / thinned.sum() == pytest.approx(wanted(300.0), abs=0.05)


def test_round_trips_are_counted_from_end_to_end():
    paths = np.array([[0, 1, 2, 1, 0, 1, 2], [1, 0, 0, 0, 1, 0, 0], [2, 2, 1, 2, 2, 2, 1]])
    replicas = np.array([[np.argmax(paths[:, t] == rung) for t in range(7)] for rung in range(3)])
    assert round_trips(replicas) == 1


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
