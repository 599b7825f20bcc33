"""Replicas that start from frames, spread over their wells, and are left out where they are not finite."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.chemistry.features import torsion_quadruples, torsions
from eginterpolator.chemistry.stereo import frame_stereo
from eginterpolator.chemistry.wells import well_indices
from eginterpolator.errors import InputError
from eginterpolator.generation import replicas as module
from eginterpolator.generation.replicas import default_seconds, replica_ps, simulate, sound, spread_starts
from eginterpolator.simulation.protocol import lanes_protocol
from tests.builders.networks import geometry, molecule
from tests.generation.test_clock import SMILES, turned, with_lanes


def test_the_length_is_of_the_size_alone():
    assert replica_ps(21, 3.0, 4.0) == pytest.approx(1.36e6 * 3 / 16 * 0.004)
    assert replica_ps(9, 1.0, 4.0) > replica_ps(15, 1.0, 4.0) > replica_ps(68, 1.0, 4.0) > replica_ps(120, 1.0, 4.0)
    assert [default_seconds(n, 4.0) for n in (9, 21, 90)] == [3.0, 3.0, 20.0]
    seconds = default_seconds(45, 4.0)
    assert 8 < seconds < 14 and replica_ps(45, seconds, 4.0) == pytest.approx(1000, rel=0.01)


def test_starts_are_in_the_wells_in_the_shares_of_the_frames_and_rare_wells_have_one():
    frames = np.concatenate([each.positions for each in turned(4, 100)])
    quadruples = torsion_quadruples(molecule(SMILES))
    wells = well_indices(torsions(frames, quadruples)[:, 0])
    one, other = (np.flatnonzero(wells == well) for well in np.unique(wells))
    for few, fewest in ((5, 1), (1, 0)):  # of two hundred frames in the second well
        kept = np.concatenate([one[: 200 - few], other[:few]])
        starts = kept[spread_starts(molecule(SMILES), frames[kept], np.random.default_rng(0))]
        assert len(starts) == module.REPLICAS and fewest <= np.isin(starts, other).sum() <= fewest + 1
    even = spread_starts(molecule(SMILES), frames, np.random.default_rng(0))
    assert np.isin(even, other).sum() == pytest.approx(16 * len(other) / 400, abs=1.1)
    assert len(np.unique(even)) == 16


def test_frames_of_another_stereo_or_apart_are_not_sound():
    chiral = molecule("C[C@H](F)Cl")
    frames = np.repeat(geometry("C[C@H](F)Cl")[None], 6, axis=0)
    frames[0] *= [1, 1, -1]
    frames[1, 0] += 5.0
    assert not frame_stereo(chiral, frames)[0]
    assert sound(chiral, frames).tolist() == [False, False, True, True, True, True]


@with_lanes
def test_replicas_that_leave_what_is_finite_are_left_out(monkeypatch):
    frames = np.concatenate([each.positions for each in turned(1, 20)])
    run = module.run_lanes

    def broken(*arguments, **options):
        made = run(*arguments, **options)
        made.positions[:count] = np.nan
        return made

    monkeypatch.setattr(module, "run_lanes", broken)
    count, protocol = 3, lanes_protocol("thermal")
    found = simulate(molecule(SMILES), frames, protocol, 0.02, 1.3, 1)
    assert len(found.positions) == len(found.angles) == len(found.potential_kcal) == 13
    count = 16
    with pytest.raises(InputError, match="No replica of 'molecule' stayed finite"):
        simulate(molecule(SMILES), frames, protocol, 0.02, 1.3, 1)


@with_lanes
def test_replicas_are_the_same_by_any_number_of_threads_and_start_from_conformers_where_no_frame_is_sound():
    frames, protocol = np.concatenate([each.positions for each in turned(1, 20)]), lanes_protocol("thermal")
    first, second = (simulate(molecule(SMILES), frames, protocol, 0.02, 1.3, 1, threads=n) for n in (1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first.positions, second.positions, strict=True))
    found = simulate(molecule(SMILES), frames[:0], protocol, 0.02, 1.3, 1)
    assert len(found.positions) == 16 and np.isfinite(np.concatenate(found.potential_kcal)).all()
