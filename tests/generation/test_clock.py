"""A clock that is measured in lanes, and the frames in its order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.generation.clock import ClockSettings, clocked, default_seconds, replica_ps, simulate
from eginterpolator.generation.quality import quality_warnings
from eginterpolator.generation.tasks import GenerationConfig, drawn_samples, generate_trajectories
from eginterpolator.generation.thermalise import ThermaliseSettings
from tests.builders.networks import geometry, molecule
from tests.builders.simulation import MISSING, needs_md

lanes = [needs_md]
if not MISSING:
    from eginterpolator.simulation.engines.lanes.library import widths

    lanes.append(pytest.mark.skipif(not widths(), reason="no lanes on this kind of processor"))

SMILES = "CCCO"


def with_lanes(test):
    for mark in lanes:
        test = mark(test)
    return test


def turned(samples: int = 4, frames: int = 60) -> list[Trajectory]:
    """Frames of propanol in which the torsion C-C-C-O is 60 degrees or 180 at random; nothing has an order."""
    from scipy.spatial.transform import Rotation

    random = np.random.default_rng(3)
    made = molecule(SMILES)
    _, second, third, _ = torsion_quadruples(made)[0]
    before = geometry(SMILES)
    now = float(torsions(before[None, : made.n_heavy], torsion_quadruples(made))[0, 0])
    beyond = [k for k in range(made.n_atoms) if np.linalg.norm(before[k] - before[third]) < 1.6 and k != second]
    beyond += [k for k in range(made.n_atoms) if any(np.linalg.norm(before[k] - before[j]) < 1.1 for j in beyond)]
    moving = sorted(set(beyond) - {third})
    axis = (before[third] - before[second]) / np.linalg.norm(before[third] - before[second])
    found = []
    for k in range(samples):
        wanted = np.radians(random.choice([60.0, 180.0], frames) + random.normal(0, 8, frames))
        x = np.repeat(before[None], frames, axis=0)
        for t in range(frames):
            turn = Rotation.from_rotvec((wanted[t] - now) * axis)
            x[t, moving] = turn.apply(before[moving] - before[third]) + before[third]
        found.append(Trajectory(made, x.astype(np.float32), 5.2, {"sample": k, "frame_ps": 5.2}))
    return found


def test_the_length_is_of_the_size_alone():
    assert replica_ps(21, 3.0, 4.0) == pytest.approx(1.36e6 * 3 / 16 * 0.004)
    assert replica_ps(9, 1.0, 4.0) > replica_ps(15, 1.0, 4.0) > replica_ps(68, 1.0, 4.0) > replica_ps(120, 1.0, 4.0)
    assert [default_seconds(n) for n in (9, 21, 90)] == [3.0, 3.0, 20.0]
    assert 8 < default_seconds(45) < 14 and replica_ps(45, default_seconds(45), 4.0) == pytest.approx(1000, rel=0.01)
    with pytest.raises(InputError, match="cannot be measured in 0 seconds"):
        ClockSettings(seconds=0)


@with_lanes
def test_paths_are_of_frames_that_were_there():
    before = turned()
    settings = ClockSettings(seconds=0.1)
    after = clocked(before, settings, 7, 5.2)
    quadruples = torsion_quadruples(before[0].molecule)

    def angles(trajectories: list[Trajectory]) -> np.ndarray:
        return np.stack([torsions(each.positions, quadruples)[:, 0] for each in trajectories])

    there = np.sort(angles(before), axis=None)
    near = np.abs(angles(after).ravel()[:, None] - there).min(axis=1)
    assert near.max() < 1e-3
    facts = after[0].meta["clock"]
    assert facts["frames"] == 240 and 120 < facts["frames_used"] <= 240
    (mover,) = facts["movers"]
    assert facts["replicas"] == 16 and facts["replica_ps"] > 50 and mover["jumps"] > 3 and mover["wells"] >= 2
    steps = 4 * 59
    spread = np.sqrt(mover["expected"] * steps)  # of a number of changes
    assert mover["changes"] * steps == pytest.approx(mover["expected"] * steps, abs=4 * spread + 1) and spread > 1
    assert mover["expected"] < 0.2

    def changes(trajectories: list[Trajectory]) -> float:
        return float((np.abs(np.diff(np.cos(angles(trajectories)), axis=1)) > 0.8).mean())

    assert changes(after) < 0.5 * changes(before)
    again = clocked(before, settings, 7, 5.2)
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(after, again, strict=True))
    wide = clocked(before, settings, 7, 1000.0)
    assert len(clocked(before, settings, 7, 5.2, 2)) == 2
    assert wide[0].frame_ps == 1000.0 and changes(wide) == pytest.approx(changes(before), rel=0.3)


@with_lanes
def test_frames_that_come_again_have_run_on():
    before, settings = turned(1, 60), ClockSettings(seconds=0.1)
    plain = clocked(before, settings, 7, 0.5)[0]
    moved = clocked(before, settings, 7, 0.5, again=ThermaliseSettings(ps=0.1))[0]
    assert "frames_again" not in plain.meta["clock"]
    repeats = 60 - len(np.unique(plain.positions.round(4), axis=0))
    distinct = len(np.unique(moved.positions.round(4), axis=0))
    again = moved.meta["clock"]["frames_again"]
    assert 0 < again <= repeats and distinct == 60 - repeats + again
    quadruples = torsion_quadruples(plain.molecule)
    turns = np.cos(torsions(plain.positions, quadruples) - torsions(moved.positions, quadruples))
    assert turns.min() > 0.3  # in the wells where they were


@with_lanes
def test_replicas_that_leave_what_is_finite_are_left_out(monkeypatch):
    from eginterpolator.generation import clock

    frames = np.concatenate([each.positions for each in turned(1, 20)])
    run = clock.run_lanes

    def broken(*arguments, **options):
        made = run(*arguments, **options)
        made.positions[:count] = np.nan
        return made

    monkeypatch.setattr(clock, "run_lanes", broken)
    count = 3
    assert len(simulate(molecule(SMILES), frames, ClockSettings(seconds=0.02), 1)) == 13
    count = 16
    with pytest.raises(InputError, match="No replica of 'molecule' stayed finite"):
        simulate(molecule(SMILES), frames, ClockSettings(seconds=0.02), 1)


@with_lanes
def test_generated_frames_come_from_the_structure_model_and_a_pool(tiny, monkeypatch):
    config = GenerationConfig(n_frames=30, n_samples=1, clock="measured", clock_seconds=0.02, frame_ps=20.8, steps=4)
    assert drawn_samples(config) == 4 and drawn_samples(replace(config, n_samples=80)) == 80
    assert drawn_samples(replace(config, n_frames=1000)) == 2
    assert drawn_samples(replace(config, clock="network", frame_ps=None)) == 1
    monkeypatch.setattr("eginterpolator.generation.tasks.POOL_FRAMES", 100)
    (found,) = generate_trajectories(tiny, molecule(SMILES), config)
    assert found.frame_ps == found.meta["frame_ps"] == 20.8 and found.n_frames == 30
    assert found.meta["strength"] == 0.0 and found.meta["clock"]["seconds"] == 0.02


def refuse(molecule, protocol):
    raise InputError("no parameters")


@with_lanes
def test_auto_measures_where_a_clock_is_possible_and_says_where_it_is_not(tiny, monkeypatch):
    config = GenerationConfig(n_frames=20, clock="auto", clock_seconds=0.02, frame_ps=20.8, steps=4, thermalise_ps=None)
    assert config.clock == "auto" and config.independent
    (measured,) = generate_trajectories(tiny, molecule(SMILES), config)
    assert measured.meta["thermalised"]["ps"] == 0.5 and "potential_kcal" in measured.meta
    assert measured.meta["strength"] == 0.0 and measured.meta["clock"]["movers"] and measured.frame_ps == 20.8
    monkeypatch.setattr("eginterpolator.simulation.engines.lanes.replicas.MAX_ATOMS", 3)
    (ordered,) = generate_trajectories(tiny, molecule(SMILES), config)
    assert ordered.meta["strength"] == 1.0 and ordered.frame_ps == 5.2
    assert ordered.meta["clock"] == {"objection": "'molecule' has 12 atoms, more than 3"}
    (warning,) = quality_warnings({**ordered.meta, "valid": 1.0, "stereo_retention": 1.0})
    assert "thermalised" not in ordered.meta
    monkeypatch.undo()
    monkeypatch.setattr("eginterpolator.generation.clock.molecule_lanes", refuse)  # seen when frames are there already
    (again,) = generate_trajectories(tiny, molecule(SMILES), config)
    assert again.meta["clock"] == {"objection": "no parameters"} and "thermalised" not in again.meta
    np.testing.assert_array_equal(again.positions, ordered.positions)
    assert warning.startswith("No clock was measured") and warning.endswith("'molecule' has 12 atoms, more than 3")


@with_lanes
def test_auto_is_the_networks_clock_where_frames_have_no_measured_one(monkeypatch):
    for settings in ({"task": "forward"}, {"hydrogens": False}, {"strength": 0.0}, {"n_frames": 19}):
        found = GenerationConfig(**{"clock": "auto", **settings})
        assert found.clock == "network" and not found.wants_clock, settings
    assert GenerationConfig(clock="auto", ensemble="minimum").clock == "network"
    monkeypatch.setattr("eginterpolator.generation.thermalise.widths", tuple)
    found = GenerationConfig(clock="auto")
    assert found.clock == "network" and found.wants_clock and found.warm_ps == 0
    assert GenerationConfig(thermalise_ps=None).warm_ps == 0.0
    assert GenerationConfig(clock="measured", thermalise_ps=None).warm_ps == 0.5
    assert GenerationConfig(clock="measured", thermalise_ps=0.0).warm_ps == 0.0
    with pytest.raises(InputError, match="--frame-ps needs --clock measured"):
        GenerationConfig(clock="auto", frame_ps=20.0)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"clock": "sundial"}, "'sundial' is not a clock; use one of auto, network, measured"),
        ({"frame_ps": 20.0}, "--frame-ps needs --clock measured"),
        ({"clock": "measured", "frame_ps": 0.0}, "--frame-ps is 0"),
        ({"clock": "measured", "task": "forward"}, "unconditional trajectories with their hydrogens"),
        ({"clock": "measured", "hydrogens": False}, "unconditional trajectories with their hydrogens"),
        ({"clock": "measured", "clock_seconds": -1.0}, "cannot be measured in -1 seconds"),
    ],
)
def test_what_does_not_go_together_is_said(settings, message):
    with pytest.raises(InputError, match=message):
        GenerationConfig(**settings)
