"""Molecular dynamics that is given the seconds of a generated trajectory."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from eginterpolator.benchmark import md
from eginterpolator.benchmark.config import load_study
from eginterpolator.benchmark.md import Rival, affordable, kept_frames, simulate_for
from eginterpolator.chemistry.molecule import Molecule
from eginterpolator.errors import InputError
from eginterpolator.files.folder import read_molecule_folder
from eginterpolator.simulation.engines.base import Replica, SimulationError, Unsupported
from eginterpolator.simulation.engines.choice import Chosen
from eginterpolator.simulation.engines.lanes.library import widths
from tests.builders.networks import geometry, molecule
from tests.builders.simulation import SHORT, needs_md

METHANOL = Molecule.from_smiles("CO", "methanol")


class Clockwork:
    """An engine whose frames come when a clock says so: `before` s, then `each` s a frame, one run after another."""

    default_replicas = 16

    def __init__(self, clock: SimpleNamespace, before: float, each: float, later: float | None = None) -> None:
        self.clock, self.before, self.each, self.later = clock, before, each, later
        self.calls: list[tuple[int, int]] = []

    def replicas(self, molecule, protocol, starts, seeds, *, ns, save_ps, threads, on_frame):
        assert threads == 1
        frames = round(ns * 1000 / save_ps)
        self.calls.append((len(starts), frames))
        self.clock.now += self.before
        slower = self.later if self.later is not None and len(self.calls) > 2 else self.each
        for k in range(frames):
            self.clock.now += slower
            for replica in range(len(starts)):
                on_frame(replica, k + 1, frames)
        for start in starts:
            positions = np.broadcast_to(start, (frames, *start.shape)).astype(np.float32)
            yield Replica(positions, save_ps, np.zeros(frames), np.zeros(frames), None, "16 lanes", 0.0, 1.0)


@pytest.fixture
def clockwork(monkeypatch):
    """Makes `simulate_for` run by a Clockwork under a name, and gives meta.json and the engine's calls."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(md.time, "perf_counter", lambda: clock.now)

    def start_conformers(molecule, n, seed):
        clock.now += 0.5 * n
        return np.repeat(geometry("CO")[None], n, axis=0)

    monkeypatch.setattr(md, "start_conformers", start_conformers)

    def run(name, seconds, task, out, **times):
        engine = Clockwork(clock, **times)
        monkeypatch.setattr(md, "choose_engine", lambda *args: Chosen(name))
        monkeypatch.setattr(Chosen, "engine", property(lambda self: engine))
        simulate_for(seconds, METHANOL, task, out, seed=3)
        return read_molecule_folder(out / "methanol")[2], engine.calls

    return run


def test_three_samples_in_lanes_share_three_times_the_seconds(clockwork, study_file, tmp_path):
    """3 x 10 s: 1.5 s for the starts, 8 s before the first frame, and .5 s a frame leave time for 41 frames."""
    task = replace(load_study(study_file).unconditional, samples=3, n_frames=500)
    meta, calls = clockwork("lanes", 10.0, task, tmp_path, before=8.0, each=0.5)
    assert calls[:2] == [(1, 1), (3, md.PILOT_FRAMES)] and calls[2] == (3, 52), "a quarter more is run than promised"
    assert meta["n_frames"] == 41 and meta["seconds"] == pytest.approx(1.5 + 8 + 41 * 0.5)
    assert meta["seconds_to_equal"] == 30.0 and meta["engine"] == "lanes" and meta["platform"] == "16 lanes"


def test_openmm_gives_each_sample_its_own_seconds(clockwork, study_file, tmp_path):
    task = replace(load_study(study_file).unconditional, samples=3, n_frames=500)
    meta, calls = clockwork("openmm", 10.0, task, tmp_path, before=2.0, each=0.5)
    assert [count for count, _ in calls] == [1] * 5
    assert meta["n_frames"] == 15 and meta["seconds"] == pytest.approx(3 * (0.5 + 2 + 15 * 0.5))


def test_what_comes_after_the_time_is_cut_off_for_all_alike(clockwork, study_file, tmp_path):
    """The machine is slower than in the pilot: the clock decides, not the promise."""
    task = replace(load_study(study_file).unconditional, samples=2, n_frames=500)
    meta, _ = clockwork("lanes", 10.0, task, tmp_path, before=1.0, each=0.5, later=1.0)
    assert meta["n_frames"] == 18 and meta["seconds"] == pytest.approx(1 + 1 + 18)
    assert all(t.n_frames == 18 for t in read_molecule_folder(tmp_path / "methanol")[1])


