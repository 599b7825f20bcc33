"""Expected seconds of networks: the table's proportions, and a pilot that scales them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.generation import speed
from eginterpolator.generation.speed import (
    CLOCK_SECONDS,
    MOLECULE_SECONDS,
    ORDER_MS,
    Pilot,
    expected_seconds,
    layers_of,
    parts_at_once,
    run_pilot,
    seconds_of_clock,
    table_seconds,
)
from eginterpolator.generation.tasks import GenerationConfig

SMALL, LARGE = Molecule.from_smiles("CCCO"), Molecule.from_smiles("CCCCCCCO")


def test_the_table_grows_with_frames_samples_steps_and_size(tiny, monkeypatch):
    monkeypatch.setattr(speed, "layers_of", lambda model, precision: "kernels")
    config = GenerationConfig(n_frames=64, hydrogens=False)
    one = table_seconds(tiny, SMALL, config)
    assert table_seconds(tiny, SMALL, replace(config, n_frames=128)) > 1.9 * one
    assert table_seconds(tiny, SMALL, replace(config, n_samples=3)) == pytest.approx(3 * one)
    calls = 5  # of the tiny model: three steps of a sampler that calls twice but at the last
    assert one == pytest.approx((calls * 14.5 * (4 / 9) ** 1.6 + 64 * 0.3) / 1000)
    assert table_seconds(tiny, LARGE, config) == pytest.approx((calls * 14.5 * (8 / 9) ** 1.6 + 64 * 0.3) / 1000)
    assert table_seconds(tiny, SMALL, replace(config, strength=0.0)) < one
    assert table_seconds(tiny, SMALL, replace(config, hydrogens=True)) > one
    monkeypatch.setattr(speed, "layers_of", lambda model, precision: "plain")
    assert table_seconds(tiny, SMALL, config) > one


def test_a_pilot_scales_the_table(tiny):
    config = GenerationConfig(n_frames=64)
    alone = expected_seconds(tiny, SMALL, config)
    work = alone - MOLECULE_SECONDS
    assert expected_seconds(tiny, SMALL, config, Pilot(3.0, 2.0)) == pytest.approx(3 * work + 2 * MOLECULE_SECONDS)
    found = run_pilot(tiny, SMALL, config)
    assert found.slower > 0 and found.busy >= 1.0


def test_cores_that_are_free_scale_the_table(tiny, monkeypatch):
    monkeypatch.setattr(speed.torch, "get_num_threads", lambda: 2)
    config = GenerationConfig(n_frames=10_000)
    samples = replace(config, n_samples=4)
    assert parts_at_once(tiny, config) == parts_at_once(tiny, samples) == 2
    assert parts_at_once(tiny, replace(config, n_frames=2)) == 1
    alone = [expected_seconds(tiny, SMALL, config, cores=cores) for cores in (None, 2.0, 1.0, 0.5)]
    assert alone[1] == alone[0]
    assert alone[2] == pytest.approx(2 * alone[0], rel=0.1) and alone[3] == pytest.approx(4 * alone[0], rel=0.1)


def test_a_measured_clock_counts_with_its_seconds_and_draws_no_more_than_it_needs(tiny, monkeypatch):
    network = GenerationConfig(n_frames=500, n_samples=1, strength=0.0)
    clock = replace(network, clock="measured", clock_seconds=20.0, n_samples=4)
    monkeypatch.setattr(speed.torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr("eginterpolator.simulation.engines.lanes.library.widths", lambda: (4, 16))
    assert seconds_of_clock(network, 12) == 0
    alone = seconds_of_clock(clock, 12)
    assert alone == pytest.approx(CLOCK_SECONDS + 20.0 + 2000 * ORDER_MS / 1000)
    assert expected_seconds(tiny, SMALL, clock) == pytest.approx(expected_seconds(tiny, SMALL, network) + alone)
    busy = [expected_seconds(tiny, SMALL, each, Pilot(1.0, 3.0)) for each in (network, clock)]
    assert busy[1] - busy[0] == pytest.approx(3 * alone)
    large = seconds_of_clock(replace(clock, clock_seconds=None), 90)
    assert large == pytest.approx(seconds_of_clock(clock, 90))  # 20 s are the most by default
    one = replace(clock, n_samples=1)  # of a pool of as many frames
    assert table_seconds(tiny, SMALL, one) == pytest.approx(table_seconds(tiny, SMALL, clock))
    assert table_seconds(tiny, SMALL, replace(clock, strength=1.0)) == table_seconds(tiny, SMALL, clock)
    assert parts_at_once(tiny, one) == parts_at_once(tiny, clock)
    monkeypatch.setattr(speed.torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr("eginterpolator.simulation.engines.lanes.library.widths", lambda: (4, 8))
    assert seconds_of_clock(clock, 12) == pytest.approx(alone - 20 + 20 * 1.5 / 2)


def test_what_computes_the_layers_is_known(tiny):
    assert layers_of(tiny, "fp32") == "plain"  # nothing is compiled in the tests' cache
