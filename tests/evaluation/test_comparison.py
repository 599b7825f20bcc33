"""One molecule's trajectories against its reference: itself, others, rigid ones, frames that cannot be judged."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eginterpolator.errors import InputError
from eginterpolator.evaluation.comparison import Reference, compare
from eginterpolator.evaluation.trajectories import summarise
from tests.builders.conformers import FLEXIBLE, embedded, walk


@pytest.mark.parametrize("smiles", ["c1ccccc1", "C", "C1CC1"])
def test_rigid_molecules_are_listed_and_judged(smiles):
    molecule, _ = embedded(smiles)
    result = compare(molecule, [walk(smiles, 50, 1)], [walk(smiles, 50, 2)], 5.2)
    assert (result.tica_0, result.tica_01, result.msm) == (None, None, None)
    assert "Too rigid" in result.notes[0] and result.valid == 1
    summary = summarise({"rigid": result})
    assert summary["too_rigid_for_tica"] == ["rigid"] and summary["stereo_retention"] is None
    json.dumps(summary)


def test_a_trajectory_against_itself_and_against_others():
    molecule, _ = embedded(FLEXIBLE)
    reference = [walk(FLEXIBLE, 300, k) for k in range(3)]
    known = Reference.of(molecule, reference, 5.2)
    same, other, stuck = (
        known.compare(reference),
        known.compare([walk(FLEXIBLE, 300, 9)]),
        known.compare([walk(FLEXIBLE, 300, 9, among=1)]),
    )
    assert max(values.max() for values in same.jsd.values()) < 1e-7
    assert max(same.tica_0, same.tica_01, same.msm) < 1e-7
    assert other.tica_0 < stuck.tica_0 and other.msm < stuck.msm
    assert other.jsd["torsion"].mean() < stuck.jsd["torsion"].mean()
    assert (same.stereo_retention, same.valid, same.n_frames, same.has_stereo) == (1, 1, 900, True)
    mirrored = known.compare([-x for x in reference])
    assert mirrored.stereo_retention == 0 and mirrored.jsd["length"].max() < 1e-7
    assert max(values.max() for values in same.wasserstein.values()) < 1e-9
    assert other.wasserstein["torsion"].mean() < stuck.wasserstein["torsion"].mean()
    assert same.timescales_ps["generated"] == same.timescales_ps["reference"] and same.paths is None
    paths = known.compare(reference, paths=True).paths
    assert paths is not None and paths.valid == 1 and paths.paths == 3 and 0 <= paths.probability <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: np.where(np.arange(len(x))[:, None, None] == 3, np.nan, x), "not finite in 1 of 40 frames"),
        (lambda x: x[:1], "1 frame"),
        (lambda x: x[:, :3], r"shape \[40, 3, 3\]"),
    ],
)
def test_frames_that_cannot_be_judged_are_refused(change, message):
    molecule, _ = embedded(FLEXIBLE)
    frames = walk(FLEXIBLE, 40, 1)
    for ours, theirs in ((change(frames), frames), (frames, change(frames))):
        with pytest.raises(InputError, match=message):
            compare(molecule, [ours], [theirs], 5.2)
    with pytest.raises(InputError, match="no trajectory"):
        compare(molecule, [], [frames], 5.2)
