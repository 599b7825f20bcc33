"""Structures at many temperatures: what they are samples of, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.errors import InputError
from tests.builders.networks import molecule
from tests.builders.simulation import MISSING, needs_md

pytestmark = needs_md

if not MISSING:
    from eginterpolator.simulation.engines.lanes.engine import Lanes
    from eginterpolator.simulation.engines.lanes.library import widths
    from eginterpolator.simulation.engines.lanes.system import lane_system
    from eginterpolator.simulation.forcefield import build_system
    from eginterpolator.simulation.spread import SpreadSettings, quench, spread_structures

    WIDTH = max(widths(), default=4)
    pytestmark = [needs_md, pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor")]


def test_every_structure_has_its_ensemble_and_temperature_and_hot_ones_spread_more():
    settings = SpreadSettings(obc2_frames=12, vacuum_frames=2, frame_ps=1.0, equilibration_ps=2.0)
    ethanol = molecule("CCO")
    made = spread_structures(ethanol, settings, 3)
    count = {name: int((made.ensembles == name).sum()) for name in ("obc2", "vacuum", "minimum")}
    assert (count["obc2"], count["vacuum"]) == (12 * WIDTH, 2 * WIDTH) and 0 < count["minimum"] <= WIDTH
    assert len(made.positions) == len(made.temperatures_K) == sum(count.values())
    kelvin = made.temperatures_K[made.ensembles == "obc2"]
    assert len(np.unique(kelvin)) == WIDTH and kelvin.min() >= 250 and kelvin.max() <= 500
    assert (made.temperatures_K[made.ensembles == "minimum"] == 0).all()
    lengths = np.linalg.norm(made.positions[:, 0] - made.positions[:, 1], axis=-1)
    order = np.argsort(kelvin)
    cold, hot = (lengths[: 12 * WIDTH][half].std() for half in (order[: 6 * WIDTH], order[6 * WIDTH :]))
    assert lengths[made.ensembles == "minimum"].std() < 0.003 < cold < hot
    again = spread_structures(ethanol, settings, 3)
    np.testing.assert_array_equal(again.positions, made.positions)


def test_temperatures_are_one_of_each_part_of_the_range():
    kelvin = SpreadSettings(low_K=200.0, high_K=800.0).temperatures_K(4, np.random.default_rng(0))
    edges = 200.0 * 4 ** (np.arange(5) / 4)
    assert ((kelvin >= edges[:-1]) & (kelvin < edges[1:])).all()


def test_what_is_quenched_stands_where_no_force_is_left():
    ethanol = molecule("CCO")
    made = spread_structures(ethanol, SpreadSettings(obc2_frames=1, vacuum_frames=0, frame_ps=0.4), 1)
    system = build_system(ethanol, np.zeros((ethanol.n_atoms, 3)), SpreadSettings().protocol()).system
    engine = Lanes(lane_system(system, vacuum=True))
    hot = made.positions[made.ensembles == "obc2"]
    minima = quench(engine, hot)

    def strongest(positions: np.ndarray) -> np.ndarray:
        engine.positions_nm = np.resize(positions, hot.shape) * np.float32(0.1)
        return np.abs(engine.evaluate()[0][:, :3]).max(axis=(1, 2))  # heavy atoms; bonds to hydrogen push

    assert len(minima) and np.median(strongest(minima)) < 0.2 * np.median(strongest(hot))


@pytest.mark.parametrize(
    "change", [{"low_K": 500.0}, {"low_K": 0.0}, {"obc2_frames": 0}, {"vacuum_frames": -1}, {"frame_ps": 0.001}]
)
def test_settings_that_make_no_structures_are_refused(change):
    with pytest.raises(InputError):
        SpreadSettings(**change)


def test_a_strained_cage_that_does_not_stay_finite_is_run_with_half_the_time_step(monkeypatch):
    from eginterpolator.simulation import spread

    steps = []

    def exploding(*arguments, **options):
        steps.append(options["timestep_fs"])
        if options["timestep_fs"] == 4.0:
            raise InputError("A replica did not stay finite.")
        return exchange(*arguments, **options)

    exchange = spread.exchange
    monkeypatch.setattr(spread, "exchange", exploding)
    short = SpreadSettings(obc2_frames=1, vacuum_frames=1, frame_ps=0.4, equilibration_ps=0.4, minima=False)
    assert len(spread_structures(molecule("CCO"), short, 1).positions) == 2 * WIDTH and steps == [4.0, 2.0, 4.0, 2.0]
