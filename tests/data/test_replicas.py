"""Replicas of one molecule: those that fit together and are whole, with the reason for each that is left out."""

from __future__ import annotations

import numpy as np
import pytest

from eginterpolator.data.filters import Dropped
from eginterpolator.data.replicas import Replica, replicas_record
from eginterpolator.errors import InputError
from tests.builders.networks import CHIRAL, MIRRORED, geometry, molecule


def frames(smiles: str = CHIRAL, count: int = 6) -> np.ndarray:
    return np.repeat(geometry(smiles)[None], count, axis=0).astype(np.float32)


def test_whole_ones_of_the_commonest_length_stay_and_are_thinned():
    good = [Replica("a", frames(), 0.4), Replica("b", frames() + 1.0, 0.4)]
    dropped = Dropped()
    record = replicas_record(molecule(CHIRAL), [*good, Replica("c", frames(count=5), 0.4)], dropped, "here", stride=2)
    assert record.trajectories.shape == (2, 3, molecule(CHIRAL).n_atoms, 3) and record.frame_ps == pytest.approx(0.8)
    np.testing.assert_array_equal(record.trajectories[1], good[1].positions[::2])
    assert dropped.structures == {"a replica of another length or spacing": 1}


def spoiled(what: str) -> np.ndarray:
    x = frames()
    if what == "hydrogens":
        return x[:, : molecule(CHIRAL).n_heavy]
    if what == "finite":
        x[3, 2, 1] = np.nan
    elif what == "graph":
        x[:, 0] += 5.0
    elif what == "broken":
        x[3, 0] += 5.0
    return frames(MIRRORED) if what == "stereoisomer" else x


@pytest.mark.parametrize("what", ["hydrogens", "finite", "graph", "broken", "stereoisomer"])
def test_each_fault_is_counted_by_its_name_and_alone_it_is_the_reason(what):
    bad, dropped = Replica("bad", spoiled(what), 0.4), Dropped()
    record = replicas_record(molecule(CHIRAL), [Replica("good", frames(), 0.4), bad], dropped, "here")
    (reason,) = dropped.structures
    assert what in reason and len(record.trajectories) == 1
    with pytest.raises(InputError, match=what):
        replicas_record(molecule(CHIRAL), [bad], Dropped(), "here")


def test_no_replica_is_a_reason_too():
    with pytest.raises(InputError, match="no replica"):
        replicas_record(molecule(CHIRAL), [], Dropped(), "here")