def test_the_whole_length_is_never_exceeded_and_spends_less_than_was_given(clockwork, study_file, tmp_path):
    task = replace(load_study(study_file).unconditional, samples=3, n_frames=20)
    meta, calls = clockwork("lanes", 1000.0, task, tmp_path, before=8.0, each=0.5)
    assert calls[-1] == (3, 20) and meta["n_frames"] == 20
    assert meta["seconds"] == pytest.approx(1.5 + 8 + 10) and meta["seconds_to_equal"] == 3000.0


def test_samples_beyond_a_register_run_in_equal_parts():
    width = max(widths())
    rival = Rival(METHANOL, SHORT, 0.4, np.zeros((2 * width + 1, 6, 3)), 0, Chosen("lanes"))
    sizes = [len(part) for part in rival.parts]
    assert len(sizes) == 3 and sum(sizes) == 2 * width + 1 and max(sizes) - min(sizes) <= 1
    assert [k for part in rival.parts for k in part] == list(range(2 * width + 1))
    assert [len(part) for part in replace(rival, chosen=Chosen("openmm")).parts] == [1] * (2 * width + 1)


def test_frames_of_a_pilot_and_of_a_clock():
    assert affordable(np.array([3.0, 5.0, 7.0]), 12.9) == 5 and affordable(np.array([3.0, 5.0, 7.0]), 2.0) == 0
    clocks = [np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, np.nan])]
    assert kept_frames(clocks, [3.0, 4.0]) == 2 and kept_frames(clocks, [1.5, 9.0]) == 1


@needs_md
def test_no_seconds_make_two_frames_and_many_make_all(study_file, tmp_path):
    methanol, task = molecule("CO"), load_study(study_file).unconditional
    start = geometry("CO")
    for seconds, frames in ((0.0, 2), (1e9, task.n_frames)):
        simulate_for(seconds, methanol, task, tmp_path / f"{frames}", seed=3, start=start)
        (folder,) = (tmp_path / f"{frames}").iterdir()
        _, trajectories, meta = read_molecule_folder(folder)
        assert len(trajectories) == task.samples == meta["samples"]
        assert all(t.n_frames == frames and t.frame_ps == pytest.approx(task.frame_ps) for t in trajectories)
        assert meta["seconds"] > 0 and meta["seconds_to_equal"] == seconds * task.samples
        assert meta["protocol"]["name"] == "implicit"
        assert meta["engine"] == "lanes" and meta["platform"] == f"{max(widths())} lanes"
        assert np.isfinite(trajectories[0].positions).all() and meta["valid"] > 0.5
        assert np.abs(trajectories[0].positions - trajectories[1].positions).max() > 0.01, "seeds of their own"


@needs_md
def test_no_more_seconds_are_spent_than_were_given(study_file, tmp_path):
    """On the machine's own clock, with about half the seconds that the whole length takes."""
    task = replace(load_study(study_file).unconditional, n_frames=60)
    simulate_for(1e9, METHANOL, task, tmp_path / "whole", seed=3)
    whole = read_molecule_folder(tmp_path / "whole" / "methanol")[2]
    assert whole["n_frames"] == 60 and whole["seconds"] < whole["seconds_to_equal"]
    simulate_for(0.6 * whole["seconds"] / task.samples, METHANOL, task, tmp_path / "part", seed=3)
    meta = read_molecule_folder(tmp_path / "part" / "methanol")[2]
    assert meta["seconds"] <= meta["seconds_to_equal"] or meta["n_frames"] == md.LEAST_FRAMES


@needs_md
def test_openmm_takes_what_lanes_do_not_know_and_a_bad_replica_is_no_row(study_file, tmp_path, monkeypatch):
    from eginterpolator.simulation.engines.lanes import replicas

    def refuse(*args):
        raise Unsupported("it has a force of the kind that a test made up")

    monkeypatch.setattr(replicas, "molecule_lanes", refuse)
    task = replace(load_study(study_file).unconditional, samples=1, n_frames=2)
    simulate_for(0.0, METHANOL, task, tmp_path, seed=3, start=geometry("CO"))
    meta = read_molecule_folder(tmp_path / "methanol")[2]
    assert meta["engine"] == "openmm" and meta["platform"] == "Reference"

    broken = SimpleNamespace(replicas=lambda *args, **options: iter([SimulationError("it blew up.")]))
    monkeypatch.setattr(Chosen, "engine", property(lambda self: broken))
    with pytest.raises(SimulationError, match="blew up"):
        simulate_for(0.0, METHANOL, task, tmp_path / "broken", seed=3, start=geometry("CO"))
    assert not (tmp_path / "broken").exists()


@needs_md
def test_a_start_that_is_not_finite_is_said(study_file, tmp_path):
    start = geometry("CO").copy()
    start[0, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        simulate_for(0.0, METHANOL, load_study(study_file).unconditional, tmp_path, seed=3, start=start)
