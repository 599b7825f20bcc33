"""A clock that is measured in lanes, and the frames in its order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.errors import InputError
from eginterpolator.files.trajectory import Trajectory
from eginterpolator.generation.clock import ClockSettings, clocked, spacing
from eginterpolator.generation.quality import quality_warnings
from eginterpolator.generation.tasks import GenerationConfig, as_drawn, generate_trajectories
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


def angles(trajectories: list[Trajectory]) -> np.ndarray:
    """The torsion of each frame, radians: [S, T]."""
    quadruples = torsion_quadruples(trajectories[0].molecule)
    return np.stack([torsions(each.positions, quadruples)[:, 0] for each in trajectories])


def changes(trajectories: list[Trajectory]) -> float:
    return float((np.abs(np.diff(np.cos(angles(trajectories)), axis=1)) > 0.8).mean())


def test_frames_of_a_path_are_whole_numbers_of_frames_of_a_replica_apart():
    assert spacing(5.2, 1.3) == (4, pytest.approx(1.3)) and spacing(0.5, 1.3) == (1, 0.5)
    assert spacing(20.0, 1.3) == (15, pytest.approx(20 / 15)) and spacing(1.9, 1.3) == (1, 1.9)
    with pytest.raises(InputError, match="cannot be measured in 0 seconds"):
        ClockSettings(seconds=0)


@with_lanes
def test_paths_are_of_pieces_of_md_in_which_wells_change_by_their_rates():
    before, settings = turned(), ClockSettings(seconds=0.5)
    after = clocked(before, settings, 7, 5.2, (4, 60))
    facts = after[0].meta["clock"]
    assert facts["network_frames"] == 240 and facts["replicas"] == 16 and facts["frames_used"] == 240
    assert 2 * 5.2 <= facts["piece_ps"] <= 0.25 * facts["replica_ps"] + 5.2
    (mover,) = facts["movers"]
    assert mover["jumps"] > 20 and mover["wells"] >= 2 and len(mover["network_shares"]) == mover["wells"]
    steps = 4 * 59
    spread = np.sqrt(mover["expected"] * steps)  # of a number of changes
    assert mover["changes"] * steps == pytest.approx(mover["expected"] * steps, abs=4 * spread + 1) and spread > 1
    assert mover["expected"] < 0.2 and changes(after) < 0.5 * changes(before)
    assert all(np.isfinite(each.meta["potential_kcal"]).all() and each.n_frames == 60 for each in after)
    again = clocked(before, settings, 7, 5.2, (4, 60))
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(after, again, strict=True))
    few = clocked(before, settings, 7, 5.2, (2, 30))
    assert [(each.meta["sample"], each.n_frames, each.meta["n_frames"]) for each in few] == [(0, 30, 30), (1, 30, 30)]


@with_lanes
def test_frames_far_apart_forget_their_wells_and_more_paths_than_there_were_are_made():
    before = turned(2, 60)
    for k, each in enumerate(before):
        each.meta["thermalised"] = {"frames": 60 + k}
    wide = clocked(before, ClockSettings(seconds=0.5), 7, 1000.0, (5, 40))
    facts = wide[0].meta["clock"]
    assert facts["piece_ps"] == 1000.0 and facts["save_ps"] == 1.3 and facts["pieces"] == facts["frames"]
    assert wide[0].frame_ps == 1000.0 and [each.meta["sample"] for each in wide] == [0, 1, 2, 3, 4]
    (mover,) = facts["movers"]
    assert mover["expected"] == pytest.approx(1 - sum(share**2 for share in mover["shares"]), abs=0.02)
    assert mover["changes"] == pytest.approx(mover["expected"], abs=0.12)
    # each frame that was thermalised is told of once
    assert [each.meta.get("thermalised") for each in wide] == [{"frames": 60}, {"frames": 61}, None, None, None]


@with_lanes
def test_frames_that_are_not_sound_tell_nothing_and_that_is_said():
    before = turned(2, 60)
    before[0].positions[:] += 2 * np.random.default_rng(0).normal(size=before[0].positions.shape)
    (found, _) = clocked(before, ClockSettings(seconds=0.05), 7, 5.2, (2, 20))
    facts = found.meta["clock"]
    assert facts["network_frames"] == 120 and facts["network_sound"] == 0.5
    torn = [replace(each, positions=each.positions * 1.4) for each in before[1:]]
    (made,) = clocked(torn, ClockSettings(seconds=0.05), 7, 5.2, (1, 20))
    assert made.meta["clock"]["network_sound"] == 0.0 and np.isfinite(made.positions).all()
    (warning, *_) = quality_warnings({**made.meta, "valid": 1.0, "stereo_retention": 1.0})
    assert warning.startswith("Only 0 % of the network's frames are sound")


@with_lanes
def test_a_molecule_without_torsions_has_pieces_too():
    ethane = molecule("CC")
    still = Trajectory(ethane, np.repeat(geometry("CC")[None], 20, axis=0), 5.2, {"frame_ps": 5.2})
    (found,) = clocked([still], ClockSettings(seconds=0.05), 1, 5.2, (1, 50))
    assert found.n_frames == 50 and found.meta["clock"]["movers"] == []
    lengths = np.linalg.norm(found.positions[:, 0] - found.positions[:, 1], axis=1)
    assert 0.01 < lengths.std() < 0.1 and abs(lengths.mean() - 1.53) < 0.05


@with_lanes
def test_frames_that_come_again_have_run_on():
    before, settings = turned(1, 60), ClockSettings(seconds=0.02)
    shape = (4, 400)
    plain = clocked(before, settings, 7, 5.2, shape)
    moved = clocked(before, settings, 7, 5.2, shape, again=ThermaliseSettings(ps=0.1))
    assert "frames_again" not in plain[0].meta["clock"]

    def distinct(trajectories: list[Trajectory]) -> int:
        energies = np.concatenate([each.meta["potential_kcal"] for each in trajectories])
        return len(np.unique(energies))

    again = moved[0].meta["clock"]["frames_again"]
    repeats = 1600 - distinct(plain)
    assert 0 < again <= repeats and distinct(moved) == 1600 - repeats + again
    turns = np.cos(angles(plain) - angles(moved))
    assert turns.min() > 0.3  # in the wells where they were


@with_lanes
def test_generated_frames_come_from_the_structure_model_and_a_pool(tiny, monkeypatch):
    config = GenerationConfig(n_frames=30, n_samples=1, clock="measured", clock_seconds=0.02, frame_ps=20.8, steps=4)

    def drawn(**settings) -> tuple[int, int]:
        found = as_drawn(replace(config, **settings))
        return found.n_samples, found.n_frames

    assert drawn() == (4, 30) and drawn(n_samples=10) == (10, 30) and drawn(n_samples=80) == (17, 30)
    assert replace(config, friction_per_ps=20.0).clock_settings().friction_per_ps == 20.0
    assert drawn(n_frames=1000) == (1, 500) == drawn(n_frames=500, n_samples=10)
    assert drawn(clock="network", frame_ps=None, n_samples=80) == (80, 30)
    monkeypatch.setattr("eginterpolator.generation.tasks.POOL_FRAMES", 100)
    (found,) = generate_trajectories(tiny, molecule(SMILES), config)
    assert found.frame_ps == found.meta["frame_ps"] == 20.8 and found.n_frames == 30
    assert found.meta["strength"] == 0.0 and found.meta["clock"]["seconds"] == 0.02
    assert found.meta["clock"]["network_frames"] == 120


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
        ({"clock": "measured", "frame_ps": 0.0}, "--frame-ps is 0; give 0.05 or more"),
        ({"friction_per_ps": 20.0}, "--friction needs --clock measured"),
        ({"clock": "measured", "friction_per_ps": -1.0}, "friction"),
        ({"clock": "measured", "task": "forward"}, "unconditional trajectories with their hydrogens"),
        ({"clock": "measured", "hydrogens": False}, "unconditional trajectories with their hydrogens"),
        ({"clock": "measured", "clock_seconds": -1.0}, "cannot be measured in -1 seconds"),
    ],
)
def test_what_does_not_go_together_is_said(settings, message):
    with pytest.raises(InputError, match=message):
        GenerationConfig(**settings)
